"""A machine of another platform: how a program is started on it, and what it did there.

A test file starts programs through one Machine, and says of each thing that it tried what that was. The last test of
the file compares them with //platforms:support.json, so that the matrix in docs/platforms.md, which is made from it,
says what was tested and nothing else.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess


def path(variable: str) -> pathlib.Path:
    """The file that Bazel names in a variable."""
    return pathlib.Path(os.environ[variable]).absolute()


def root(variable: str) -> pathlib.Path:
    """The root of a Debian, in which the variable names the list of packages."""
    return path(variable).parent


@dataclasses.dataclass
class Machine:
    platform: str
    """What comes before the program's own command line."""
    prefix: list[str]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    """The variables of the test's own that its programs have."""
    keeps: tuple[str, ...] = ("PATH", "TMPDIR", "TEST_SRCDIR", "TEST_WORKSPACE")
    tested: list[str] = dataclasses.field(default_factory=list)

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of its programs."""
        kept = {name: os.environ[name] for name in self.keeps if name in os.environ}
        return {**kept, **self.environment, **more}

    def run(self, *command: str | os.PathLike[str], cwd: pathlib.Path | None = None, **more: str) -> str:
        """Runs a program that must succeed, and answers what it printed."""
        done = subprocess.run(
            [*self.prefix, *map(os.fspath, command)],
            cwd=cwd,
            env=self.variables(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-8000:]}"
        return done.stdout

    def did(self, what: str) -> None:
        self.tested.append(what)

    def agrees(self) -> None:
        """Fails where the matrix says something else than what was tested."""
        rows = json.loads(path("SUPPORT").read_text(encoding="utf-8"))
        assert rows[self.platform]["tested"] == self.tested, "write what was tested into platforms/support.json"
