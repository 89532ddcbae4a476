"""Makes the Go module of the drop: what the tree has under go/, made complete by the static libraries.

    go_module.py --version VERSION --go-mod FILE --go-sum FILE --proxy FOLDER --header FILE --out FOLDER
        --example FOLDER [--platform NAME=LIBRARY]... FILE...

Each platform's library lies in a package of its own, with a Go file that package strongroom imports: so `go mod
vendor` takes it along, and a `replace` finds it. The two modules that it needs lie beside it as a proxy has them, for
machines without one. The C header lies in each package that includes it, because `go mod vendor` knows no folder but
those of packages.
"""

import argparse
import hashlib
import json
import pathlib
import re
import sys

_MODULE = "strongroom.dev"

# What users import. The adapters are modules of their own, so that nobody gets OpenTelemetry or Prometheus unasked.
_CORE = ("go/rpc", "go/strongroom")
_ADAPTERS = ("go/rpc/otelrpc", "go/rpc/promrpc")

# By Go's names: what a build for the platform is told by, and what its linker needs beside the library.
_PLATFORMS = {
    "linux_amd64": ("linux && amd64 && !musl", "-lm -ldl -lpthread"),
    "linux_arm64": ("linux && arm64 && !musl", "-lm -ldl -lpthread"),
    "linux_amd64_musl": ("linux && amd64 && musl", ""),
    "linux_arm64_musl": ("linux && arm64 && musl", ""),
    "macos_amd64": ("darwin && amd64", "-Wl,-framework,Security -Wl,-framework,CoreFoundation"),
    "macos_arm64": ("darwin && arm64", "-Wl,-framework,Security -Wl,-framework,CoreFoundation"),
    "windows_amd64": ("windows && amd64", "-ladvapi32 -lbcrypt -lntdll -luserenv -lws2_32"),
}

_LINK = """\
//go:build cgo && {condition}

package strongroom

// The library of this platform.
import _ "{module}/go/lib/{platform}"
"""

# cgo compiles this text: so a library that is not there is missed by the compiler, which can say what to do, and not
# by the linker.
_LIBRARY = """\
//go:build {condition}

// Package {platform} is the Strongroom library for {dashed}; package strongroom imports it.
//
// The go command looks at Go files only: what is linked changes when this file does. So it says which library it is, by
// SHA-256:
// {digest}
package {platform}

// #if !__has_include("libstrongroom.a")
// #error "strongroom.dev/go/lib/{platform}/libstrongroom.a is missing: unpack the drop again, or go mod vendor again"
// #endif
// #cgo LDFLAGS: ${{SRCDIR}}/libstrongroom.a {libraries}
import "C"
"""

# The name is the message: the compiler says that it is not defined. It begins with the first file, hence that name.
# Both packages have it: without cgo, one is left with no file that imports the other.
_NO_CGO = """\
//go:build !cgo

package {package}

// The go command leaves cgo out where it finds no C compiler, or builds for another platform than its own.
var _ = strongroom_needs_cgo__install_a_C_compiler_such_as_gcc_or_set_CC_and_build_with_CGO_ENABLED_1
"""

_NONE = """\
//go:build {condition}

package strongroom

// This drop has libraries for {platforms}. A drop for another platform, or the one for all, has others; on
// Linux with musl, build with -tags musl.
var _ = this_drop_of_strongroom_has_no_library_for_this_platform__it_has_{joined}
"""


# Bazel links the library by itself, and its users have no need of the packages of platforms.
_BUILD_RPC = """\
load("@io_bazel_rules_go//go:def.bzl", "go_library")

go_library(
    name = "rpc",
    srcs = glob(["*.go"], exclude = ["a_c_compiler_is_needed.go"]) + ["sr.h"],
    cgo = True,
    importpath = "strongroom.dev/go/rpc",
    visibility = ["//visibility:public"],
    deps = [
        "@com_github_mattn_go_pointer//:go-pointer",
        "@org_golang_x_sys//unix",
    ],
)
"""

_BUILD_STRONGROOM = """\
load("@io_bazel_rules_go//go:def.bzl", "go_library")

go_library(
    name = "strongroom",
    srcs = [
        "doc.go",
        "generated.go",
        "sr.h",
    ],
    cdeps = ["//:library"],
    cgo = True,
    importpath = "strongroom.dev/go/strongroom",
    visibility = ["//visibility:public"],
    deps = ["//go/rpc"],
)
"""


def _included(path: pathlib.PurePath) -> bool:
    """Not the tests, and not what links the tree's own build."""
    return path.suffix == ".go" and not path.stem.endswith("_test") and path.name not in ("headers.go", "link.go")


def _package(path: pathlib.Path) -> str:
    """The package of a file of the tree, such as `go/rpc`."""
    parts = path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("go") : -1])


def _requirements(go_mod: str, sources: list[str]) -> list[tuple[str, str]]:
    """Of what go.mod requires, what these sources import: modules and their versions."""
    imported = {i for s in sources for i in re.findall(r'^\s*(?:import )?(?:\w+ )?"([^"]+\.[^"]+)"$', s, re.MULTILINE)}
    pinned = re.findall(r"^\s*(?:require )?(\S+\.\S+) (v\S+)", go_mod, re.MULTILINE)
    return sorted((m, v) for m, v in pinned if any(i == m or i.startswith(f"{m}/") for i in imported))


def _go_mod(module: str, go: str, required: list[tuple[str, str]]) -> str:
    lines = "".join(f"\t{needed} {version}\n" for needed, version in required)
    return f"module {module}\n\ngo {go}\n\nrequire (\n{lines})\n"


def _proxied(proxy: pathlib.Path, module: str, version: str, out: pathlib.Path) -> None:
    """Takes a module over from the folder of a proxy, which writes a capital letter as ! and the small one."""
    place = re.sub("[A-Z]", lambda m: f"!{m[0].lower()}", module)
    for kind in ("info", "mod", "zip"):
        path = pathlib.PurePath(place, "@v", f"{version}.{kind}")
        content = (proxy / path).read_bytes()
        if kind == "info":
            # The rest of it says from where and when it was fetched.
            known = json.loads(content)
            content = json.dumps({key: known[key] for key in ("Version", "Time")}).encode()
        _write(out / path, content)
    _write(out / place / "@v" / "list", f"{version}\n")


def _write(path: pathlib.Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--go-mod", type=pathlib.Path, required=True)
    parser.add_argument("--go-sum", type=pathlib.Path, required=True)
    parser.add_argument("--proxy", type=pathlib.Path, required=True)
    parser.add_argument("--header", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--example", required=True)
    parser.add_argument("--platform", action="append", required=True)
    parser.add_argument("files", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    go_mod = arguments.go_mod.read_text(encoding="utf-8")
    (go,) = re.findall(r"^go (\S+)$", go_mod, re.MULTILINE)
    out: pathlib.Path = arguments.out

    sources: dict[str, list[str]] = {package: [] for package in (*_CORE, *_ADAPTERS)}
    for file in filter(_included, arguments.files):
        package = _package(file)
        if package not in sources:
            sys.exit(f"go_module: {file} is of no package of the drop")
        text = file.read_text(encoding="utf-8")
        sources[package].append(text)
        _write(out / package.removeprefix("go/") / file.name, text)
    for package in _CORE:
        _write(out / package.removeprefix("go/") / "sr.h", arguments.header.read_bytes())
    for package in ("rpc", "strongroom"):
        _write(out / package / "a_c_compiler_is_needed.go", _NO_CGO.format(package=package))

    conditions, names = [], []
    for name, library in (platform.split("=", 1) for platform in arguments.platform):
        condition, libraries = _PLATFORMS[name]
        conditions.append(f"({condition})")
        names.append(name)
        text = _LINK.format(condition=condition, module=_MODULE, platform=name)
        _write(out / "strongroom" / f"link_{name}_library.go", text)
        folder = out / "lib" / name
        content = pathlib.Path(library).read_bytes()
        text = _LIBRARY.format(
            condition=condition,
            dashed=name.replace("_", "-"),
            digest=hashlib.sha256(content).hexdigest(),
            libraries=libraries,
            platform=name,
        )
        _write(folder / "library.go", text.replace("libstrongroom.a \n", "libstrongroom.a\n"))
        _write(folder / "libstrongroom.a", content)
    condition = f"!({' || '.join(conditions)})"
    text = _NONE.format(condition=condition, platforms=", ".join(names), joined="_and_".join(names))
    _write(out / "strongroom" / "no_library.go", text)

    # The module's folder is go/, and its packages are strongroom.dev/go/...: so its root is a folder above.
    core = _requirements(go_mod, sources["go/rpc"] + sources["go/strongroom"])
    _write(out / "go.mod", _go_mod(f"{_MODULE}/go", go, core))
    sums = arguments.go_sum.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in sums if any(line.startswith((f"{m} {v} ", f"{m} {v}/")) for m, v in core)]
    _write(out / "go.sum", "".join(kept))
    for module, version in core:
        _proxied(arguments.proxy, module, version, out / "modules")
    for package in _ADAPTERS:
        needed = [(f"{_MODULE}/go", f"v{arguments.version}"), *_requirements(go_mod, sources[package])]
        _write(out / package.removeprefix("go/") / "go.mod", _go_mod(f"{_MODULE}/{package}", go, needed))

    # The example has the same needs, and is a module that a user's would be like.
    example = pathlib.Path(arguments.example)
    needed = [(f"{_MODULE}/go", f"v{arguments.version}"), *core]
    text = _go_mod("example.com/backup", go, needed)
    _write(example / "go.mod", f"{text}\nreplace {_MODULE}/go => ../../go\n")
    _write(example / "go.sum", "".join(kept))

    _write(out / "BUILD.bazel", 'exports_files(["go.mod", "go.sum"])\n')
    _write(out / "rpc" / "BUILD.bazel", _BUILD_RPC)
    _write(out / "strongroom" / "BUILD.bazel", _BUILD_STRONGROOM)


if __name__ == "__main__":
    main()
