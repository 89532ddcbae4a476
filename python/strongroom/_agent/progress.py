"""How far a run is: a line on a terminal, JSON lines for programs, nothing elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import strongroom

from .output import Output, duration, plural, put, size

# Seconds between two looks.
_REFRESH = 0.25


class Progress:
    """The progress of one run; `update` is given to the library as the callback."""

    def __init__(self, output: Output, what: str) -> None:
        self._output = output
        self._what = what
        self._terminal = not output.json and not output.quiet and sys.stderr.isatty()
        self._started = self._shown = time.monotonic()
        self._width = 0

    def update(self, now: strongroom.Progress) -> None:
        moment = time.monotonic()
        if moment - self._shown < _REFRESH:
            return
        self._shown = moment
        elapsed = moment - self._started
        if self._output.json:
            self._output.emit("progress", progress_line(now, elapsed))
        elif self._terminal:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            self._print(describe(self._what, now, elapsed)[:columns])

    def _print(self, text: str) -> None:
        # A terminal that went away must not end a backup.
        try:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
        except OSError:
            self._terminal = False
        self._width = len(text)

    def finish(self) -> None:
        """Clears the line."""
        if self._terminal and self._width:
            self._print("")
            self._print("")


def describe(what: str, now: strongroom.Progress, elapsed: float) -> str:
    """A line for people."""
    text = f"{what} {plural(now.files, 'file')}"
    if now.files_total is not None:
        text = f"{what} {now.files} of {plural(now.files_total, 'file')}"
    text += f", {size(now.bytes)}"
    if now.bytes_total:
        text += f" of {size(now.bytes_total)} ({min(100, now.bytes * 100 // now.bytes_total)} %)"
    text += f", {size(int(now.bytes / elapsed))}/s"
    left = _seconds_left(now, elapsed)
    if left is not None:
        text += f", {duration(round(left) * 1_000_000_000)} left"
    if now.bytes_new and now.bytes_read:
        text += f", deduplicated {now.bytes_read / now.bytes_new:.1f}x"
    if now.bytes_stored:
        text += f", compressed {now.bytes_packed / now.bytes_stored:.1f}x"
    if now.issues:
        text += f", {plural(now.issues, 'error')}"
    return text


def progress_line(now: strongroom.Progress, elapsed: float) -> dict[str, Any]:
    """A line for programs."""
    line: dict[str, Any] = {
        "files": now.files,
        "bytes": now.bytes,
        "bytes_read": now.bytes_read,
        "bytes_new": now.bytes_new,
        "bytes_stored": now.bytes_stored,
        "issues": now.issues,
        "seconds": elapsed,
        "bytes_per_second": now.bytes / elapsed,
    }
    if now.files_total is not None:
        line["files_total"] = now.files_total
    if now.bytes_total is not None:
        line["bytes_total"] = now.bytes_total
    left = _seconds_left(now, elapsed)
    if left is not None:
        line["seconds_left"] = left
    if now.bytes_new and now.bytes_read:
        line["deduplication_ratio"] = now.bytes_read / now.bytes_new
    if now.bytes_stored:
        line["compression_ratio"] = now.bytes_packed / now.bytes_stored
    put(line, "current", now.current)
    return line


def _seconds_left(now: strongroom.Progress, elapsed: float) -> float | None:
    """At the rate so far; None until it is known how much there is."""
    if not now.bytes or now.bytes_total is None or now.bytes_total < now.bytes:
        return None
    return (now.bytes_total - now.bytes) * elapsed / now.bytes
