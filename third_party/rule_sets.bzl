"""The first half of a WORKSPACE that builds this tree or a project on it: rule sets, and what is fetched without them."""

load("//drop:debian.bzl", "llvm")
load("//drop:licences.bzl", "go_modules", "runtime_licences")
load("//drop:version.bzl", "release")
load("//third_party:debian.bzl", "debian_copy", "debian_rules")
load("//third_party/crates:vendor.bzl", "crates")
load("//third_party/go:experiments.bzl", "go_experiments")
load("//third_party/go:module.bzl", "go_module")
load("//third_party/python:headers.bzl", "python_headers", "python_headers_for")
load("//third_party/rust:toolchain.bzl", "debian_rust", "debian_rust_std")

def _folder_impl(rctx):
    for file in rctx.path(rctx.attr.of).dirname.readdir():
        rctx.symlink(file, file.basename)

_folder = repository_rule(
    doc = "A folder of this tree as a repository; a project's WORKSPACE does not know where this tree is.",
    implementation = _folder_impl,
    attrs = {"of": attr.label(mandatory = True)},
)

def rule_sets():
    """Names every rule set before any *_dependencies(), so that none of these downloads its own."""
    debian_rules()
    debian_copy(
        name = "rules_rust",
        patches = [
            Label("//third_party/rules_rust:build_script_keys.patch"),
            Label("//third_party/rules_rust:windows_names.patch"),
        ],
        path = "/usr/share/bazel/rules/rust",
    )
    go_module(
        name = "io_bazel_rules_go",
        module = "github.com/bazelbuild/rules_go",
        sum = "h1:FpVmU5mfoqSiY6dLquUAtldkcKOMLrmNaWrSnXuGPF4=",
        version = "v0.62.0",
    )
    go_module(
        name = "bazel_gazelle",
        module = "github.com/bazelbuild/bazel-gazelle",
        sum = "h1:ZfbDRyNppw0Sd42lXVX7ybar63MJofb58Yvl4SvbtYY=",
        vendor = True,
        version = "v0.45.0",
    )
    go_experiments(name = "go_experiments")
    _folder(
        name = "package_metadata",
        of = Label("//third_party/package_metadata:WORKSPACE"),
    )

    # The drop
    release(
        name = "release",
        manifest = Label("//:Cargo.toml"),
    )
    llvm(name = "llvm")
    go_modules(
        name = "go_modules",
        go_mod = Label("//:go.mod"),
        go_sum = Label("//:go.sum"),
    )
    runtime_licences(name = "runtime_licences")

    # Rust
    debian_copy(
        name = "rules_rust_tinyjson",
        build_file = "@rules_rust//util/process_wrapper:BUILD.tinyjson.bazel",
        path = "/usr/share/cargo/registry/tinyjson-2.5.1",
    )
    debian_rust(name = "debian_rust")
    debian_rust_std(
        name = "debian_rust_std_arm64",
        architecture = "arm64",
        triple = "aarch64-unknown-linux-gnu",
    )
    crates(
        name = "crates",
        lockfile = Label("//:Cargo.lock"),
        manifests = [
            Label("//:Cargo.toml"),
            Label("//bench/native:Cargo.toml"),
            Label("//conformance/service:Cargo.toml"),
            Label("//rust/capi:Cargo.toml"),
            Label("//rust/engine:Cargo.toml"),
            Label("//rust/rpc:Cargo.toml"),
        ],
    )

    # Python
    python_headers(name = "python_headers")
    python_headers_for(
        name = "python_headers_linux_arm64",
        architecture = "arm64",
    )
