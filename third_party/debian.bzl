"""Repositories out of Debian's packages in the environment."""

_RULES = {
    "aspect_bazel_lib": "tools/bazel_lib",
    "bazel_features": "tools/features",
    "bazel_skylib": "tools/skylib",
    "io_bazel_stardoc": "tools/stardoc",
    "platforms": "tools/platforms",
    "rules_cc": "rules/cc",
    "rules_license": "rules/license",
    "rules_pkg": "rules/pkg",
    "rules_python": "rules/python",
    "rules_shell": "rules/shell",
}

def debian_rules():
    for name, path in _RULES.items():
        native.local_repository(name = name, path = "/usr/share/bazel/" + path)

def _debian_copy_impl(rctx):
    done = rctx.execute(["cp", "-R", rctx.attr.path + "/.", "."])
    if done.return_code != 0:
        fail("copying {}: {}".format(rctx.attr.path, done.stderr))
    if rctx.attr.build_file:
        rctx.symlink(rctx.attr.build_file, "BUILD.bazel")
    for patch in rctx.attr.patches:
        rctx.patch(patch, strip = 1)

debian_copy = repository_rule(
    doc = "A copy of a folder of the environment, for what needs a patch or a BUILD file.",
    implementation = _debian_copy_impl,
    attrs = {
        "path": attr.string(mandatory = True),
        "build_file": attr.label(),
        "patches": attr.label_list(),
    },
)
