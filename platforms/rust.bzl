"""Debian's rustc for each platform."""

load("@rules_rust//rust:toolchain.bzl", "rust_toolchain")

# The libraries of Windows that Rust's standard library and crates call.
WINDOWS_LIBRARIES = [
    "-ladvapi32",
    "-lbcrypt",
    "-lkernel32",
    "-lntdll",
    "-luserenv",
    "-lws2_32",
    "-lunwind",
]

# What they call of macOS.
MACOS_LIBRARIES = [
    "-Wl,-framework,CoreFoundation",
    "-Wl,-framework,Security",
]

def rust(name, triple, std, constraints, libraries, flags = [], dylib_ext = ".so", binary_ext = ""):
    """The toolchain `name`.

    Args:
      name: of the toolchain
      triple: what rustc calls the platform
      std: its standard library
      constraints: what the platform is
      libraries: linker options, for what the standard library needs
      flags: more of rustc's
      dylib_ext: how the names of its shared libraries end
      binary_ext: how those of its programs end
    """
    rust_toolchain(
        name = name + "_impl",
        binary_ext = binary_ext,
        cargo = "@debian_rust//:cargo",
        clippy_driver = "@debian_rust//:clippy_driver",
        default_edition = "2021",
        dylib_ext = dylib_ext,
        exec_triple = "x86_64-unknown-linux-gnu",
        extra_rustc_flags = ["-Cpanic=unwind"] + flags,
        opt_level = {
            "dbg": "0",
            "fastbuild": "0",
            "opt": "3",
        },
        rust_doc = "@debian_rust//:rustdoc",
        rust_std = std,
        rustc = "@debian_rust//:rustc",
        rustc_lib = "@debian_rust//:rustc_lib",
        staticlib_ext = ".a",
        stdlib_linkflags = libraries,
        target_triple = triple,
    )
    native.toolchain(
        name = name,
        exec_compatible_with = [
            "@platforms//cpu:x86_64",
            "@platforms//os:linux",
        ],
        target_compatible_with = constraints,
        toolchain = name + "_impl",
        toolchain_type = "@rules_rust//rust:toolchain_type",
    )
