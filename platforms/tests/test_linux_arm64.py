"""linux-arm64, under qemu."""

import os
import pathlib
import re
import subprocess
import zipfile

import machine
from round_trip import round_trip

_QEMU = str(machine.path("QEMU"))
_OLDEST = machine.Machine("linux_arm64", [_QEMU, "-L", str(machine.root("DEBIAN_11"))])
_PYTHON = machine.Machine("linux_arm64", [_QEMU, "-L", str(machine.root("DEBIAN_12"))])
_AGENT = machine.path("AGENT")


def test_conformance_in_c() -> None:
    _OLDEST.run(machine.path("C_CASES"), machine.path("CASES"), machine.path("VECTORS"))
    _OLDEST.run(machine.path("C_RUNTIME"))
    _OLDEST.did("conformance in C")


def test_conformance_in_go() -> None:
    # Those that start programs of their own need a kernel that knows this machine's.
    out = _OLDEST.run(
        machine.path("GO_CONFORMANCE"),
        "-test.v",
        "-test.short",
        "-test.run=^(TestCases|TestCallbacks|TestInputs|TestBuffers|TestStreams|TestSchemaDifference|TestLog|TestZeroTime)$",
        GO_TEST_WRAP="0",
    )
    assert len(re.findall(r"^--- PASS: ", out, re.MULTILINE)) == 8, out
    _OLDEST.did("conformance in Go")


def test_round_trip(tmp_path: pathlib.Path) -> None:
    repository = round_trip(_OLDEST, [_AGENT], tmp_path)
    _OLDEST.did("backup, check and restore of a real tree by the Go agent")

    # What one processor wrote, another one reads.
    native = {**os.environ, **repository}
    told = subprocess.run(
        [machine.path("NATIVE_AGENT"), "check", "--read-data"], env=native, capture_output=True, text=True, check=True
    )
    assert "no damage found" in told.stdout
    _OLDEST.did("its repository read by the agent of linux-amd64")


def test_waiting_calls_hold_no_threads() -> None:
    out = _OLDEST.run(
        machine.path("GO_CONFORMANCE"),
        "-test.v",
        "-test.run=^TestWaitingCallsHoldNoThreads$",
        CONFORMANCE_ALONE="1",
        GO_TEST_WRAP="0",
    )
    assert "goroutines made" in out
    _OLDEST.did("the bound of threads: 10,000 calls in flight")


def test_wheel(tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(machine.path("WHEEL")) as wheel:
        wheel.extractall(tmp_path / "packages")
    python = [machine.root("DEBIAN_12") / "usr/bin/python3.11", "-m", "strongroom"]
    _PYTHON.environment["PYTHONPATH"] = str(tmp_path / "packages")
    round_trip(_PYTHON, python, tmp_path)
    _OLDEST.did("the same by the Python agent, from the wheel")


def test_the_matrix_says_what_was_tested() -> None:
    _OLDEST.agrees()
