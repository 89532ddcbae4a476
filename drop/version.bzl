"""The version of a release, for BUILD files: that of the workspace in Cargo.toml, which is the one place where it is written."""

def _release_impl(rctx):
    section = rctx.read(rctx.attr.manifest).split("[workspace.package]")[1].split("\n[")[0]
    version = [line.split('"')[1] for line in section.splitlines() if line.startswith("version = ")]
    if len(version) != 1:
        fail("{} has no version in [workspace.package]".format(rctx.attr.manifest))
    rctx.file("BUILD.bazel", "")
    rctx.file("version.bzl", '"""Made by //drop:version.bzl."""\n\nVERSION = "{}"\n'.format(version[0]))

release = repository_rule(
    implementation = _release_impl,
    attrs = {"manifest": attr.label(mandatory = True)},
)
