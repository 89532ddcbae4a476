"""The headers of the environment's Python."""

_BUILD = """\
cc_library(
    name = "headers",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)
"""

def _python_headers_impl(rctx):
    done = rctx.execute(["sh", "-ec", """
        from=$(python3 -c "import sysconfig; print(sysconfig.get_path('include'))")
        machine=$(python3 -c "import sysconfig; print(sysconfig.get_config_var('MULTIARCH'))")
        cp -RL "$from" include
        # Debian keeps the part that depends on the machine in a folder of its own.
        mkdir "include/$machine"
        cp -RL "/usr/include/$machine/$(basename "$from")" "include/$machine/"
    """])
    if done.return_code != 0:
        fail("copying the headers of python3: " + done.stderr)
    rctx.file("BUILD.bazel", _BUILD)

python_headers = repository_rule(implementation = _python_headers_impl)
