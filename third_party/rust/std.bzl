"""Rust's standard library for targets that Debian has no package of."""

load("@rules_rust//rust:toolchain.bzl", "rust_stdlib_filegroup")

# What cargo makes of the standard library, on every target.
_CRATES = [
    "addr2line",
    "adler2",
    "alloc",
    "cfg_if",
    "compiler_builtins",
    "core",
    "gimli",
    "hashbrown",
    "libc",
    "memchr",
    "miniz_oxide",
    "object",
    "panic_abort",
    "panic_unwind",
    "proc_macro",
    "rustc_demangle",
    "rustc_literal_escaper",
    "rustc_std_workspace_alloc",
    "rustc_std_workspace_core",
    "std",
    "std_detect",
    "unwind",
]

# Debian's rust-src has the sources, with those of the crates that they need: nothing is fetched. Cargo's own way to build them is
# unstable, and the sources are those of the very compiler. The flags are the same in every sandbox, because cargo hashes them into the
# names of symbols.
_BUILD = """
home=$$(mktemp -d)
mkdir $$home/src
printf '[package]\\nname = "nothing"\\nversion = "0.0.0"\\nedition = "2021"\\n' >$$home/Cargo.toml
echo '#![no_std]' >$$home/src/lib.rs
printf '[source.crates-io]\\nreplace-with = "debian"\\n[source.debian]\\ndirectory = "/usr/lib/rustlib/src/rust/library/vendor"\\n' \\
    >$$home/config.toml
CARGO_HOME=$$home CARGO_TARGET_DIR=$$home/target RUSTC_BOOTSTRAP=1 RUSTFLAGS=--remap-path-prefix=/usr/lib/rustlib/src/rust=rust \\
    cargo build --quiet --release --offline --manifest-path $$home/Cargo.toml -Zbuild-std=std,panic_unwind --target {triple}
for out in $(OUTS); do
    file=$${{out##*/}}
    cp $$home/target/{triple}/release/deps/$${{file%.rlib}}-*.rlib $$out
done
rm -rf $$home
"""

def rust_std(name, triple, others = []):
    """The standard library of a target, for rust_toolchain.

    Args:
      name: of the target.
      triple: as rustc calls it.
      others: crates that the standard library has on this target alone.
    """
    native.genrule(
        name = name + "_crates",
        outs = ["{}/lib{}.rlib".format(triple, crate) for crate in sorted(_CRATES + others)],
        cmd = _BUILD.format(triple = triple),
        message = "Building Rust's standard library for " + triple,
        tags = ["manual"],
    )
    rust_stdlib_filegroup(
        name = name,
        srcs = [name + "_crates"],
        tags = ["manual"],
        visibility = ["//visibility:public"],
    )
