"""What the agent prints: lines for people, or JSON lines for programs."""

from __future__ import annotations

import base64
import contextlib
import datetime
import errno
import json
import os
import re
import stat
import sys
from collections.abc import Sequence
from typing import Any

import strongroom

from . import exits

_UNDECODABLE = re.compile("[\udc80-\udcff]+")
_SECOND = 1_000_000_000


def unread(error: OSError) -> bool:
    """Whether writing has failed because nobody reads any more."""
    if sys.platform == "win32" and error.errno == errno.EINVAL:
        # What the C library of Windows makes of a pipe that its reader has closed.
        return True
    return isinstance(error, BrokenPipeError)


class Output:
    """Where a run prints to. Paths go out as the bytes they are."""

    def __init__(self) -> None:
        self.json = False
        self.quiet = False

    def write(self, text: str) -> None:
        """One line to the standard output."""
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(text + "\n"))
        sys.stdout.buffer.flush()

    def emit(self, kind: str, line: dict[str, Any]) -> None:
        """One JSON line."""
        line["type"] = kind
        self.write(json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")))

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.quiet and not self.json:
            self.write(text)

    def complain(self, text: str) -> None:
        """What went wrong; quiet runs show it too."""
        self.warn("strongroom: " + text)

    def warn(self, text: str) -> None:
        """A line to the standard error."""
        sys.stderr.flush()
        sys.stderr.buffer.write(os.fsencode(text + "\n"))
        sys.stderr.buffer.flush()

    def report(self, error: BaseException) -> None:
        """How a run ended that failed."""
        if self.json:
            self.emit(
                "error",
                {"error": exits.error_name(error), "message": valid(str(error)), "exit_code": exits.exit_code(error)},
            )
        self.complain(str(error))

    def created(self, url: str, key_file: str | None) -> None:
        """Tells of a new repository, and where its new key is."""
        if self.json:
            line: dict[str, Any] = {"repository": url, "message": "created a repository"}
            if key_file is not None:
                put(line, "key_file", key_file)
            self.emit("status", line)
            return
        self.say(f"created a repository in {url}")
        if key_file is not None:
            # Also where the run is quiet: who loses this file loses the backups.
            self.warn(
                f"its key is in {key_file}\n"
                "Keep a copy of that file in another place: without it nobody can restore anything."
            )

    def issues(self, issues: Sequence[strongroom.FileIssue]) -> tuple[int, int]:
        """Shows what went wrong with single files; how many of them are not as they should be, and are damaged.

        A file that changed while it was read was saved as it was read.
        """
        incomplete = damaged = 0
        for issue in issues:
            if self.json:
                line = {"kind": issue.kind.value, "message": valid(issue.message)}
                put(line, "path", issue.at)
                self.emit("issue", line)
            else:
                self.complain(f"{issue.at}: {issue.message}")
            if issue.kind is strongroom.IssueKind.DAMAGED:
                damaged += 1
            elif issue.kind is not strongroom.IssueKind.CHANGED:
                incomplete += 1
        return incomplete, damaged

    def saved(self, report: strongroom.BackupReport) -> None:
        """What a backup did."""
        incomplete, damaged = self.issues(report.issues)
        statistics = report.snapshot.statistics
        id = report.snapshot.id.hex()
        if self.json:
            line = _statistics(statistics)
            line |= {"snapshot": id, "issues": len(report.issues), "busy": report.busy}
            self.emit("summary", line)
        self.say(
            f"saved snapshot {id[:8]}: {plural(statistics.files, 'file')}, {size(statistics.bytes)} in "
            f"{duration(statistics.duration.nanos)}{_speed(statistics)}"
        )
        self.say(
            f"{size(statistics.bytes_new)} of it are new and take {size(statistics.bytes_stored)}; "
            f"{plural(statistics.unchanged, 'file')} unchanged"
        )
        if incomplete + damaged:
            raise exits.Outcome(
                exits.INCOMPLETE,
                f"snapshot {id[:8]} is saved, but {plural(incomplete + damaged, 'file')} could not be read completely",
            )

    def explained(self, report: strongroom.BackupReport, told: strongroom.Explanation) -> None:
        """What limited a backup."""
        took = report.snapshot.statistics.duration
        if self.json:
            line: dict[str, Any] = {
                "busy": report.busy,
                "limited_by": told.limited_by,
                "roofline_seconds": told.roofline.total_seconds(),
                "advice": told.advice,
                "seconds": took.total_seconds(),
            }
            if told.reached is not None:
                line["roofline_reached"] = told.reached
            self.emit("explanation", line)
            return
        for stage, share in sorted(report.busy.items()):
            limits = "  limits the run" if stage == told.limited_by else ""
            self.say(f"{stage:<9} {100 * share:3.0f} % busy{limits}")
        if told.reached is not None:
            self.say(
                f"{100 * told.reached:.0f} % of this machine's roofline: its stages alone take "
                f"{duration(told.roofline.nanos)}, the run took {duration(took.nanos)}"
            )
        self.say(told.advice)

    def roofline(self, roofline: strongroom.Roofline) -> None:
        """How fast each stage is."""
        rows = [("STAGE", "ONE CORE", f"ALL {roofline.cores}")]
        for speed in roofline.stages:
            if self.json:
                line = {
                    "stage": speed.stage,
                    "one_core_bytes_per_second": speed.one_core,
                    "all_cores_bytes_per_second": speed.all_cores,
                    "cores": roofline.cores,
                }
                self.emit("stage", line)
            rows.append((speed.stage, _rate(speed.one_core), _rate(speed.all_cores)))
        widths = [max(len(row[column]) for row in rows) + 2 for column in (0, 1)]
        for stage, one, all_cores in rows:
            self.say(f"{stage:<{widths[0]}}{one:<{widths[1]}}{all_cores}")

    def restored(self, report: strongroom.RestoreReport, target: str) -> None:
        """What a restore did."""
        incomplete, damaged = self.issues(report.issues)
        statistics = report.statistics
        if self.json:
            line = _statistics(statistics)
            line["issues"] = len(report.issues)
            put(line, "target", target)
            self.emit("summary", line)
        self.say(
            f"restored {plural(statistics.files, 'file')}, {size(statistics.bytes)} into {target} in "
            f"{duration(statistics.duration.nanos)}{_speed(statistics)}"
        )
        if damaged:
            raise exits.Outcome(
                exits.DAMAGED, f"{plural(damaged, 'file')} could not be restored, because their data is damaged"
            )
        if incomplete:
            raise exits.Outcome(exits.INCOMPLETE, f"{plural(incomplete, 'file')} could not be restored completely")

    def checked(self, report: strongroom.CheckReport) -> None:
        """What a check found."""
        for damage in report.damage:
            if self.json:
                self.emit("damage", {"object": damage.object, "message": damage.why})
            else:
                self.complain(f"{damage.object} is damaged: {damage.why}")
        if self.json:
            self.emit(
                "summary",
                {
                    "snapshots": report.snapshots,
                    "packs": report.packs,
                    "chunks": report.chunks,
                    "bytes_read": report.bytes_read,
                    "damage": len(report.damage),
                },
            )
        if report.damage:
            raise exits.Outcome(exits.DAMAGED, f"the repository has {plural(len(report.damage), 'damaged object')}")
        self.say(
            f"no damage found: {plural(report.snapshots, 'snapshot')}, {plural(report.packs, 'pack')}, "
            f"{plural(report.chunks, 'chunk')}; {size(report.bytes_read)} read"
        )

    def entry(self, entry: strongroom.Entry) -> None:
        """One entry of a snapshot, like ls -l."""
        kind, letter = _KINDS[type(entry.kind)]
        target = entry.kind.target if isinstance(entry.kind, strongroom.EntryKindSymlink) else ""
        if self.json:
            line: dict[str, Any] = {
                "kind": kind,
                "mode": f"{entry.mode & 0o7777:04o}",
                "uid": entry.uid,
                "gid": entry.gid,
                "size": entry.size,
                "modified": _rfc3339(entry.modified),
                "links": entry.links,
            }
            put(line, "path", entry.at)
            if isinstance(entry.kind, strongroom.EntryKindSymlink):
                put(line, "target", target)
            if isinstance(entry.kind, (strongroom.EntryKindBlockDevice, strongroom.EntryKindCharDevice)):
                line["device"] = entry.kind.number
            self.emit("entry", line)
            return
        arrow = f" -> {target}" if target else ""
        mode = letter + stat.filemode(stat.S_IFREG | entry.mode & 0o7777)[1:]
        self.write(f"{mode} {entry.uid:5d} {entry.gid:5d} {entry.size:12d} {_local(entry.modified)} {entry.at}{arrow}")


_KINDS: dict[type, tuple[str, str]] = {
    strongroom.EntryKindFile: ("file", "-"),
    strongroom.EntryKindFolder: ("folder", "d"),
    strongroom.EntryKindSymlink: ("symlink", "l"),
    strongroom.EntryKindFifo: ("fifo", "p"),
    strongroom.EntryKindSocket: ("socket", "s"),
    strongroom.EntryKindBlockDevice: ("block_device", "b"),
    strongroom.EntryKindCharDevice: ("char_device", "c"),
}


class SnapshotTable:
    """Snapshots under a heading, or as JSON lines."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rows: list[list[str]] = []

    def add(self, snapshot: strongroom.Snapshot) -> None:
        id = snapshot.id.hex()
        if self._output.json:
            line = _statistics(snapshot.statistics)
            line |= {
                "id": id,
                "time": _rfc3339(snapshot.time),
                "host": snapshot.host,
                "user": snapshot.user,
                "tags": snapshot.tags,
                "paths": [valid(path) for path in snapshot.paths],
            }
            if snapshot.parent is not None:
                line["parent"] = snapshot.parent.hex()
            self._output.emit("snapshot", line)
            return
        if not self._rows:
            self._rows.append(["ID", "TIME", "HOST", "FILES", "SIZE", "TAGS", "PATHS"])
        statistics = snapshot.statistics
        self._rows.append(
            [
                *[id[:8], _local(snapshot.time), snapshot.host, str(statistics.files), size(statistics.bytes)],
                *[",".join(snapshot.tags), " ".join(snapshot.paths)],
            ]
        )

    def finish(self) -> None:
        if not self._output.json and not self._rows:
            self._output.say("no snapshots yet; make one with strongroom backup DIR")
        columns = list(zip(*self._rows, strict=True))
        widths = [max(len(cell) for cell in column) + 2 for column in columns[:-1]] + [0]
        for row in self._rows:
            self._output.write("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def put(line: dict[str, Any], key: str, path: str) -> None:
    """Adds a path: its text, and its bytes where it is not UTF-8 and JSON cannot carry it."""
    line[key] = valid(path)
    if line[key] != path:
        line[f"{key}_base64"] = base64.b64encode(os.fsencode(path)).decode()


def valid(path: str) -> str:
    """The path's text; what is no text is replaced."""
    return _UNDECODABLE.sub("\ufffd", path)


def plural(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1 << 10:
        return plural(count, "byte")
    value = float(count)
    units = iter(("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))
    while True:
        value /= 1 << 10
        unit = next(units)
        if value < 1000 or unit == "EiB":
            return f"{value:.1f} {unit}"


def duration(nanoseconds: int) -> str:
    """How long something took: milliseconds up to ten seconds, whole seconds above."""
    if nanoseconds <= 10 * _SECOND:
        milliseconds = (nanoseconds + 500_000) // 1_000_000
        if milliseconds < 1000:
            return f"{milliseconds}ms" if milliseconds else "0s"
        return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    seconds = (nanoseconds + _SECOND // 2) // _SECOND
    hours, minutes = seconds // 3600, seconds // 60 % 60
    text = f"{hours}h" if hours else ""
    if hours or minutes:
        text += f"{minutes}m"
    return f"{text}{seconds % 60}s"


def _rate(bytes_per_second: float) -> str:
    return f"{bytes_per_second / 1e9:.2f} GB/s"


def _speed(statistics: strongroom.Statistics) -> str:
    if statistics.duration.nanos < 1_000_000 or statistics.bytes == 0:
        return ""
    return f" ({size(int(statistics.bytes / statistics.duration.total_seconds()))}/s)"


def _statistics(statistics: strongroom.Statistics) -> dict[str, Any]:
    return {
        "files": statistics.files,
        "folders": statistics.folders,
        "others": statistics.others,
        "files_unchanged": statistics.unchanged,
        "bytes": statistics.bytes,
        "bytes_read": statistics.bytes_read,
        "bytes_new": statistics.bytes_new,
        "bytes_stored": statistics.bytes_stored,
        "chunks": statistics.chunks,
        "chunks_new": statistics.chunks_new,
        "seconds": statistics.duration.total_seconds(),
    }


def _moment(time: strongroom.Timestamp) -> datetime.datetime:
    # Not fromtimestamp: a file may claim to be from before 1970 or after 9999.
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    try:
        return epoch + datetime.timedelta(seconds=time.seconds)
    except OverflowError:
        return epoch


def _local(time: strongroom.Timestamp) -> str:
    moment = _moment(time)
    with contextlib.suppress(OverflowError, OSError, ValueError):
        moment = moment.astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _rfc3339(time: strongroom.Timestamp) -> str:
    fraction = f".{time.nanos:09d}".rstrip("0").rstrip(".")
    return f"{_moment(time):%Y-%m-%dT%H:%M:%S}{fraction}Z"
