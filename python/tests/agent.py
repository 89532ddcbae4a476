"""Runs an agent as its users do: as a program, with a home folder, a working folder and an environment of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

PYTHON = [sys.executable, "-m", "strongroom"]

# Without these, root is kept from what modes forbid; capsh and setpriv are not everywhere.
_UNPRIVILEGED = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run of the program left."""

    code: int
    out: bytes
    error: str

    def text(self) -> str:
        return os.fsdecode(self.out)

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """The JSON lines of one type; every line must be one."""
        objects = [json.loads(line) for line in self.out.splitlines()]
        return [line for line in objects if line["type"] == kind]


class Agent:
    """A machine of its own for the program."""

    def __init__(self, folder: pathlib.Path, program: list[str] | None = None) -> None:
        self.home = folder / "home"
        self.folder = folder / "work"
        self.home.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(exist_ok=True)
        self.program = program or PYTHON
        self.options: list[str] = []
        self.extra: dict[str, str] = {}
        self.unprivileged = False

    @property
    def repository(self) -> pathlib.Path:
        return self.home / ".local/share/strongroom/repository"

    @property
    def key(self) -> pathlib.Path:
        return self.home / ".config/strongroom/repository.key"

    def start(self, *arguments: str | os.PathLike[str], **how: Any) -> subprocess.Popen[bytes]:
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **{name: os.environ[name] for name in ("STRONGROOM_LIBRARY", "TMPDIR") if name in os.environ},
            **self.extra,
        }
        command = [*self.program, *self.options, *arguments]
        if self.unprivileged:
            command = [sys.executable, "-c", _UNPRIVILEGED, *command]
        how = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, **how}
        started: Any = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, **how)
        process: subprocess.Popen[bytes] = started
        return process

    def run(self, *arguments: str | os.PathLike[str], input: bytes | None = None) -> Result:
        process = self.start(*arguments, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE)
        out, error = process.communicate(input)
        return Result(process.returncode, out, os.fsdecode(error))

    def ok(self, *arguments: str | os.PathLike[str], input: bytes | None = None) -> Result:
        """A command that must succeed."""
        result = self.run(*arguments, input=input)
        assert result.code == 0, f"{arguments}: {result.error}"
        return result

    def fails(self, code: int, message: str, *arguments: str | os.PathLike[str]) -> Result:
        """A command that must fail so, with a message that has this in it."""
        result = self.run(*arguments)
        assert result.code == code, f"{arguments}: {result.code}: {result.error}"
        assert "strongroom: " in result.error
        assert message in result.error
        assert "Traceback" not in result.error
        return result

    def check(self) -> None:
        """Verifies all data of the repository."""
        assert "no damage found" in self.ok("check", "--read-data").text()
