"""linux-arm64, under qemu, on the C library of the oldest Debian."""

import pathlib
import zipfile

import machine
import suite
from round_trip import round_trip

_QEMU = str(machine.path("QEMU"))
_TESTED: list[str] = []


def _machine(variable: str) -> machine.Machine:
    return machine.Machine("linux_arm64", [_QEMU, "-L", str(machine.root(variable))], tested=_TESTED)


_DEBIAN_11 = _machine("DEBIAN_11")
_DEBIAN_12 = _machine("DEBIAN_12")


def test_conformance_in_c() -> None:
    suite.conformance_in_c(_DEBIAN_11)


def test_conformance_in_go(tmp_path: pathlib.Path) -> None:
    suite.conformance_in_go(_DEBIAN_11, tmp_path)


def test_waiting_calls_hold_no_threads() -> None:
    suite.waiting_calls_hold_no_threads(_DEBIAN_11)


def test_round_trip(tmp_path: pathlib.Path) -> None:
    suite.round_trip_by_the_go_agent(_DEBIAN_11, tmp_path)


def test_wheel(tmp_path: pathlib.Path) -> None:
    packages = tmp_path / "packages"
    with zipfile.ZipFile(machine.path("WHEEL")) as wheel:
        wheel.extractall(packages)
    _DEBIAN_12.environment["PYTHONPATH"] = str(packages)
    python = machine.root("DEBIAN_12") / "usr" / "bin" / "python3.11"
    round_trip(_DEBIAN_12, [python, "-m", "strongroom"], tmp_path)
    _DEBIAN_12.did("backup, check and restore by the Python agent of the wheel, on CPython 3.11")


def test_example_of_the_drop(tmp_path: pathlib.Path) -> None:
    # rustc's part of the library needs an unwinder; gcc has its own in every program.
    suite.example_of_the_drop(_DEBIAN_11, tmp_path, "libstrongroom.a", "-lm", "-ldl", "-pthread", "-lunwind")
    _DEBIAN_11.did("the example in C of the drop, linked with its static library")


def test_the_matrix_says_what_was_tested() -> None:
    _DEBIAN_11.agrees()
