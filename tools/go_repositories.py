"""Writes go_repository rules for the modules of `go list -m -json all` (standard input) that go.sum (argument) sums."""

import json
import pathlib
import sys


def repository(path):
    """Gazelle's name for a module's repository: the host's labels reversed, then the rest."""
    host, _, rest = path.partition("/")
    parts = list(reversed(host.split("."))) + ([rest] if rest else [])
    return "".join(c if c.isalnum() else "_" for c in "_".join(parts)).lower()


def modules(text):
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        module, at = decoder.raw_decode(text, at)
        yield module


def main():
    sums = {}
    for line in pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        path, version, value = line.split()
        sums[path, version] = value
    print('"""The Go modules of go.mod, with the sums of go.sum. Made by tools/repin; do not edit."""\n')
    print('load("@bazel_gazelle//:deps.bzl", "go_repository")\n')
    print("def go_repositories():")
    for module in modules(sys.stdin.read()):
        value = sums.get((module["Path"], module.get("Version", "")))
        if module.get("Main") or not value:
            continue
        print("    go_repository(")
        print(f'        name = "{repository(module["Path"])}",')
        print('        build_file_proto_mode = "disable_global",')
        print(f'        importpath = "{module["Path"]}",')
        print(f'        sum = "{value}",')
        print(f'        version = "{module["Version"]}",')
        print("    )")


if __name__ == "__main__":
    main()
