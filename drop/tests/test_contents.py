"""What the archives hold, and what they must not hold."""

import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator

import pytest

_ARCHIVES = [pathlib.Path(path).absolute() for path in os.environ["ARCHIVES"].split()]
_SYMBOLS = [pathlib.Path(path).absolute() for path in os.environ["SYMBOLS"].split()]
_OBJDUMP = pathlib.Path(os.environ["OBJDUMP"]).absolute()
_NM = pathlib.Path(os.environ["NM"]).absolute()

# Traces of where it was built: the tree, folders of builds, homes of users. Programs may know of /tmp itself.
_TREE = os.fsencode(pathlib.Path(os.environ["WORKSPACE"]).resolve().parent)
_TRACES = (
    re.escape(_TREE) + rb"\b",
    rb"/(?:root|home/\w+|opt/strongroom|tmp/\w+|var/tmp)/",
    rb"sandbox/|execroot|bazel-out|\.cargo/|\.cache/",
)
_TRACE = re.compile(rb"|".join(_TRACES))
_OF_A_PATH = re.compile(rb"[\w./@+-]*")


# How programs and shared libraries begin: those of Linux, Windows, macOS.
_BINARY = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe")


def _paths(content: bytes) -> set[bytes]:
    """The traces in a file, each with the path that it is part of."""
    found = set()
    for trace in _TRACE.finditer(content):
        # Backwards from the trace, which is quicker than a pattern that tries to begin a path at every byte.
        before = _OF_A_PATH.match(content[max(0, trace.start() - 200) : trace.start()][::-1])
        after = _OF_A_PATH.match(content, trace.end())
        assert before is not None
        assert after is not None
        found.add(before.group()[::-1] + trace.group() + after.group())
    return found


# Where a system keeps the shared library, what programs are linked with in its place, and the agent.
_SHARED = {
    "linux": "lib/libstrongroom.so.1",
    "macos": "lib/libstrongroom.1.dylib",
    "windows": "bin/strongroom.dll",
}
_LINKED = {
    "linux": "lib/libstrongroom.so",
    "macos": "lib/libstrongroom.dylib",
    "windows": "lib/libstrongroom.dll.a",
}
_AGENT = {"linux": "bin/strongroom", "macos": "bin/strongroom", "windows": "bin/strongroom.exe"}


def _root(archive: pathlib.Path) -> str:
    return archive.name.removesuffix(".tar.gz").removesuffix(".zip")


def _system(platform: str) -> str:
    return platform.split("-")[0]


def _unpack(path: pathlib.Path, folder: pathlib.Path) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                # Its mode is what `unzip` gives the file.
                os.chmod(archive.extract(entry, folder), entry.external_attr >> 16 & 0o777)
        return
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")


@pytest.fixture(scope="module", params=_ARCHIVES, ids=[_root(path) for path in _ARCHIVES])
def drop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("unpacked")
    _unpack(request.param, folder)
    return folder / _root(request.param)


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """The symbols of each platform."""
    folder = tmp_path_factory.mktemp("symbols")
    found = {}
    for path in _SYMBOLS:
        _unpack(path, folder)
        (platform,) = (entry for entry in (folder / _root(path)).iterdir() if entry.is_dir())
        found[platform.name] = platform
    return found


def _platforms(drop: pathlib.Path) -> list[str]:
    return sorted(path.parent.name for path in drop.glob("*/include"))


def _binaries(drop: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    """Programs and libraries, also those in wheels."""
    for path in sorted(drop.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                for name in wheel.namelist():
                    content = wheel.read(name)
                    if content.startswith(_BINARY):
                        yield f"{path.name}/{name}", content
        else:
            content = path.read_bytes()
            if content.startswith((*_BINARY, b"!<arch>")):
                yield str(path.relative_to(drop)), content


def _symbols(file: pathlib.Path, *options: str) -> set[str]:
    command = [_NM, "--defined-only", "--extern-only", "--format=posix", *options, file]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {line.split(" ", 1)[0] for line in listed.splitlines() if line and not line.endswith(":")}


def _headers(file: pathlib.Path) -> str:
    """What a program or library says of itself: its header, what the loader is told, what it exports."""
    command = [_OBJDUMP, "--private-headers", file]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _exported(drop: pathlib.Path, platform: str) -> set[str]:
    """What the shared library exports, by the names that C has for it."""
    library = drop / platform / _SHARED[_system(platform)]
    if _system(platform) == "windows":
        _, table = _headers(library).split("Export Table:")
        return set(re.findall(r"^ +\d+ +0x[0-9a-f]+ +(\S+)$", table, re.MULTILINE))
    if _system(platform) == "macos":
        return {name.removeprefix("_") for name in _symbols(library)}
    return _symbols(library, "--dynamic")


def _of_dlls(library: pathlib.Path) -> set[str]:
    """What a static library for Windows says of the system's DLLs and the like: members that have their names."""
    command = [_NM, "--defined-only", "--extern-only", "--format=posix", "--print-file-name", library]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\[[^\]]*\.(?:dll|exe|sys)\]: (\S+) ", listed))


def _functions(drop: pathlib.Path, header: str) -> set[str]:
    text = (drop / _platforms(drop)[0] / "include" / header).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return set(re.findall(r"^(?!typedef|static|#)\w[\w *]*?\b(sr_\w+)\(", text, re.MULTILINE))


def test_everything_is_there(drop: pathlib.Path) -> None:
    assert [
        path for path in ("VERSION", "LICENSE", "README.md", "check", "sbom.cdx.json") if not (drop / path).is_file()
    ] == []
    suffix = drop.name.partition("-sdk-")[2].partition("-")[2]
    assert _platforms(drop) == [suffix] if suffix else len(_platforms(drop)) > 1
    for platform in _platforms(drop):
        for path in (
            "include/sr.h",
            "include/sr_client.h",
            "include/strongroom.h",
            "lib/cmake/strongroom/strongroom-config.cmake",
            "lib/libstrongroom.a",
            "lib/libstrongroom_client.a",
            "lib/pkgconfig/strongroom.pc",
            *(paths[_system(platform)] for paths in (_AGENT, _LINKED, _SHARED)),
        ):
            assert (drop / platform / path).is_file(), path
        assert [path for path in (drop / platform / "bin").iterdir() if not os.access(path, os.X_OK)] == []
        in_module = drop / "go" / "lib" / platform.replace("-", "_") / "libstrongroom.a"
        assert in_module.read_bytes() == (drop / platform / "lib" / "libstrongroom.a").read_bytes()
    assert len(list((drop / "python").glob("*.whl"))) == len(_platforms(drop))
    assert (drop / "reference" / "index.html").is_file()
    assert (drop / "idl" / "strongroom.idl").is_file()
    assert os.access(drop / "check", os.X_OK)


def test_the_version_is_the_same_everywhere(drop: pathlib.Path) -> None:
    cargo = tomllib.loads(pathlib.Path(os.environ["CARGO_TOML"]).read_text(encoding="utf-8"))
    version = cargo["workspace"]["package"]["version"]
    assert (drop / "VERSION").read_text() == f"{version}\n"
    assert drop.name.startswith(f"strongroom-sdk-{version}")
    for path in drop.glob("*/lib/pkgconfig/*.pc"):
        assert f"\nVersion: {version}\n" in path.read_text()
    for wheel in (drop / "python").glob("*.whl"):
        assert wheel.name.startswith(f"strongroom-{version}-")
    assert json.loads((drop / "sbom.cdx.json").read_text())["metadata"]["component"]["version"] == version
    assert f'version = "{version}"' in (drop / "MODULE.bazel").read_text()
    assert f"strongroom.dev/go v{version}" in (drop / "examples" / "go" / "go.mod").read_text()


def test_the_sums(drop: pathlib.Path) -> None:
    sums = dict(reversed(line.split("  ")) for line in (drop / "SHA256SUMS").read_text().splitlines())
    files = [path for path in drop.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {str(path.relative_to(drop)) for path in files} == sums.keys() | {"SHA256SUMS"}
    for path, digest in sums.items():
        assert hashlib.sha256((drop / path).read_bytes()).hexdigest() == digest, path


def test_no_source_of_the_engine(drop: pathlib.Path) -> None:
    """And no Cargo.toml, no crate."""
    found = [path for path in drop.rglob("*") if path.suffix in (".rs", ".rlib", ".rmeta") or path.name == "Cargo.toml"]
    assert found == []


def test_no_trace_of_where_it_was_built(drop: pathlib.Path, symbols: dict[str, pathlib.Path]) -> None:
    found = []
    for folder in (drop, *(symbols[platform] for platform in _platforms(drop) if platform in symbols)):
        for name, content in _binaries(folder):
            found += [(name, path) for path in _paths(content)]
    assert found == []


def test_the_scan_finds_traces() -> None:
    for trace in (
        _TREE + b"/rust/x.rs",
        b"/home/me/src/x.c",
        b"/%b/.cargo/registry/a.rs" % b"root",
        b"a/execroot/strongroom/b",
        b"/tmp/build/x",
        b"bazel-out/k8-opt/bin",
    ):
        assert _paths(b"\0" + trace + b"\0") == {trace}


def test_only_functions_of_the_boundary_are_exported(drop: pathlib.Path) -> None:
    declared = _functions(drop, "sr.h")
    assert len(declared) > 15
    for platform in _platforms(drop):
        assert _exported(drop, platform) == declared


def test_names_in_the_static_libraries_are_nobody_elses(drop: pathlib.Path) -> None:
    for platform in _platforms(drop):
        library = drop / platform / "lib" / "libstrongroom.a"
        found = _symbols(library) - (_of_dlls(library) if _system(platform) == "windows" else set())
        if _system(platform) == "macos":
            found = {name.removeprefix("_") for name in found}
        assert {name for name in found if not name.startswith("sr_")} == set()
        assert {name for name in found if not name.startswith("sr_internal.")} == _functions(drop, "sr.h")
        found = {name.removeprefix("_") for name in _symbols(drop / platform / "lib" / "libstrongroom_client.a")}
        assert {name for name in found if not name.startswith("sr_")} == set()
        assert _functions(drop, "sr_client.h") <= found


def test_what_nobody_could_start(drop: pathlib.Path) -> None:
    """The files for macOS are what its loader takes, as far as they say so themselves."""
    for platform in _platforms(drop):
        if _system(platform) != "macos":
            continue
        for path in ("bin/strongroom", _SHARED["macos"]):
            said = _headers(drop / platform / path)
            assert {"amd64": "X86_64", "arm64": "ARM64"}[platform.split("-")[1]] in said
            assert re.findall(r"minos (\S+)", said) == ["11.0"]
            needed = re.findall(r"cmd LC_LOAD_DYLIB\n.*\n +name (\S+)", said)
            assert {pathlib.PurePosixPath(name).name for name in needed} <= {
                "CoreFoundation",
                "Security",
                "libSystem.B.dylib",
                "libresolv.9.dylib",
            }
            assert "cmd LC_CODE_SIGNATURE" in said
        assert "name @rpath/libstrongroom.1.dylib" in said


def _local(file: pathlib.Path) -> int:
    """How many names a debugger finds in a file, beside those that are exported."""
    command = [_NM, "--defined-only", "--format=posix", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return len(done.stdout.splitlines())


def test_symbols_are_aside(drop: pathlib.Path, symbols: dict[str, pathlib.Path]) -> None:
    for platform in _platforms(drop):
        for path in (_SHARED[_system(platform)], _AGENT[_system(platform)]):
            given = drop / platform / path
            assert _local(given) < 100, path
            if _system(platform) == "windows":
                continue
            kept = symbols[platform] / f"{path}.debug"
            assert _local(kept) > 10_000, path
            if _system(platform) == "macos":
                continue
            sections = subprocess.run(["readelf", "-SW", given], capture_output=True, text=True, check=True).stdout
            assert ".symtab" not in sections
            assert ".debug_" not in sections
            assert ".gnu_debuglink" in sections
            link = subprocess.run(
                ["readelf", "--string-dump=.gnu_debuglink", given],
                capture_output=True,
                text=True,
                errors="replace",  # a checksum follows the name
                check=True,
            )
            assert kept.name in link.stdout


def test_the_sbom(drop: pathlib.Path) -> None:
    sbom = json.loads((drop / "sbom.cdx.json").read_text())
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    parts = {part["name"]: part for part in sbom["components"]}
    # What is linked: the runtime, C code, a Go module, the standard libraries.
    assert {
        "tokio",
        "zstd-sys",
        "github.com/mattn/go-pointer",
        "github.com/spf13/cobra",
        "rust-std",
        "go-std",
    } <= parts.keys()
    # What only runs in the build, or in tests, or elsewhere.
    assert not {"syn", "cc", "proptest", "loom", "github.com/stretchr/testify", "clap"} & parts.keys()
    for name, system in (("windows-sys", "windows"), ("security-framework", "macos")):
        wanted = {platform for platform in _platforms(drop) if _system(platform) == system}
        linked = parts.get(name, {"properties": []})["properties"]
        assert {entry["value"] for entry in linked} == wanted
    lock = tomllib.loads(pathlib.Path(os.environ["CARGO_LOCK"]).read_text(encoding="utf-8"))["package"]
    pinned = {(package["name"], package["version"]): package.get("checksum") for package in lock}
    for part in sbom["components"]:
        assert part["bom-ref"] == part["purl"]
        assert part["licenses"][0]["expression"]
        if part["purl"].startswith("pkg:cargo/"):
            assert part["hashes"] == [{"alg": "SHA-256", "content": pinned[part["name"], part["version"]]}]
    assert len({part["bom-ref"] for part in sbom["components"]}) == len(sbom["components"])
    # Code of a crate that is linked leaves its name in the library's symbols.
    for platform in _platforms(drop):
        names = "\n".join(_symbols(drop / platform / "lib" / "libstrongroom.a"))
        assert "tokio" in names
        assert "ZSTD_compress" in names


def test_licences(drop: pathlib.Path) -> None:
    """Each part of the SBOM has the text of its licence."""
    for part in json.loads((drop / "sbom.cdx.json").read_text())["components"]:
        folder = drop / "licences" / f"{part['name'].replace('/', '_')}-{part['version']}"
        assert [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 100], part["name"]
    assert b"Apache License" in (drop / "LICENSE").read_bytes()
    # C code in crates has licences of its own.
    assert list((drop / "licences").glob("zstd-sys-*/zstd/LICENSE"))


def test_packing_knows_no_folder(tmp_path: pathlib.Path) -> None:
    """The same files from another folder, in another order and with other times, make the same bytes."""
    pack = pathlib.Path(os.environ["PACK"]).absolute()
    made = []
    for place, order in (("here", 1), ("a/longer/way/there", -1)):
        folder = tmp_path / place
        tree = folder / "tree"
        tree.mkdir(parents=True)
        for number, name in enumerate(["b.txt", "a.txt", "deep/c.bin"][::order]):
            path = tree / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(name.encode() * 1000)
            os.utime(path, (number * 1000, number * 1000))
            path.chmod(0o600 if order > 0 else 0o664)
        entries: list[dict[str, object]] = [
            {"path": "folder", "folder": str(tree)},
            {"path": "program", "file": str(tree / "a.txt"), "executable": True},
            {"path": "link", "link": "program"},
        ]
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps({"root": "root", "entries": entries[::order]}))
        for suffix in (".tar.gz", ".zip"):
            archive = folder / f"archive{suffix}"
            if suffix == ".zip":
                manifest.write_text(json.dumps({"root": "root", "entries": entries[:2][::order]}))
            subprocess.run(["python3", pack, manifest, archive], check=True)
            made.append(archive.read_bytes())
    assert made[0] == made[2]
    assert made[1] == made[3]
    with tarfile.open(fileobj=io.BytesIO(made[0])) as archive:
        assert archive.getnames()[0] == "root/SHA256SUMS"
        assert archive.getmember("root/program").mode == 0o755
