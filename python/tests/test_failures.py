"""What goes wrong, and what the agent says then."""

import os
import pathlib
import random
import struct
import subprocess
import sys
import threading
import time

import pytest

import trees
from agent import Agent


@pytest.fixture
def agent(tmp_path: pathlib.Path) -> Agent:
    return Agent(tmp_path / "agent")


def test_no_repository(agent: Agent, tmp_path: pathlib.Path) -> None:
    agent.extra = {"STRONGROOM_PASSWORD": "x"}
    nowhere = tmp_path / "nowhere"
    agent.fails(10, f"there is no repository at {nowhere}; create one with init", "snapshots", "--repo", nowhere)
    agent.fails(10, "create one with init", "backup", ".", "--repo", nowhere)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config").write_bytes(b"something else\n" * 10)
    agent.fails(10, f"{other} is not a repository: ", "snapshots", "--repo", other)
    (failed,) = agent.run("snapshots", "--repo", nowhere, "--json").lines("error")
    assert (failed["error"], failed["exit_code"]) == ("not_found", 10)


def test_a_newer_format(agent: Agent) -> None:
    agent.ok("init")
    config = agent.repository / "config"
    text = bytearray(config.read_bytes())
    # docs/format.md: the format's number follows this text, under the key 1.
    magic = b"strongroom repository"
    at = text.index(magic) + len(magic) + 1
    assert text[at - 1 : at + 1] == b"\1\1"
    text[at] = 23
    config.unlink()
    config.write_bytes(text)
    agent.fails(13, "this repository has format 23 and this program reads up to 1; use a newer release", "snapshots")


def test_nothing_of_that_name(agent: Agent, tmp_path: pathlib.Path) -> None:
    agent.ok("init")
    agent.fails(17, "no snapshot matches latest", "restore", "latest", "--target", tmp_path / "target")
    agent.ok("backup", agent.folder)
    agent.fails(17, "no snapshot matches 0000000000", "ls", "0000000000")
    agent.fails(17, "the snapshot has no no/such; list its entries with ls", "ls", "latest", "no/such")
    agent.fails(1, "/no/such/folder", "backup", "/no/such/folder")


@pytest.mark.skipif(os.getuid() != 0, reason="capabilities are dropped by root")
def test_unreadable_files(agent: Agent, tmp_path: pathlib.Path) -> None:
    """What can be read is saved, what cannot is named, and the exit code says so."""
    source = tmp_path / "source"
    (source / "closed").mkdir(parents=True)
    (source / "open").write_bytes(b"open")
    (source / "secret").write_bytes(b"secret")
    (source / "secret").chmod(0)
    (source / "closed").chmod(0)
    agent.unprivileged = True
    result = agent.fails(3, "2 files could not be read completely", "backup", source)
    assert f"{source / 'secret'}: " in result.error
    assert f"{source / 'closed'}: " in result.error
    result = agent.run("backup", source, "--json")
    assert result.code == 3
    assert [len(result.lines(kind)) for kind in ("issue", "summary", "error")] == [2, 1, 1]
    agent.unprivileged = False
    target = tmp_path / "target"
    agent.ok("restore", "latest", "--target", target)
    assert (trees.below(target, source) / "open").read_bytes() == b"open"
    assert not (trees.below(target, source) / "secret").exists()
    agent.check()


def test_vanishing_files(agent: Agent, tmp_path: pathlib.Path) -> None:
    files = 3000
    agent.ok("init")
    for attempt in range(10):
        source, target = tmp_path / f"source{attempt}", tmp_path / f"target{attempt}"
        source.mkdir()
        for number in range(files):
            (source / f"{number:05}").write_bytes(b"file %d" % number)
        process = agent.start("backup", source, "--json")
        time.sleep(0.15 + 0.02 * attempt)
        for number in range(files - 1, files // 2 - 1, -1):
            (source / f"{number:05}").unlink()
        out, error = process.communicate()
        issues = [line for line in out.splitlines() if b'"issue"' in line]
        assert process.returncode == (3 if issues else 0), error
        agent.ok("restore", "latest", "--target", target)
        for number in range(files // 2):
            assert (trees.below(target, source) / f"{number:05}").read_bytes() == b"file %d" % number
        if issues:
            print(f"attempt {attempt + 1}: {len(issues)} of {files} files vanished during the backup")
            return
    pytest.skip("no file vanished at the right moment")


def test_a_growing_file(agent: Agent, tmp_path: pathlib.Path) -> None:
    """The snapshot has the beginning of what the file became."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    path = source / "log"
    step = 1 << 16
    with path.open("wb", buffering=0) as file:
        written = 0
        for _ in range(64):
            # Its words count up, so that every part of it is known.
            file.write(struct.pack(f"<{step}Q", *range(written, written + step)))
            written += step
        done = threading.Event()

        def grow() -> None:
            at = written
            while not done.is_set():
                file.write(struct.pack("<4096Q", *range(at, at + 4096)))
                at += 4096
                time.sleep(0.001)

        growing = threading.Thread(target=grow)
        growing.start()
        agent.ok("backup", source)
        done.set()
        growing.join()
    agent.ok("restore", "latest", "--target", target)
    got = (trees.below(target, source) / "log").read_bytes()
    assert len(got) >= 64 * step * 8
    assert path.read_bytes().startswith(got)
    agent.check()


def test_a_damaged_pack(agent: Agent, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(random.Random(1).randbytes(8 << 20))
    (source / "small").write_bytes(b"small")
    agent.ok("backup", source)
    agent.check()
    pack = max((path for path in agent.repository.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(pack.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    result = agent.fails(14, "is damaged: ", "check", "--read-data")
    assert pack.name in result.error
    result = agent.run("check", "--read-data", "--json")
    assert result.code == 14
    assert result.lines("damage")
    result = agent.fails(14, "could not be restored, because", "restore", "latest", "--target", tmp_path / "target")
    assert "large: " in result.error
    result = agent.fails(14, "damaged", "restore", "latest", "--stdout", "large")
    assert len(result.out) < 8 << 20


_FULL_DISK = """
import ctypes, os, pathlib, random, sys
libc = ctypes.CDLL(None, use_errno=True)
outside = os.getuid(), os.getgid()
if libc.unshare(0x10000000 | 0x00020000):  # CLONE_NEWUSER, CLONE_NEWNS
    sys.exit(f"unshare: {os.strerror(ctypes.get_errno())}")
pathlib.Path("/proc/self/setgroups").write_text("deny")
pathlib.Path("/proc/self/uid_map").write_text(f"0 {outside[0]} 1")
pathlib.Path("/proc/self/gid_map").write_text(f"0 {outside[1]} 1")
folder = pathlib.Path(sys.argv[1])
disk = folder / "disk"
disk.mkdir()
if libc.mount(b"tmpfs", bytes(disk), b"tmpfs", 0, b"size=24m"):
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")

from agent import Agent
import trees

agent = Agent(folder / "agent")
agent.extra = {"STRONGROOM_PASSWORD": "x", "STRONGROOM_REPOSITORY": str(disk / "repository")}
agent.ok("init")
for name, size in (("small", 2 << 20), ("large", 64 << 20)):
    (folder / name).mkdir()
    (folder / name / name).write_bytes(random.Random(1).randbytes(size))
agent.ok("backup", folder / "small")
for _ in range(2):
    agent.fails(15, "no space is left to write", "backup", folder / "large")
agent.check()
assert len(agent.ok("snapshots", "--json").lines("snapshot")) == 1
agent.ok("restore", "latest", "--target", folder / "target")
trees.same(folder / "small", trees.below(folder / "target", folder / "small"))
print("passed")
"""


def test_a_full_disk(tmp_path: pathlib.Path) -> None:
    """It needs a file system of its own, in namespaces of its own."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, tmp_path], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("passed\n"), done.stderr
