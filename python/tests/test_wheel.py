"""The wheel, as users get it: what it says of itself, and how it works in a clean environment of each Python."""

import email
import os
import pathlib
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping

import pytest

import trees
from agent import Agent

# Bazel says where they are. Elsewhere: STRONGROOM_WHEEL names the wheel, STRONGROOM_PYTHONS further
# interpreters, with spaces between them.
if "STRONGROOM_WHEEL" not in os.environ:
    pytest.skip("STRONGROOM_WHEEL names no wheel", allow_module_level=True)
_WHEEL = pathlib.Path(os.environ["STRONGROOM_WHEEL"]).absolute()
_PYTHONS = [sys.executable, *map(os.path.realpath, os.environ.get("STRONGROOM_PYTHONS", "").split())]
_NAME, _VERSION, _TAG = _WHEEL.stem.split("-", 2)
_ABOUT = f"{_NAME}-{_VERSION}.dist-info"


def _clean() -> Mapping[str, str]:
    """An environment that says nothing of this tree."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **{k: v for k, v in os.environ.items() if k == "TMPDIR"}}


def test_what_it_says_of_itself() -> None:
    with zipfile.ZipFile(_WHEEL) as wheel:
        assert wheel.testzip() is None
        names = set(wheel.namelist())
        metadata = email.message_from_bytes(wheel.read(f"{_ABOUT}/METADATA"))
        about = email.message_from_bytes(wheel.read(f"{_ABOUT}/WHEEL"))
        licence = wheel.read(f"{_ABOUT}/licenses/LICENSE")
        notices = wheel.read(f"{_ABOUT}/licenses/THIRD-PARTIES").decode()
        entry_points = wheel.read(f"{_ABOUT}/entry_points.txt").decode()
    package = {f"strongroom/{name}" for name in ("__init__.py", "__main__.py", "py.typed", "libstrongroom.so")}
    assert package | {"strongroom/_rpc/_native.abi3.so", "strongroom/_rpc/_native.pyi"} <= names
    assert {name.split("/")[0] for name in names} == {"strongroom", _ABOUT}
    assert not [name for name in names if "__pycache__" in name]
    cargo = pathlib.Path(__file__).absolute().parents[2] / "Cargo.toml"
    workspace = tomllib.loads(cargo.read_text(encoding="utf-8"))["workspace"]
    assert (metadata["Name"], metadata["Version"]) == ("strongroom", workspace["package"]["version"])
    assert metadata["License-Expression"] == workspace["package"]["license"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert str(metadata.get_payload()).startswith("# Strongroom in Python\n")
    assert about["Tag"] == _TAG
    # make_wheel.py has measured it; this is the promise of docs/build.md.
    assert _TAG == "cp311-abi3-manylinux_2_28_x86_64"
    assert b"Apache License" in licence
    # Of the crates that are linked, and of what C code is in them.
    for name in ("tokio 1.", "zstd-sys 2.", "ring 0.", "rust-std 1."):
        assert f"\n{name}" in notices
    assert "Copyright (c) Meta Platforms" in notices
    assert "strongroom = strongroom._agent.command_line:main" in entry_points


_LIBRARY = """
import asyncio, importlib.metadata, pathlib, sys
import strongroom

folder, work = map(pathlib.Path, sys.argv[1:])
at = strongroom.Location(str(work / "repository"), strongroom.CredentialsPassword("correct horse"))
with strongroom.Repository.init(at, strongroom.InitOptions()) as repository:
    report = repository.backup(strongroom.BackupOptions(paths=[folder]))

async def main():
    async with await strongroom.AsyncRepository.open(at) as repository:
        async for snapshot in repository.snapshots(strongroom.SnapshotFilter()):
            await repository.restore(strongroom.RestoreOptions(snapshot.id, work / "target"))

asyncio.run(main())
print(pathlib.Path(strongroom.__file__).parent)
print(importlib.metadata.version("strongroom"))
"""


@pytest.mark.parametrize("python", _PYTHONS, ids=[os.path.basename(path) for path in _PYTHONS])
def test_a_clean_environment(python: str, tmp_path: pathlib.Path) -> None:
    """Installed without a network, the command and the library bring a real folder back; uninstalled, nothing stays."""
    place = tmp_path / "environment"

    def run(*command: str | os.PathLike[str]) -> str:
        done = subprocess.run(command, env=_clean(), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(python, "-m", "venv", "--without-pip", place)
    inside = place / "bin" / "python"
    before = set(place.rglob("*"))
    pip = [sys.executable, "-m", "pip", "--python", os.fspath(inside), "--disable-pip-version-check"]
    run(*pip, "install", "--no-index", "--quiet", _WHEEL)
    assert "No broken requirements" in run(*pip, "check")

    folder = trees.go_source() / "runtime"
    agent = Agent(tmp_path, [str(place / "bin" / "strongroom")])
    agent.extra = {"PYTHONPATH": "", "PATH": "/usr/bin:/bin"}
    agent.ok("init")
    agent.ok("backup", folder)
    agent.check()
    agent.ok("restore", "latest", "--target", tmp_path / "target")
    assert trees.same(folder, trees.below(tmp_path / "target", folder)) > 500

    work = tmp_path / "library"
    work.mkdir()
    said = run(inside, "-I", "-W", "error", "-c", _LIBRARY, folder, work).splitlines()
    assert pathlib.Path(said[0]).is_relative_to(place)
    assert said[1] == _VERSION
    assert trees.same(folder, trees.below(work / "target", folder)) > 500

    run(*pip, "uninstall", "--yes", "strongroom")
    assert set(place.rglob("*")) == before
