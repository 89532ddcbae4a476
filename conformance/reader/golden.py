"""Makes the golden repository of a format: once for each format version, then it is checked in and opened forever.

`python3 conformance/reader/golden.py AGENT conformance/reader/testdata/format-1`, where AGENT is the program
that writes the format. Beside the repository and its key file stands expected.json: what the snapshots hold, as the
file system had it. Every entry of the trees is there but for those in `links`, which are many.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

from blake3 import blake3

COMPRESSIONS = ("auto", "off", "lz4", "zstd:-7", "zstd:19")
LINKS = 1400


def _make_tree(top: pathlib.Path) -> None:
    """A little of everything, that takes little room."""
    (top / "empty folder").mkdir(parents=True, mode=0o750)
    (top / "empty").touch()
    (top / "program").write_bytes(b"#!/bin/sh\nexit 0\n")
    (top / "program").chmod(0o4755)
    (top / os.fsdecode(b"not \xff UTF-8")).write_bytes(b"x")
    (top / "link").symlink_to("program")
    os.mkfifo(top / "pipe", 0o600)
    # More than 64 chunks, all the same: their list is a blob of its own.
    (top / "zeros").write_bytes(bytes(65 << 22))
    with (top / "sparse").open("wb") as sparse:
        sparse.write(b"near")
        sparse.seek(64 << 20)
        sparse.write(b"far away")
        sparse.truncate(80 << 20)
    os.setxattr(top / "program", "user.strongroom", b"\0value")
    # A folder that is stored in parts.
    (top / "links").mkdir()
    first = top / "links" / ("first" + "x" * 195)
    first.write_bytes(b"many names\n")
    for number in range(1, LINKS):
        os.link(first, first.with_name(f"{number:05}" + "x" * 195))
    os.utime(top / "empty", ns=(0, -1))


def _describe(top: pathlib.Path) -> dict[str, dict[str, object]]:
    """What a reader must find, by path below the tree."""
    entries = {}
    for path in sorted(top.rglob("*")):
        if path.parent.name == "links":
            continue
        status = path.lstat()
        entry: dict[str, object] = {
            "mode": status.st_mode,
            "uid": status.st_uid,
            "gid": status.st_gid,
            "mtime": status.st_mtime_ns,
            "size": 0,
        }
        if stat.S_ISREG(status.st_mode):
            data = path.read_bytes()
            entry |= {"size": len(data), "blake3": blake3(data).hexdigest()}
            entry["xattrs"] = {name: os.getxattr(path, name).hex() for name in os.listxattr(path)}
        elif stat.S_ISLNK(status.st_mode):
            entry |= {"size": status.st_size, "target": os.readlink(path)}
        # Names need not be UTF-8.
        entries[os.fsencode(path.relative_to(top)).decode("latin-1")] = entry
    return entries


def make(agent: str, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    repository, key = folder / "repository", folder / "key-file"
    shutil.rmtree(repository, ignore_errors=True)
    key.unlink(missing_ok=True)
    # A path that can be named, since snapshots keep it.
    with tempfile.TemporaryDirectory() as machine:
        top = pathlib.Path(machine) / "golden"
        _make_tree(top)

        def run(*arguments: str) -> None:
            environment = {"HOME": machine, "PATH": os.environ["PATH"]}
            options = ["--repo", str(repository), "--key-file", str(key), "--quiet"]
            subprocess.run([agent, *options, *arguments], env=environment, check=True)

        run("init")
        snapshots = []
        for compression in COMPRESSIONS:
            # Something new for each of them.
            text = f"{compression} compresses this line.\n" * 20_000
            (top / "text").write_text(text[: 1 << 10] if compression == "off" else text)
            run("backup", "--host", "golden", "--tag", compression, "--compression", compression, str(top))
            snapshots.append({"tag": compression, "path": str(top), "entries": _describe(top)})
    expected = {"links": LINKS, "snapshots": snapshots}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    make(os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute())
