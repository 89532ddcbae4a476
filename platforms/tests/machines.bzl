"""What runs programs of other platforms: an emulator, and the files that a program finds on such a machine."""

load("//third_party:debian.bzl", "debian_packages")
load(":windows_python.bzl", "windows_python")
load(":wine.bzl", "wine")

_QEMU = """\
exports_files(["usr/bin/qemu-aarch64"])
"""

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
    debian_packages(
        name = "debian_11_arm64",
        architecture = "arm64",
        build = _ROOT,
        packages = ["libc6"],
        suite = "bullseye",
    )

    # The oldest release with the oldest Python that the wheel is for.
    debian_packages(
        name = "debian_12_arm64",
        architecture = "arm64",
        build = _ROOT,
        packages = [
            "libbz2-1.0",
            "libc6",
            "libexpat1",
            "libffi8",
            "liblzma5",
            "libpython3.11-minimal",
            "libpython3.11-stdlib",
            "libssl3",
            "python3.11-minimal",
            "zlib1g",
        ],
        suite = "bookworm",
    )

    # musl 1.2.2, and what sid has.
    for architecture in ["amd64", "arm64"]:
        for age, suite in [("oldest", "bullseye"), ("newest", "sid")]:
            debian_packages(
                name = "musl_{}_{}".format(age, architecture),
                architecture = architecture,
                build = _ROOT,
                packages = ["musl"],
                suite = suite,
            )

    # Linked statically: it needs nothing of the environment.
    debian_packages(
        name = "qemu",
        build = _QEMU,
        packages = ["qemu-user"],
    )
    wine(name = "wine")
    windows_python(
        name = "windows_python",
        lock = "//platforms/tests:windows_python.txt",
    )
