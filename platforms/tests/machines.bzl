"""The files that a program finds on another machine than the environment."""

load("//third_party:debian.bzl", "debian_packages")

# packages.txt stands for the root, which is the folder that it is in.
_ROOT = """\
exports_files(["packages.txt"])

filegroup(
    name = "root",
    srcs = glob(["**"], exclude = ["BUILD.bazel", "WORKSPACE", "**/* *"]),
    visibility = ["//visibility:public"],
)
"""

def machines():
    """Names the repositories."""
    # The oldest release of Debian's that the archive has, and the newest: glibc 2.31, and what sid has.
    debian_packages(
        name = "debian_11_amd64",
        build = _ROOT,
        packages = ["libc6"],
        suite = "bullseye",
    )
    debian_packages(
        name = "debian_newest_amd64",
        build = _ROOT,
        packages = ["libc6"],
        suite = "sid",
    )
