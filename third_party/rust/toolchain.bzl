"""Debian's rustc as a repository that rust_toolchain can be made from."""

load("//third_party:debian.bzl", "debian_packages")

_BUILD = """\
load("@rules_rust//rust:toolchain.bzl", "rust_stdlib_filegroup")

package(default_visibility = ["//visibility:public"])

filegroup(name = "rustc", srcs = ["bin/rustc"])
filegroup(name = "rustdoc", srcs = ["bin/rustdoc"])
filegroup(name = "cargo", srcs = ["bin/cargo"])
filegroup(name = "clippy_driver", srcs = ["bin/clippy-driver"])
filegroup(name = "rustfmt", srcs = ["bin/rustfmt"])
filegroup(name = "rustc_lib", srcs = glob(["lib/*.so*"], allow_empty = True))

rust_stdlib_filegroup(
    name = "rust_std",
    srcs = glob(["lib/rustlib/x86_64-unknown-linux-gnu/lib/*"]),
)
"""

def _debian_rust_impl(rctx):
    for tool in ["rustc", "rustdoc", "cargo", "clippy-driver", "rustfmt"]:
        rctx.symlink("/usr/bin/" + tool, "bin/" + tool)
    for file in rctx.path("/usr/lib/rustlib/x86_64-unknown-linux-gnu/lib").readdir():
        rctx.symlink(file, "lib/rustlib/x86_64-unknown-linux-gnu/lib/" + file.basename)
    for file in rctx.path("/usr/lib/x86_64-linux-gnu").readdir():
        if file.basename.startswith("librustc_driver-"):
            rctx.symlink(file, "lib/" + file.basename)
    rctx.file("BUILD.bazel", _BUILD)

debian_rust = repository_rule(implementation = _debian_rust_impl)

_STD_BUILD = """\
load("@rules_rust//rust:toolchain.bzl", "rust_stdlib_filegroup")

rust_stdlib_filegroup(
    name = "rust_std",
    srcs = glob(["usr/lib/rustlib/{triple}/lib/*"]),
    visibility = ["//visibility:public"],
)
"""

def debian_rust_std(name, architecture, triple):
    """Rust's standard library for another architecture of Debian's: of the same version as rustc, which reads no other."""
    debian_packages(
        name = name,
        architecture = architecture,
        build = _STD_BUILD.format(triple = triple),
        packages = ["libstd-rust-dev=as rustc"],
    )
