"""Linux with musl. Programs for it have musl in them; the shared library is loaded by two releases of it."""

import os
import pathlib

import machine
import pytest
import suite

_PLATFORM = os.environ["PLATFORM"]
# Where programs of the platform do not run by themselves.
_EMULATOR = [str(machine.path("QEMU"))] if "QEMU" in os.environ else []
_TESTED: list[str] = []
_MACHINE = machine.Machine(_PLATFORM, _EMULATOR, tested=_TESTED)


def test_conformance_in_c() -> None:
    suite.conformance_in_c(_MACHINE)


def test_conformance_in_go(tmp_path: pathlib.Path) -> None:
    suite.conformance_in_go(_MACHINE, tmp_path)


def test_waiting_calls_hold_no_threads() -> None:
    suite.waiting_calls_hold_no_threads(_MACHINE)


def test_round_trip(tmp_path: pathlib.Path) -> None:
    suite.round_trip_by_the_go_agent(_MACHINE, tmp_path)


@pytest.mark.parametrize(("variable", "name"), [("MUSL_OLDEST", "Debian 11"), ("MUSL_NEWEST", "the newest Debian")])
def test_example_of_the_drop(variable: str, name: str, tmp_path: pathlib.Path) -> None:
    # The loader of musl is its C library.
    (loader,) = machine.root(variable).glob("**/*-linux-musl/libc.so")
    there = machine.Machine(_PLATFORM, [*_EMULATOR, str(loader)], tested=_TESTED)
    suite.example_of_the_drop(there, tmp_path, "libstrongroom.so.1")
    there.did(f"the example in C of the drop, linked with its shared library, on musl of {name}")


def test_the_matrix_says_what_was_tested() -> None:
    _MACHINE.agrees()
