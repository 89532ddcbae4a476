"""What a new user does with the agent, on a machine of another kind."""

from __future__ import annotations

import pathlib
import shutil

from machine import Machine

import trees


def real_tree(folder: pathlib.Path) -> list[pathlib.Path]:
    """A part of a real source tree, and one of each thing that a file system can hold."""
    source = folder / "source"
    source.mkdir()
    # A copy: where Bazel runs tests, the original belongs to somebody else than whoever restores it.
    shutil.copytree(trees.go_source() / "net", source / "net", symlinks=True)
    return [trees.odd(source), source / "net"]


def round_trip(machine: Machine, agent: list[pathlib.Path | str], folder: pathlib.Path) -> dict[str, str]:
    """Backs up, checks, restores and compares; answers the variables that say where the repository is."""
    repository = {
        "HOME": str(folder),
        "STRONGROOM_REPOSITORY": str(folder / "repository"),
        "STRONGROOM_PASSWORD": "secret",
    }
    machine.run(*agent, "init", **repository)
    for part in real_tree(folder):
        assert "saved snapshot" in machine.run(*agent, "backup", part, **repository)
        machine.run(*agent, "restore", "latest", "--target", folder / "target", **repository)
        assert trees.same(part, trees.below(folder / "target", part)) > 10
    assert "no damage found" in machine.run(*agent, "check", "--read-data", **repository)
    return repository
