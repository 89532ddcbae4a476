"""A binding of one version with the library of another, as the drop has them, and what `idlc breaking` says of them.

The library and the interface of the drop are one version; older and newer ones are made of its IDL by small changes.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

_IDLC = pathlib.Path(os.environ["IDLC"]).absolute()
_ARCHIVE = pathlib.Path(os.environ["ARCHIVE"]).absolute()

_VERIFY = """\
  /// Read every pack back from the store and compare it before the snapshot names it.
  verify: bool = false
"""


@dataclasses.dataclass(frozen=True)
class Version:
    """Of the interface, as a change to that of the drop."""

    before: str
    after: str
    # Whether the drop comes after it.
    older: bool
    # What a program sees that was built from it, with the drop's library; None: it works.
    refused: str | None


_VERSIONS = {
    # Fields were appended since.
    "older": Version(_VERIFY, "", older=True, refused=None),
    # A field has had another type.
    "older that does not fit": Version(
        "one_file_system: bool = false", "one_file_system: u32 = 0", older=True, refused="BackupOptions"
    ),
    # Fields will be appended.
    "newer": Version(_VERIFY, _VERIFY + "  later: bool = false\n", older=False, refused=None),
    # A method will be added, which this library has not.
    "newer with a method more": Version(
        "interface Repository {",
        "interface Repository {\n  /// Not yet.\n  later() -> bool throws RepositoryError\n",
        older=False,
        refused="method Repository.later is missing in the library",
    ),
}


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("drop")
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.fixture(params=_VERSIONS.values(), ids=_VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    made = request.param
    assert isinstance(made, Version)
    return made


def _idl(drop: pathlib.Path, version: Version, folder: pathlib.Path) -> pathlib.Path:
    text = (drop / "idl" / "strongroom.idl").read_text(encoding="utf-8")
    assert version.before in text
    path = folder / "strongroom.idl"
    path.write_text(text.replace(version.before, version.after), encoding="utf-8")
    return path


def _breaking(old: pathlib.Path, new: pathlib.Path) -> str:
    """What a change of the interface breaks of the promises to programs that are built already; empty: nothing."""
    command = [_IDLC, "breaking", "--promise=abi,frames", "--against", old, new]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == (1 if done.stdout else 0), done.stderr
    return done.stdout


def test_what_idlc_predicts(drop: pathlib.Path, version: Version, tmp_path: pathlib.Path) -> None:
    theirs, ours = _idl(drop, version, tmp_path), drop / "idl" / "strongroom.idl"
    if version.older:
        # From them to the drop is an upgrade of the library under a program.
        assert bool(_breaking(theirs, ours)) == bool(version.refused)
    else:
        # To come to them from the drop breaks nothing. To go back may: a method would be gone.
        assert not _breaking(ours, theirs)
        if version.refused:
            assert "later" in _breaking(theirs, ours)


def _outcome(command: list[str | os.PathLike[str]], version: Version, work: pathlib.Path, **env: str) -> None:
    """A program of the examples backs up and restores, or says at once why it cannot."""
    tree = work / "tree"
    tree.mkdir()
    (tree / "letter.txt").write_text("Dear reader", encoding="utf-8")
    done = subprocess.run(
        [*command, work / "repository", tree, work / "target"],
        env={"PATH": "/usr/bin:/bin", "STRONGROOM_PASSWORD": "correct horse", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if version.refused is None:
        assert done.returncode == 0, done.stderr
        assert "restored 1 files" in done.stdout
        (restored,) = (work / "target").rglob("letter.txt")
        assert restored.read_text(encoding="utf-8") == "Dear reader"
    else:
        assert done.returncode == 1, done.stdout
        first, *rest = done.stderr.splitlines()
        assert "the binding and the library do not understand each other; use those of one release:" in first
        assert version.refused in "\n".join(rest)
        assert not (work / "repository").exists()


def test_python(drop: pathlib.Path, version: Version, tmp_path: pathlib.Path) -> None:
    installed = tmp_path / "installed"
    (wheel,) = (drop / "python").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    generated = installed / "strongroom" / "generated.py"
    subprocess.run([_IDLC, "gen", "--out", f"python={generated}", _idl(drop, version, tmp_path)], check=True)
    program = drop / "examples" / "python" / "backup.py"
    _outcome([sys.executable, "-P", program], version, tmp_path, PYTHONPATH=os.fspath(installed))


@pytest.mark.parametrize("library", ["strongroom", "strongroom-static"])
def test_c(drop: pathlib.Path, version: Version, tmp_path: pathlib.Path, library: str) -> None:
    header = tmp_path / "strongroom.h"
    subprocess.run([_IDLC, "gen", "--out", f"c={header}", _idl(drop, version, tmp_path)], check=True)
    program = tmp_path / "program"
    prefix = drop / "linux-amd64"
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", library],
        env={"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": os.fspath(prefix / "lib" / "pkgconfig")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    source = tmp_path / "backup.c"
    source.write_bytes((drop / "examples" / "c" / "backup.c").read_bytes())
    # The header of the other version comes before the drop's.
    subprocess.run(["/usr/bin/gcc", "-std=c11", f"-I{tmp_path}", source, *flags, "-o", program], check=True)
    _outcome([program], version, tmp_path, LD_LIBRARY_PATH=os.fspath(prefix / "lib"))


@pytest.fixture(scope="module")
def go_cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the go command keeps what it has compiled and unpacked, for all programs here."""
    folder = tmp_path_factory.mktemp("go")
    return {"GOCACHE": str(folder / "cache"), "GOMODCACHE": str(folder / "modules"), "GOFLAGS": "-modcacherw"}


def test_go(drop: pathlib.Path, version: Version, tmp_path: pathlib.Path, go_cache: dict[str, str]) -> None:
    module, example = tmp_path / "go", tmp_path / "examples" / "go"
    shutil.copytree(drop / "go", module)
    shutil.copytree(drop / "examples" / "go", example)
    generated = module / "strongroom" / "generated.go"
    subprocess.run([_IDLC, "gen", "--out", f"golang={generated}", _idl(drop, version, tmp_path)], check=True)
    program = tmp_path / "program"
    environment = {
        "CC": "/usr/bin/gcc",
        "GOPROXY": f"file://{module}/modules",
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        **go_cache,
    }
    subprocess.run(["go", "build", "-o", program, "."], cwd=example, env=environment, check=True)
    _outcome([program], version, tmp_path)
