"""Python packages from PyPI, pinned by hash, for what runs in Bazel only. They are not in the environment: another environment is another cache
of everything that Bazel has built.

Each requirement NAME of the lock file becomes `@python_packages//:NAME`, for the environment's Python. Where a program needs all of them, `together`
makes one library of them, `//:packages`, in a fraction of the time.
"""

_HEADER = 'load("@rules_python//python:defs.bzl", "py_library")\n'

_LIBRARY = """
py_library(
    name = "{name}",
    srcs = glob(["{name}/**/*.py"], allow_empty = True),
    data = glob(["{name}/**"], exclude = ["**/*.py", "**/* *", "**/__pycache__/**"]),
    imports = ["{name}"],
    visibility = ["//visibility:public"],
)
"""

def _install(rctx, lock, name):
    done = rctx.execute(
        ["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes", "--only-binary=:all:"] +
        ["--root-user-action=ignore", "--no-cache-dir", "--target", name, "-r", lock],
        timeout = 1200,
    )
    if done.return_code != 0:
        fail("pip install of {}: {}{}".format(rctx.read(lock), done.stdout, done.stderr))
    return _LIBRARY.format(name = name)

def _python_packages_impl(rctx):
    build = _HEADER
    if rctx.attr.together:
        build += _install(rctx, rctx.path(rctx.attr.lock), "packages")
    else:
        for line in rctx.read(rctx.attr.lock).splitlines():
            if not line or line.startswith("#"):
                continue
            rctx.file("lock.txt", line + "\n")
            build += _install(rctx, "lock.txt", line.split("==")[0])
        rctx.delete("lock.txt")
    rctx.file("BUILD.bazel", build)

python_packages = repository_rule(
    implementation = _python_packages_impl,
    attrs = {
        "lock": attr.label(mandatory = True, allow_single_file = True),
        "together": attr.bool(doc = "One library of all, instead of one each."),
    },
)
