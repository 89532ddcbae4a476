"""Tests of a platform."""

load("//platforms:built_for.bzl", "built_for")
load("//python:pytest.bzl", "pytest_test")

def platform_test(platform, files, built = {}, roots = {}, srcs = [], data = [], manual = False, **kwargs):
    """The test `PLATFORM_test`, which `test_PLATFORM.py` is the text of.

    Args:
      platform: as //platforms calls it
      files: variables of the test, and the files that they name; the tables of conformance and of support are always there
      built: the same, of what is built for the platform
      roots: variables, and the repositories with a root of another system: the variable names its packages.txt
      srcs: what the text imports, beside machine.py
      data: more files
      manual: whether the test is no part of `//...`
      **kwargs: as for pytest_test
    """
    tags = ["manual"] if manual else []
    named = {
        "CASES": "//conformance:cases.json",
        "GAPS": "//conformance:gaps.json",
        "SUPPORT": "//platforms:support.json",
        "VECTORS": "//conformance:vectors.json",
    }
    named.update(files)
    for variable, label in built.items():
        target = "{}_{}".format(platform, variable.lower())
        built_for(
            name = target,
            testonly = True,
            srcs = [label],
            platform = "//platforms:" + platform,
            tags = tags,
        )
        named[variable] = target
    for variable, repository in roots.items():
        named[variable] = "@{}//:packages.txt".format(repository)
        data = data + ["@{}//:root".format(repository)]
    pytest_test(
        name = platform + "_test",
        srcs = ["machine.py"] + srcs,
        data = named.values() + data,
        env = {variable: "$(rootpath {})".format(label) for variable, label in named.items()},
        tags = tags,
        test = "test_{}.py".format(platform),
        deps = ["//python/tests:trees"],
        **kwargs
    )
