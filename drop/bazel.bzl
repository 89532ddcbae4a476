"""The Bazel files of the drop, by which a user's workspace takes it as a repository."""

_HEAD = """\
load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])

exports_files(glob(["examples/**", "idl/**", "python/*.whl"]) + ["LICENSE", "sbom.cdx.json"])

# C and C++: the headers, the client behind them, and the static library.
alias(
    name = "strongroom",
    actual = select({{
{clients}    }}, no_match_error = {none}),
)

# The library alone, for bindings of other languages.
alias(
    name = "library",
    actual = select({{
{libraries}    }}, no_match_error = {none}),
)

# The agent.
alias(
    name = "agent",
    actual = select({{
{agents}    }}, no_match_error = {none}),
)

filegroup(
    name = "wheels",
    srcs = glob(["python/*.whl"]),
)
"""

_PLATFORM = """
config_setting(
    name = "{name}",
    constraint_values = [
        "@platforms//cpu:{cpu}",
        "@platforms//os:{os}",
    ],{define}
)

cc_library(
    name = "{name}-client",
    srcs = ["{name}/lib/libstrongroom_client.a"],
    hdrs = glob(["{name}/include/*.h"]),
    includes = ["{name}/include"],
    deps = [":{name}-library"],
)

cc_library(
    name = "{name}-library",
    srcs = ["{name}/lib/libstrongroom.a"],
    linkopts = {linkopts},
)
"""

_MODULE = """\
module(
    name = "strongroom_sdk",
    version = "{version}",
)

bazel_dep(name = "platforms", version = "0.0.10")
bazel_dep(name = "rules_cc", version = "0.0.11")

# What //go needs.
bazel_dep(name = "gazelle", version = "0.45.0", repo_name = "bazel_gazelle")
bazel_dep(name = "rules_go", version = "0.62.0", repo_name = "io_bazel_rules_go")

go_deps = use_extension("@bazel_gazelle//:extensions.bzl", "go_deps")
go_deps.from_file(go_mod = "//go:go.mod")
use_repo(go_deps, "com_github_mattn_go_pointer", "org_golang_x_sys")
"""

_CPUS = {"amd64": "x86_64", "arm64": "aarch64"}

def bazel_files(version, platforms):
    """The text of each file, by its path.

    Args:
      version: of the release.
      platforms: structs with the platform's name, its agent's path and its libraries as linker options.

    Returns:
      A dictionary.
    """

    def rows(suffix):
        return "".join(['        ":{}": ":{}",\n'.format(p.name, suffix(p)) for p in platforms])

    build = _HEAD.format(
        agents = rows(lambda p: "{}/{}".format(p.name, p.agent)),
        clients = rows(lambda p: p.name + "-client"),
        libraries = rows(lambda p: p.name + "-library"),
        none = repr("this drop of strongroom is for " + ", ".join([p.name for p in platforms]) + "; take the drop for this platform, or the one for all"),
    )
    for platform in platforms:
        parts = platform.name.split("-")
        build += _PLATFORM.format(
            cpu = _CPUS[parts[1]],
            # Bazel has no name for the C library of a platform.
            define = "\n    define_values = {\"strongroom_libc\": \"musl\"}," if parts[-1] == "musl" else "",
            linkopts = [option for option in platform.libraries.split(" ") if option],
            name = platform.name,
            os = parts[0],
        )
    return {
        "BUILD.bazel": build,
        "MODULE.bazel": _MODULE.format(version = version),
        "WORKSPACE": 'workspace(name = "strongroom_sdk")\n',
    }
