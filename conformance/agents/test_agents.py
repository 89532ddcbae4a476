"""A snapshot made by one agent is restored by the other, and both say the same.

Outside Bazel, STRONGROOM_GO_AGENT names the Go agent's binary.
"""

import base64
import json
import os
import pathlib
import random
import re
import shutil
from typing import Any

import pytest

import trees
from agent import PYTHON, Agent, Result


def _go() -> list[str]:
    path = os.environ.get("STRONGROOM_GO_AGENT", "")
    if not path:
        pytest.skip("STRONGROOM_GO_AGENT does not name the Go agent")
    return [os.path.abspath(path)]


@pytest.fixture
def agents(tmp_path: pathlib.Path) -> dict[str, Agent]:
    """Both on one machine: the same home, the same repository."""
    return {"go": Agent(tmp_path / "agent", _go()), "python": Agent(tmp_path / "agent", PYTHON)}


@pytest.mark.parametrize(("writer", "reader"), [("go", "python"), ("python", "go")])
def test_the_go_source_tree(agents: dict[str, Agent], tmp_path: pathlib.Path, writer: str, reader: str) -> None:
    source, target = trees.go_source(), tmp_path / "target"
    agents[writer].ok("backup", source)
    agents[reader].ok("restore", "latest", "--target", target)
    entries = trees.same(source, trees.below(target, source))
    assert entries > 5000
    print(f"{entries} entries that the {writer} agent saved are the same after the {reader} agent restored them")
    # The other one's snapshot is the parent of the next.
    (summary,) = agents[reader].ok("backup", source, "--json").lines("summary")
    assert (summary["bytes_read"], summary["bytes_new"]) == (0, 0)
    agents[writer].check()


@pytest.mark.parametrize(("writer", "reader"), [("go", "python"), ("python", "go")])
def test_odd_files_and_streams(agents: dict[str, Agent], tmp_path: pathlib.Path, writer: str, reader: str) -> None:
    odd, target = trees.odd(tmp_path), tmp_path / "target"
    agents[writer].ok("backup", odd)
    agents[reader].ok("restore", "latest", "--target", target)
    trees.same(odd, trees.below(target, odd))
    data = random.Random(7).randbytes((5 << 20) + 7)
    agents[writer].ok("backup", "--stdin", "data", input=data)
    assert agents[reader].ok("restore", "latest", "--stdout", "data").out == data


# What differs from run to run.
_CHANGING = re.compile(
    rb"\b[0-9a-f]{64}\b|\b[0-9a-f]{8}\b|\d+(\.\d+)?(ms|s)\b|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d| \([^()]*/s\)"
    rb"|take [\d.]+ \w+|\d+ packs|[\d.]+ \w+ read"
)
_CHANGING_KEYS = {"seconds", "busy", "time", "id", "snapshot", "parent", "bytes_stored", "packs"}


def _is_above(folder: bool, path: str) -> bool:
    """A listed folder above the data: it is made while the test runs, so its times differ."""
    return folder and "/data" not in path


def _told(result: Result, machine: pathlib.Path, as_json: bool) -> Any:
    out = result.out.replace(os.fsencode(machine), b"MACHINE").replace(os.fsencode(machine)[1:], b"MACHINE")
    if as_json:
        lines = [json.loads(line) for line in out.splitlines()]
        for line in lines:
            if "packs" in line:
                # With the folders' bytes, in which times and names of the test are.
                line["bytes_read"] = None
            if "path_base64" in line:
                path = base64.b64decode(line["path_base64"])
                line["path_base64"] = path.replace(os.fsencode(machine)[1:], b"MACHINE")
        found: Any = [
            {key: None if key in _CHANGING_KEYS else value for key, value in line.items()}
            for line in lines
            if line["type"] != "progress" and not _is_above(line.get("kind") == "folder", line.get("path", ""))
        ]
    else:
        kept = [line for line in out.split(b"\n") if not _is_above(line.startswith(b"d"), os.fsdecode(line))]
        found = _CHANGING.sub(b"#", b"\n".join(kept))
    return result.code, found, _CHANGING.sub(b"#", os.fsencode(result.error.replace(str(machine), "MACHINE")))


_SAYINGS: list[list[str]] = [
    ["snapshots"],
    ["check"],
    ["init"],
    ["backup"],
    ["backup", "--nonsense"],
    ["nonsense"],
    ["backup", ".", "--compression", "zip"],
    ["backup", "/no/such/folder"],
    ["backup", "--stdin", "x", "."],
    ["restore", "latest"],
    ["restore"],
    ["ls", "latest", "a", "b"],
    ["ls", "latest"],
    ["ls", "latest", "no/such"],
    ["ls", "0000000000"],
    ["restore", "latest", "--stdout", "nowhere"],
    ["restore", "latest", "--target", "target"],
    ["snapshots", "--memory", "many"],
    ["snapshots", "--repo", "nowhere"],
    ["snapshots", "--password-file", "nowhere"],
    ["snapshots", "--json", "--quiet"],
    ["backup", "data", "--tag", "one", "--tag", "two", "--host", "machine"],
    ["snapshots", "--tag", "one"],
    ["backup", "data", "--quiet"],
    ["check", "--read-data"],
    ["restore", "latest", "data/file", "--target", "part"],
    ["restore", "latest", "--json", "--stdout", "x"],
]


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_both_say_the_same(tmp_path: pathlib.Path, as_json: bool) -> None:
    """The same commands, one after the other, on two machines: the same output, messages and exit codes."""
    told: dict[str, list[Any]] = {}
    for name, program in (("go", _go()), ("python", PYTHON)):
        machine = tmp_path / name
        agent = Agent(machine, program)
        data = agent.folder / "data"
        (data / "folder").mkdir(parents=True)
        (data / "file").write_bytes(b"content" * 1000)
        (data / "link").symlink_to("file")
        (data / os.fsdecode(b"not \xff UTF-8")).write_bytes(b"x")
        for path in (data / "file", data / os.fsdecode(b"not \xff UTF-8"), data / "folder", data):
            os.utime(path, ns=(0, 1_700_000_000_123_000_000))
        os.utime(data / "link", ns=(0, 1_700_000_000_000_000_001), follow_symlinks=False)
        extra = ["--json"] if as_json else []
        told[name] = [
            _told(agent.run(*arguments, *extra), machine, as_json) for arguments in [["backup", "data"], *_SAYINGS]
        ]
        shutil.rmtree(machine)
    for arguments, go, python in zip([["backup", "data"], *_SAYINGS], told["go"], told["python"], strict=True):
        assert python == go, arguments
