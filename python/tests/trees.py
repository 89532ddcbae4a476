"""File trees: the one that is backed up, one of odd things, and their comparison."""

from __future__ import annotations

import contextlib
import filecmp
import os
import pathlib
import shutil
import stat
import subprocess
from typing import Any


def go_source() -> pathlib.Path:
    """The source tree of the Go toolchain: thousands of real files."""
    roots = ["/usr/lib/go-1.26"]
    if shutil.which("go"):
        roots.append(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
    for root in roots:
        # Debian's is a symlink to the files.
        folder = (pathlib.Path(root) / "src").resolve()
        if (folder / "runtime" / "proc.go").is_file():
            return folder
    raise AssertionError(f"the Go toolchain's source tree is not there: {roots}")


def attributes(path: str) -> dict[str, Any]:
    """What a restored entry must have of its original, apart from its content."""
    status = os.lstat(path)
    found: dict[str, Any] = {
        "mode": status.st_mode,
        "owner": (status.st_uid, status.st_gid),
        "modified": status.st_mtime_ns,
    }
    if stat.S_ISLNK(status.st_mode):
        found["target"] = os.readlink(path)
    elif not stat.S_ISDIR(status.st_mode):
        found["size"] = status.st_size
        found["links"] = status.st_nlink
    if stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
        found["device"] = status.st_rdev
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        names = []
    found["attributes"] = {
        # The machine's labels are not the file's.
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in names
        if not name.startswith("security.selinux")
    }
    return found


def _entries(top: str) -> set[str]:
    found = {"."}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            found.add(os.path.relpath(os.path.join(folder, name), top))
    return found


def same(want: str | os.PathLike[str], got: str | os.PathLike[str]) -> int:
    """Compares two trees entry by entry: names, bytes, attributes. Answers the number of entries."""
    want, got = os.fspath(want), os.fspath(got)
    entries = _entries(want)
    assert _entries(got) == entries
    for name in entries:
        original, restored = os.path.join(want, name), os.path.join(got, name)
        assert attributes(original) == attributes(restored), name
        if stat.S_ISREG(os.lstat(original).st_mode):
            assert filecmp.cmp(original, restored, shallow=False), name
    return len(entries)


def below(target: pathlib.Path, original: str | os.PathLike[str]) -> pathlib.Path:
    """Where a restore into a target puts a path."""
    return target / os.fspath(original).lstrip("/")


def odd(folder: pathlib.Path) -> pathlib.Path:
    """A folder with one of each thing that a file system can hold."""
    top = folder / "odd"
    (top / "empty folder").mkdir(mode=0o700, parents=True)
    (top / "empty file").touch(mode=0o644)
    (top / "text").write_bytes(b"hello\n")
    (top / "program").write_bytes(b"#!/bin/sh\n")
    (top / "program").chmod(0o4755)
    (top / os.fsdecode(b"not \xff UTF-8\n")).write_bytes(b"x")
    (top / "link").symlink_to("text")
    (top / "dangling").symlink_to(os.fsdecode(b"/nowhere/at all \xff"))
    os.link(top / "text", top / "hard link")
    os.mkfifo(top / "pipe", 0o622)
    with (top / "sparse").open("wb") as sparse:
        sparse.seek(64 << 20)
        sparse.write(b"far away")
        sparse.truncate(80 << 20)
    with contextlib.suppress(OSError):
        os.setxattr(top / "text", "user.strongroom", b"\0value")
    os.utime(top / "empty file", ns=(-1, -1))
    os.utime(top / "link", ns=(0, 1_000_000_002), follow_symlinks=False)
    os.utime(top / "empty folder", ns=(0, 3_000_000_004))
    return top
