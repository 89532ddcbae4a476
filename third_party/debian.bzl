"""Repositories out of Debian's packages in the environment."""

_RULES = {
    "aspect_bazel_lib": "tools/bazel_lib",
    "bazel_features": "tools/features",
    "bazel_skylib": "tools/skylib",
    "io_bazel_stardoc": "tools/stardoc",
    "platforms": "tools/platforms",
    "rules_cc": "rules/cc",
    "rules_license": "rules/license",
    "rules_pkg": "rules/pkg",
    "rules_python": "rules/python",
    "rules_shell": "rules/shell",
}

def debian_rules():
    for name, path in _RULES.items():
        native.local_repository(name = name, path = "/usr/share/bazel/" + path)

def _debian_copy_impl(rctx):
    done = rctx.execute(["cp", "-R", rctx.attr.path + "/.", "."])
    if done.return_code != 0:
        fail("copying {}: {}".format(rctx.attr.path, done.stderr))
    if rctx.attr.build_file:
        rctx.symlink(rctx.attr.build_file, "BUILD.bazel")
    for patch in rctx.attr.patches:
        rctx.patch(patch, strip = 1)

debian_copy = repository_rule(
    doc = "A copy of a folder of the environment, for what needs a patch or a BUILD file.",
    implementation = _debian_copy_impl,
    attrs = {
        "path": attr.string(mandatory = True),
        "build_file": attr.label(),
        "patches": attr.label_list(),
    },
)

# For scripts of repository rules: `apt`, which asks the mirror of the environment for packages of $SUITES for $ARCHITECTURE, and knows of nothing
# installed. What it leaves is in the folder `apt`.
APT = """
mkdir -p apt/lists/partial apt/cache/archives/partial
touch apt/status
mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' /etc/apt/sources.list)
for suite in $SUITES; do
  echo "deb [arch=$ARCHITECTURE signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
done >apt/sources.list
apt() {
  apt-get -qq -o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::="$ARCHITECTURE" -o APT::Sandbox::User=root \\
    -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o Dir::Etc::sourcelist="$PWD/apt/sources.list" \\
    -o Dir::Etc::sourceparts=/nonexistent -o Dir::State::lists="$PWD/apt/lists" -o Dir::Cache="$PWD/apt/cache" \\
    -o Dir::State::status="$PWD/apt/status" "$@"
}
apt update
"""

_FETCH = APT + """
for package in "$@"; do
  name=${package%%=*} version=
  # `NAME=as OTHER`: the version that the environment has of another package.
  [[ $package != *=* ]] || version==$(dpkg-query -W -f '${Version}' "${package#*=as }")
  apt download "$name:$ARCHITECTURE$version"
done
for package in *.deb; do
  dpkg-deb -x "$package" .
  echo "$package" >>packages.txt
done
rm -rf apt ./*.deb usr/share/doc
"""

def _debian_packages_impl(rctx):
    done = rctx.execute(
        ["bash", "-euc", _FETCH, "fetch"] + rctx.attr.packages,
        environment = {"ARCHITECTURE": rctx.attr.architecture, "SUITES": rctx.attr.suite},
        timeout = 1200,
    )
    if done.return_code != 0:
        fail("fetching Debian's packages {}: {}{}".format(", ".join(rctx.attr.packages), done.stdout, done.stderr))
    rctx.file("BUILD.bazel", rctx.attr.build)

debian_packages = repository_rule(
    doc = "Packages of Debian's archive, unpacked and not installed; `packages.txt` has their names and versions. Debian's signatures pin " +
          "them, as everything in the environment.",
    implementation = _debian_packages_impl,
    attrs = {
        "architecture": attr.string(default = "amd64"),
        "build": attr.string(doc = "The BUILD file.", mandatory = True),
        "packages": attr.string_list(
            doc = "Names. `NAME=as OTHER` asks for the version that the environment has of OTHER.",
            mandatory = True,
        ),
        "suite": attr.string(default = "forky"),
    },
)
