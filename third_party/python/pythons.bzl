"""Other releases of CPython than the environment's, from Debian's packages, for the test that installs the wheel: `@pythons//:programs`, which need
`@pythons//:files` beside them.

They are unpacked, not installed. Debian's signatures pin them, as everything in the environment.
"""

load("//third_party:debian.bzl", "APT")

# A package name to the suite that has it: the oldest release that the package promises to run on, and what forky has beside its own.
_PYTHONS = {
    "3.11": "bookworm",
    "3.13": "forky",
    "3.15": "forky",
}

_BUILD = """\
filegroup(
    name = "programs",
    srcs = glob(["usr/bin/python3.*"]),
    visibility = ["//visibility:public"],
)

filegroup(
    name = "files",
    srcs = glob(["usr/**"], exclude = ["**/* *"]),
    visibility = ["//visibility:public"],
)
"""

_FETCH = APT + """
for version in $VERSIONS; do
  apt download "python$version" "python$version-minimal" "libpython$version-stdlib" "libpython$version-minimal"
done
for package in *.deb; do
  dpkg-deb -x "$package" .
done
rm -rf apt ./*.deb usr/share
"""

def _pythons_impl(rctx):
    suites = {suite: True for suite in _PYTHONS.values()}.keys()
    done = rctx.execute(
        ["bash", "-euc", _FETCH],
        environment = {"ARCHITECTURE": "amd64", "SUITES": " ".join(suites), "VERSIONS": " ".join(_PYTHONS.keys())},
        timeout = 1200,
    )
    if done.return_code != 0:
        fail("fetching Debian's packages of python{}: {}{}".format(", ".join(_PYTHONS.keys()), done.stdout, done.stderr))
    rctx.file("BUILD.bazel", _BUILD)

pythons = repository_rule(implementation = _pythons_impl)
