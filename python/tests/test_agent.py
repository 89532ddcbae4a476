"""What a user does with the agent, from the first backup on."""

import os
import pathlib
import random
import re
import select
import signal
import stat
import subprocess
import time

import pytest

import strongroom
import trees
from agent import Agent, Result
from strongroom._agent import progress


@pytest.fixture
def agent(tmp_path: pathlib.Path) -> Agent:
    return Agent(tmp_path / "agent")


def test_the_go_source_tree(agent: Agent, tmp_path: pathlib.Path) -> None:
    source = trees.go_source()
    agent.folder = source.parent
    # The first backup creates the repository and its key. The path is relative to where the user stands.
    first = agent.ok("backup", "src", "--tag", "first", "--host", "machine")
    assert f"created a repository in {agent.repository}" in first.text()
    assert re.search(r"saved snapshot [0-9a-f]{8}: \d{4,} files, [\d.]+ MiB in ", first.text())
    assert f"its key is in {agent.key}" in first.error
    assert "Keep a copy of that file" in first.error
    assert stat.S_IMODE(agent.key.stat().st_mode) == 0o600
    for word in agent.key.read_text(encoding="utf-8", errors="replace").split():
        if len(word) >= 16:
            assert word not in first.text() + first.error

    target = tmp_path / "target"
    agent.ok("restore", "latest", "--target", target)
    entries = trees.same(source, trees.below(target, source))
    assert entries > 5000
    print(f"{entries} entries of the Go source tree are the same after backup and restore")

    # The second one reads nothing, and says so to programs.
    (second,) = agent.ok("backup", "src", "--json", "--host", "machine").lines("summary")
    assert (second["bytes_read"], second["bytes_new"]) == (0, 0)
    assert second["files"] == second["files_unchanged"]
    (paranoid,) = agent.ok("--json", "backup", "--paranoid", "src", "--host", "machine").lines("summary")
    assert paranoid["bytes"] == paranoid["bytes_read"]
    assert paranoid["bytes_new"] == 0

    assert len(agent.ok("snapshots", "--json").lines("snapshot")) == 3
    (tagged,) = agent.ok("snapshots", "--json", "--tag", "first", "--host", "machine").lines("snapshot")
    assert len(tagged["id"]) == 64
    assert tagged["id"][:8] in agent.ok("snapshots").text()
    above = len(source.parts) - 2
    assert len(agent.ok("ls", "latest", "--json").lines("entry")) == entries + above
    assert "proc.go" in agent.ok("ls", tagged["id"][:12], source / "runtime").text()

    # One path of it, from the older snapshot.
    part = tmp_path / "part"
    agent.ok("restore", tagged["id"][:8], source / "runtime", "--target", part)
    trees.same(source / "runtime", trees.below(part, source / "runtime"))
    assert not trees.below(part, source / "fmt").exists()
    agent.check()


def test_roofline_and_explain(agent: Agent) -> None:
    (agent.folder / "file").write_bytes(random.Random(1).randbytes(8 << 20))

    # The machine is measured without a repository, and nothing is left where one would be.
    table = agent.ok("roofline").text()
    assert re.match(r"STAGE +ONE CORE +ALL \d+\n", table)
    assert re.search(r"^chunk +[\d.]+ GB/s +[\d.]+ GB/s$", table, re.MULTILINE)
    assert re.search(r"^write/store +[\d.]+ GB/s", table, re.MULTILINE)
    assert not (agent.home / ".local").exists()
    measured = agent.ok("roofline", "--json", "--repo", "s3://bucket/prefix").lines("stage")
    assert all(line["one_core_bytes_per_second"] > 0 and line["all_cores_bytes_per_second"] > 0 for line in measured)
    stages = {line["stage"] for line in measured}
    assert stages >= {"read", "identify/64KiB", "compress/zstd:1", "seal"}
    assert "write/store" not in stages, "the disk is not the bucket's"

    told = agent.ok("backup", "file", "--explain").text()
    assert re.search(r"^read +\d+ % busy", told, re.MULTILINE)
    assert re.search(
        r"^\d+ % of this machine's roofline: its stages alone take [\d.]+m?s, the run took [\d.]+m?s\n[A-Z].*\.$",
        told,
        re.MULTILINE,
    )
    result = agent.ok("backup", "file", "--explain", "--json", "--paranoid")
    (explanation,) = result.lines("explanation")
    assert len(result.lines("summary")) == 1
    assert explanation.keys() >= {"busy", "limited_by", "advice", "seconds", "roofline_seconds", "roofline_reached"}
    assert "read" in explanation["busy"]
    assert not list((agent.repository / "tmp").iterdir()), "what was written to measure the disk is gone"
    # Where the machine cannot be measured, the snapshot is saved all the same.
    agent.extra = {"TMPDIR": str(agent.folder / "nowhere")}
    saved = agent.ok("backup", "file", "--explain")
    assert f"strongroom: cannot explain the run: {agent.folder / 'nowhere'}: " in saved.error
    agent.fails(2, "--explain and --quiet exclude each other", "backup", "file", "--explain", "--quiet")


def test_progress() -> None:
    now = strongroom.Progress(
        files=5,
        bytes=2 << 20,
        files_total=20,
        bytes_total=8 << 20,
        bytes_read=2 << 20,
        bytes_new=1 << 20,
        bytes_packed=3 << 19,
        bytes_stored=1 << 20,
        issues=1,
        current="a",
    )
    assert progress.describe("saving", now, 4) == (
        "saving 5 of 20 files, 2.0 MiB of 8.0 MiB (25 %), 512.0 KiB/s, 12s left, "
        "deduplicated 2.0x, compressed 1.5x, 1 error"
    )
    assert progress.progress_line(now, 4) == {
        "files": 5,
        "files_total": 20,
        "bytes": 2 << 20,
        "bytes_total": 8 << 20,
        "bytes_read": 2 << 20,
        "bytes_new": 1 << 20,
        "bytes_stored": 1 << 20,
        "issues": 1,
        "seconds": 4,
        "bytes_per_second": 1 << 19,
        "seconds_left": 12,
        "deduplication_ratio": 2,
        "compression_ratio": 1.5,
        "current": "a",
    }
    nothing = strongroom.Progress(files=0, bytes=0, bytes_stored=0, issues=0, current="")
    assert progress.describe("checking", nothing, 1) == "checking 0 files, 0 bytes, 0 bytes/s"
    assert "seconds_left" not in progress.progress_line(nothing, 1)


def test_odd_files(agent: Agent, tmp_path: pathlib.Path) -> None:
    odd, target = trees.odd(tmp_path), tmp_path / "target"
    agent.ok("backup", odd)
    agent.ok("restore", "latest", "--target", target)
    assert trees.same(odd, trees.below(target, odd)) == 11
    assert (trees.below(target, odd) / "sparse").stat().st_blocks * 512 < 1 << 20, "holes stay holes"
    listed = agent.ok("ls", "latest", "--json").lines("entry")
    assert sum("path_base64" in entry for entry in listed) == 1
    # For people, a name is the bytes that it is.
    assert b"not \xff UTF-8" in agent.ok("ls", "latest").out


@pytest.mark.parametrize("size", [0, 5, (30 << 20) + 123])
def test_standard_input_and_output(agent: Agent, size: int) -> None:
    data = random.Random(size).randbytes(size)
    (summary,) = agent.ok("backup", "--stdin", "dumps/name", "--json", input=data).lines("summary")
    assert summary["bytes"] == size
    for asked in ("dumps/name", "name"):
        assert agent.ok("restore", "latest", "--stdout", asked).out == data
    agent.check()
    agent.fails(17, "the snapshot has no nowhere", "restore", "latest", "--stdout", "nowhere")


def test_passwords(agent: Agent, tmp_path: pathlib.Path) -> None:
    """Where a password comes from."""
    file = tmp_path / "password"
    file.write_text("open sesame\nnot this line\n", encoding="utf-8")
    repository = tmp_path / "repository"
    agent.options = ["--repo", str(repository)]
    agent.fails(2, "no password was given", "init")
    agent.ok("init", "--password-file", file)
    agent.fails(11, f"there is already a repository at {repository}", "init", "--password-file", file)

    agent.extra = {"STRONGROOM_PASSWORD": "open sesame"}
    assert "no snapshots yet" in agent.ok("snapshots").text()
    agent.extra = {"STRONGROOM_PASSWORD": "wrong"}
    agent.fails(12, "the password or key file opens no key of this repository", "snapshots")
    agent.ok("snapshots", "--password-file", file)

    agent.options = []
    agent.extra = {"STRONGROOM_PASSWORD": "open sesame", "STRONGROOM_REPOSITORY": str(repository)}
    agent.ok("snapshots")


def test_key_files(agent: Agent, tmp_path: pathlib.Path) -> None:
    key, other = tmp_path / "keys" / "mine", tmp_path / "other"
    agent.ok("init", "--repo", tmp_path / "one", "--key-file", key)
    agent.ok("init", "--repo", tmp_path / "two", "--key-file", other)
    agent.ok("snapshots", "--repo", tmp_path / "one", "--key-file", key)
    agent.fails(12, "opens no key", "snapshots", "--repo", tmp_path / "one", "--key-file", other)


def _interrupted(agent: Agent, after: float, *arguments: str | os.PathLike[str], **how: object) -> Result:
    process = agent.start(*arguments, **how)
    time.sleep(after)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, error = process.communicate()
    assert time.monotonic() - started < 50, "it does not finish first"
    result = Result(process.returncode, out, os.fsdecode(error))
    assert result.code == 130, result.error
    assert "nothing that was committed is lost" in result.error
    assert "Traceback" not in result.error
    return result


def test_an_interrupt_loses_nothing(agent: Agent, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "kept").write_bytes(random.Random(1).randbytes(1 << 20))
    agent.ok("backup", source)
    (kept,) = agent.ok("snapshots", "--json").lines("snapshot")

    # A tree whose compression takes minutes.
    result = _interrupted(agent, 1.5, "backup", trees.go_source(), "--compression", "zstd:19", "--json")
    (failed,) = result.lines("error")
    assert failed["error"] == "interrupted"

    # An input that never ends.
    reader, writer = os.pipe()
    _interrupted(agent, 1.0, "backup", "--stdin", "endless", stdin=reader)
    os.close(reader)
    os.close(writer)

    agent.check()
    assert len(agent.ok("snapshots", "--json").lines("snapshot")) == 1
    target = tmp_path / "target"
    agent.ok("restore", kept["id"], "--target", target)
    trees.same(source, trees.below(target, source))
    agent.ok("backup", source)


def test_usage(agent: Agent) -> None:
    agent.fails(2, "what is to be backed up is missing", "backup")
    agent.fails(2, "unknown flag: --nonsense", "backup", "--nonsense")
    agent.fails(2, 'unknown command "nonsense"', "nonsense")
    agent.fails(2, "the snapshot (latest, or the first digits of its id) is missing", "restore")
    agent.fails(2, "restore needs one of --target DIR and --stdout NAME", "restore", "latest")
    agent.fails(2, "--compression is auto, off, lz4, zstd or zstd:LEVEL", "backup", ".", "--compression", "zip")
    agent.fails(2, '"many" is no size', "snapshots", "--memory", "many")
    agent.fails(2, "leave the folders out", "backup", "--stdin", "x", ".")
    agent.fails(2, "--json and --quiet exclude each other", "snapshots", "--json", "--quiet")
    assert "backs up files and folders" in agent.ok("--help").text()
    assert "--one-file-system" in agent.ok("backup", "--help").text()


def test_quiet(agent: Agent) -> None:
    agent.ok("init")
    assert agent.run("backup", agent.folder, "--quiet") == Result(0, b"", "")


def test_a_closed_standard_output_is_no_crash(agent: Agent) -> None:
    agent.ok("backup", "--stdin", "data", input=bytes(20 << 20))
    process = agent.start("restore", "latest", "--stdout", "data")
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr is not None
    error = process.stderr.read().decode()
    assert process.wait() == 1
    assert "cannot write the file to the standard output" in error
    assert "Traceback" not in error
    process.stderr.close()


def test_progress_is_shown_on_a_terminal(agent: Agent) -> None:
    agent.ok("init")
    ours, theirs = os.openpty()
    process = agent.start("backup", "--stdin", "slow", stdin=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    assert process.stdin is not None
    shown = b""
    # A part is shown when it was taken, and a refresh is due.
    for _ in range(50):
        process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        time.sleep(0.1)
        if select.select([ours], [], [], 0)[0]:
            shown += os.read(ours, 4096)
            break
    process.communicate()
    os.close(ours)
    assert process.returncode == 0
    assert b"saving 0 files, " in shown
