"""Targets built for another platform than the build's own."""

def _to_platform_impl(_settings, attr):
    return {"//command_line_option:platforms": [attr.platform]}

_to_platform = transition(
    implementation = _to_platform_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _built_for_impl(ctx):
    files = []
    for src in ctx.files.srcs:
        # In a folder of its own: a test has the build's own file of the same name beside it.
        file = ctx.actions.declare_file("{}/{}".format(ctx.label.name, src.basename))
        ctx.actions.symlink(output = file, target_file = src)
        files.append(file)
    return [DefaultInfo(files = depset(files))]

built_for = rule(
    doc = "The files of `srcs`, as `tools/bazel build --platforms=PLATFORM` makes them.",
    implementation = _built_for_impl,
    cfg = _to_platform,
    attrs = {
        "platform": attr.label(mandatory = True),
        "srcs": attr.label_list(allow_files = True, mandatory = True),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
    },
)
