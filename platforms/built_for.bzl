"""Targets built for another platform than the build's own."""

def _to_platform_impl(_settings, attr):
    return {"//command_line_option:platforms": [attr.platform]}

_to_platform = transition(
    implementation = _to_platform_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _built_for_impl(ctx):
    return [DefaultInfo(files = depset(transitive = [src[DefaultInfo].files for src in ctx.attr.srcs]))]

built_for = rule(
    doc = "The files of `srcs`, as `tools/bazel build --platforms=PLATFORM` makes them.",
    implementation = _built_for_impl,
    cfg = _to_platform,
    attrs = {
        "platform": attr.label(mandatory = True),
        "srcs": attr.label_list(allow_files = True, mandatory = True),
    },
)
