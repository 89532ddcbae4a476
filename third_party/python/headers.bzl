"""The headers of Python, for extensions against its limited API."""

load("//third_party:debian.bzl", "debian_packages")

_BUILD = """\
cc_library(
    name = "headers",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)

# Without what CPython was told about the system that it was built for.
cc_library(
    name = "portable",
    hdrs = glob(["portable/**"]),
    includes = ["portable"],
    visibility = ["//visibility:public"],
)
"""

def _python_headers_impl(rctx):
    done = rctx.execute(["sh", "-ec", """
        from=$(python3 -c "import sysconfig; print(sysconfig.get_path('include'))")
        machine=$(python3 -c "import sysconfig; print(sysconfig.get_config_var('MULTIARCH'))")
        cp -RL "$from" include
        cp -R include portable
        rm portable/pyconfig.h
        # Debian keeps the part that depends on the machine in a folder of its own.
        mkdir "include/$machine"
        cp -RL "/usr/include/$machine/$(basename "$from")" "include/$machine/"
    """])
    if done.return_code != 0:
        fail("copying the headers of python3: " + done.stderr)
    rctx.file("BUILD.bazel", _BUILD)

python_headers = repository_rule(implementation = _python_headers_impl)

_PACKAGE_BUILD = """\
cc_library(
    name = "headers",
    hdrs = glob(["usr/include/**"]),
    includes = [
        "usr/include",
        "usr/include/python3.14",
    ],
    visibility = ["//visibility:public"],
)
"""

def python_headers_for(name, architecture):
    """The same headers as those of the environment's Python, for another architecture of Debian's."""
    debian_packages(
        name = name,
        architecture = architecture,
        build = _PACKAGE_BUILD,
        packages = ["libpython3.14-dev=as libpython3.14-dev"],
    )
