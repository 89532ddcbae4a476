"""Tests of a platform."""

load("//drop:platforms.bzl", "tags_of")
load("//platforms:built_for.bzl", "built_for")
load("//python:pytest.bzl", "pytest_test")

def platform_test(platform, files, built = {}, roots = {}, srcs = [], data = [], test = None, **kwargs):
    """The test `PLATFORM_test`. Its text finds the files by variables, and in `PLATFORM` which platform it is about.

    Args:
      platform: as //platforms calls it
      files: variables of the test, and the files that they name; the tables of conformance and of support are always there
      built: the same, of what is built for the platform
      roots: variables, and the repositories with a root of another system: the variable names its packages.txt
      srcs: what the text imports, beside machine.py
      data: more files
      test: the text, where it is not `test_PLATFORM.py`
      **kwargs: as for pytest_test
    """
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
            tags = tags_of(platform),
        )
        named[variable] = target
    for variable, repository in roots.items():
        named[variable] = "@{}//:packages.txt".format(repository)
        data = data + ["@{}//:root".format(repository)]
    pytest_test(
        name = platform + "_test",
        srcs = ["machine.py"] + srcs,
        data = named.values() + data,
        env = dict({variable: "$(rootpath {})".format(label) for variable, label in named.items()}, PLATFORM = platform),
        tags = tags_of(platform),
        test = test or "test_{}.py".format(platform),
        deps = ["//python/tests:trees"],
        **kwargs
    )
