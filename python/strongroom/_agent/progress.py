"""How far a run is: a line on a terminal, JSON lines for programs, nothing elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import strongroom

from .output import Output, plural, put, size

# Seconds between two looks.
_REFRESH = 0.25


class Progress:
    """The progress of one run; `update` is given to the library as the callback."""

    def __init__(self, output: Output, what: str) -> None:
        self._output = output
        self._what = what
        self._terminal = not output.json and not output.quiet and sys.stderr.isatty()
        self._shown = time.monotonic()
        self._width = 0

    def update(self, now: strongroom.Progress) -> None:
        moment = time.monotonic()
        if moment - self._shown < _REFRESH:
            return
        self._shown = moment
        if self._output.json:
            line: dict[str, Any] = {
                "files": now.files,
                "bytes": now.bytes,
                "bytes_stored": now.bytes_stored,
                "issues": now.issues,
            }
            if now.files_total is not None:
                line["files_total"] = now.files_total
            if now.bytes_total is not None:
                line["bytes_total"] = now.bytes_total
            put(line, "current", now.current)
            self._output.emit("progress", line)
        elif self._terminal:
            self._show(now)

    def _show(self, now: strongroom.Progress) -> None:
        text = f"{self._what} {plural(now.files, 'file')}"
        if now.files_total is not None:
            text = f"{self._what} {now.files} of {plural(now.files_total, 'file')}"
        text += f", {size(now.bytes)}"
        if now.bytes_total:
            text += f" of {size(now.bytes_total)} ({min(100, now.bytes * 100 // now.bytes_total)} %)"
        if now.issues:
            text += f", {plural(now.issues, 'error')}"
        columns = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        self._print(text[:columns])

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
