"""The second half of a WORKSPACE that builds this tree or a project on it: what the rule sets of the first half are needed for.

C and C++ for the environment's own platform need nothing: Bazel's own detection of a compiler is pointed at the environment's by .bazelrc.
"""

load("@bazel_gazelle//:deps.bzl", "gazelle_dependencies")
load("@go_experiments//:experiments.bzl", "EXPERIMENTS")
load("@io_bazel_rules_go//go:deps.bzl", "go_local_sdk", "go_register_toolchains", "go_rules_dependencies")
load("//third_party/go:repositories.bzl", "go_repositories")

def toolchains():
    """Registers the environment's compilers, and names the Go modules."""
    native.register_toolchains(
        "@strongroom//platforms/zig:linux_amd64_musl",
        "@strongroom//platforms/zig:linux_arm64",
        "@strongroom//platforms/zig:linux_arm64_musl",
        "@strongroom//platforms/zig:macos_amd64",
        "@strongroom//platforms/zig:macos_arm64",
        "@strongroom//platforms/zig:windows_amd64",
        "@strongroom//platforms:python",
        "@strongroom//platforms:rust",
        "@strongroom//platforms:rust_linux_amd64_musl",
        "@strongroom//platforms:rust_linux_arm64",
        "@strongroom//platforms:rust_linux_arm64_musl",
        "@strongroom//platforms:rust_macos_amd64",
        "@strongroom//platforms:rust_macos_arm64",
        "@strongroom//platforms:rust_windows_amd64",
    )
    go_local_sdk(
        name = "go_sdk",
        experiments = EXPERIMENTS,
        path = "/usr/lib/go-1.26",
    )

    # Before the rule sets' own: theirs would pin older versions of the same libraries.
    go_repositories()
    go_rules_dependencies()
    go_register_toolchains()
    gazelle_dependencies(go_repository_default_config = "@strongroom//:WORKSPACE")
