"""Tests of the conformance suite in Python."""

load("//python:pytest.bzl", "pytest_test")

_LIBRARY = "//conformance/service:shared"

def suite_test(name, data = [], env = {}, deps = [], test = None, **kwargs):
    """The tests of test_NAME.py, with the library that they call.

    Args:
      name: of the target, NAME_test.
      data: what they read besides.
      env: what they are told besides.
      deps: what they import besides.
      test: the file, where it has another name.
      **kwargs: as for pytest_test.
    """
    pytest_test(
        name = name,
        test = test or "test_%s.py" % name.removesuffix("_test"),
        data = data + [_LIBRARY],
        env = dict(env, CONFORMANCE_LIBRARY = "$(rootpath %s)" % _LIBRARY),
        deps = deps + [":suite"],
        **kwargs
    )
