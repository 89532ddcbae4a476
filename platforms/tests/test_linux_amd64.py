"""linux-amd64, on the C libraries of the oldest and of the newest Debian: all other tests run on the environment's."""

import pathlib

import machine
import pytest
from round_trip import round_trip

_TESTED: list[str] = []


def _machine(variable: str) -> machine.Machine:
    """Programs are started by the loader of that Debian, which finds them its libraries."""
    root = machine.root(variable)
    libraries = next(root.glob("**/x86_64-linux-gnu/libc.so.6")).parent
    loader = libraries / "ld-linux-x86-64.so.2"
    if not loader.exists():
        # What it was called before Debian 12.
        loader = next(libraries.glob("ld-2.*.so"))
    return machine.Machine("linux_amd64", [str(loader), "--library-path", str(libraries)], tested=_TESTED)


@pytest.mark.parametrize(("variable", "name"), [("DEBIAN_11", "Debian 11"), ("DEBIAN_NEWEST", "the newest Debian")])
def test_round_trip(variable: str, name: str, tmp_path: pathlib.Path) -> None:
    there = _machine(variable)
    there.run(machine.path("C_CASES"), machine.path("GAPS"), machine.path("CASES"), machine.path("VECTORS"))
    round_trip(there, [machine.path("AGENT")], tmp_path)
    there.did(f"conformance in C, and a round trip of a real tree by the Go agent, on the C library of {name}")


def test_the_matrix_says_what_was_tested() -> None:
    _machine("DEBIAN_11").agrees()
