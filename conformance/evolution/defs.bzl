"""Bindings of one version of an interface against the library of another."""

load("@io_bazel_rules_go//go:def.bzl", "go_test")
load("//codegen:sdk.bzl", "sdk_library")
load("//python:pytest.bzl", "pytest_test")

def meeting(bindings, library):
    """The bindings of a version and the library of another, with the tests in C, Go and Python of the package.

    Args:
      bindings: the version of the bindings, a folder beside the package.
      library: that of the library.
    """
    sdk_library(
        name = "evolution",
        idl = "//conformance/evolution/%s:evolution.idl" % bindings,
        importpath = "strongroom.dev/%s/evolution" % native.package_name(),
        service = "//conformance/evolution/%s:service" % library,
        visibility = ["//visibility:private"],
    )
    native.cc_test(
        name = "c_test",
        srcs = ["evolution_test.c"],
        copts = [
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
        ],
        linkopts = ["-pthread"],
        linkstatic = True,
        deps = [
            ":evolution_c",
            "//conformance/c:expect",
        ],
    )
    go_test(
        name = "go_test",
        srcs = ["golang/evolution_test.go"],
        deps = [
            ":evolution_go",
            "//go/rpc",
            "@com_github_stretchr_testify//assert",
            "@com_github_stretchr_testify//require",
        ],
    )
    pytest_test(
        name = "py_test",
        test = "test_evolution.py",
        deps = [":evolution_py"],
    )
