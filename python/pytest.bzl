"""Tests for pytest, which Bazel knows nothing of."""

load("@rules_python//python:defs.bzl", "py_test")

_RUN = Label("//python:run_pytest.py")

def pytest_test(name, test, srcs = [], **kwargs):
    """One file of tests.

    Args:
      name: of the target.
      test: the file.
      srcs: what it needs beside itself, conftest.py for instance.
      **kwargs: as for py_test.
    """
    py_test(
        name = name,
        srcs = [test] + srcs + [_RUN],
        args = ["$(location %s)" % test],
        legacy_create_init = 0,
        main = _RUN,
        **kwargs
    )
