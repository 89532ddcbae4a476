"""What the drop is made and tried with beyond the environment: Debian packages, unpacked by a rule when Bazel fetches them.

Debian's signatures pin them, as everything in the environment. They are no part of it: another environment is another cache of everything
that Bazel has built.
"""

load("//third_party:debian.bzl", "APT")

_ROOT = APT + """
apt install --download-only --no-install-recommends --yes $PACKAGES
# Every release since bookworm has these as links.
mkdir -p usr/bin usr/sbin usr/lib usr/lib64 proc dev tmp etc
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$folder"; done
for package in apt/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner
  echo "${package##*/}" >>packages.txt
done
rm -rf apt usr/share/doc usr/share/info usr/share/locale usr/share/man
# What a package's script would have made.
[ ! -e usr/bin/gcc ] || ln -s gcc usr/bin/cc
[ ! -e usr/lib/go-1.26 ] || ln -s ../lib/go-1.26/bin/go usr/bin/go
"""

def _debian_root_impl(rctx):
    done = rctx.execute(
        ["bash", "-euo", "pipefail", "-c", _ROOT],
        environment = {"PACKAGES": " ".join(rctx.attr.packages), "ARCHITECTURE": "amd64", "SUITES": rctx.attr.suite},
        timeout = 1200,
    )
    if done.return_code != 0:
        fail("making a root of {} with {}: {}{}".format(rctx.attr.suite, " ".join(rctx.attr.packages), done.stdout, done.stderr))

    # One file stands for the root: a test enters the folder that holds it. Its text changes with the packages.
    rctx.file("BUILD.bazel", 'exports_files(["packages.txt"])\n')

debian_root = repository_rule(
    doc = "A root that has some packages of Debian, what they need, and nothing else: what a user's machine is like, for tests.",
    implementation = _debian_root_impl,
    attrs = {
        "packages": attr.string_list(mandatory = True),
        "suite": attr.string(mandatory = True),
    },
)

_LLVM = APT + """
version=$(cd /usr/lib/x86_64-linux-gnu && ls libLLVM.so.* | sed 's/^libLLVM.so.//; s/[.].*//' | sort -n | tail -n 1)
apt download "lld-$version" "llvm-$version"
for package in *.deb; do
  dpkg-deb -x "$package" .
done
for tool in ar dlltool nm objcopy objdump strip; do
  ln -s "usr/lib/llvm-$version/bin/llvm-$tool" "llvm-$tool"
done
# By the name that it is called with, it knows which linker it is to be.
ln -s "usr/lib/llvm-$version/bin/lld" ld64.lld
rm -rf apt ./*.deb usr/share
"""

_LLVM_BUILD = """\
exports_files([
    "ld64.lld",
    "llvm-ar",
    "llvm-dlltool",
    "llvm-nm",
    "llvm-objcopy",
    "llvm-objdump",
    "llvm-strip",
])
"""

def _llvm_impl(rctx):
    done = rctx.execute(["bash", "-euo", "pipefail", "-c", _LLVM], environment = {"ARCHITECTURE": "amd64", "SUITES": "forky"}, timeout = 1200)
    if done.return_code != 0:
        fail("fetching LLVM's tools: {}{}".format(done.stdout, done.stderr))
    rctx.file("BUILD.bazel", _LLVM_BUILD)

llvm = repository_rule(
    doc = "LLVM's tools for object files: they know those of every platform, and run with the LLVM library that the environment's rustc has.",
    implementation = _llvm_impl,
)
