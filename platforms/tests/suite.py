"""What is tried on a machine of each platform but the build's own, on which all tests of the tree run.

Each function does one thing there, and tells the Machine what that was.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import tarfile

import machine
from machine import Machine
from round_trip import real_tree, round_trip

import trees

# Not those that start themselves or send signals to threads, which need a kernel of the platform; nor the long ones.
_GO_TESTS = (
    "Callbacks",
    "Inputs",
    "Cases",
    "ThePlanRefusesWhatIsNotThere",
    "NothingLeaks",
    "Buffers",
    "Streams",
    "ZeroTime",
)


def conformance_in_c(there: Machine) -> None:
    there.run(machine.path("C_CASES"), machine.path("GAPS"), machine.path("CASES"), machine.path("VECTORS"))
    there.run(machine.path("C_RUNTIME"))
    there.did("conformance in C")


def conformance_in_go(there: Machine, folder: pathlib.Path) -> None:
    for table in ("CASES", "GAPS", "VECTORS"):
        shutil.copy(machine.path(table), folder)
    # Go's tests are started in the folder of their package, and look for the tables from there.
    package = folder / "go" / "conformance"
    package.mkdir(parents=True)
    run = f"-test.run=^Test({'|'.join(_GO_TESTS)})$"
    out = there.run(machine.path("GO_CONFORMANCE"), "-test.v", "-test.short", run, cwd=package, GO_TEST_WRAP="0")
    assert len(re.findall(r"^--- PASS: ", out, re.MULTILINE)) == len(_GO_TESTS), out
    there.did("conformance in Go")


def waiting_calls_hold_no_threads(there: Machine) -> None:
    run = "-test.run=^TestWaitingCallsHoldNoThreads$"
    # As the child of itself that it would start: a process that has made no threads yet.
    out = there.run(machine.path("GO_CONFORMANCE"), "-test.v", run, CONFORMANCE_ALONE="1", GO_TEST_WRAP="0")
    assert "10000 goroutines made" in out, out
    there.did("the bound of threads: 10,000 calls in flight, fewer than 16 threads and one for each processor")


def round_trip_by_the_go_agent(there: Machine, folder: pathlib.Path) -> None:
    repository = round_trip(there, [machine.path("AGENT")], folder)
    there.did("backup, check and restore of a real tree by the Go agent")

    # What one platform wrote, another one reads.
    done = subprocess.run(
        [machine.path("NATIVE_AGENT"), "check", "--read-data"],
        env={**os.environ, **repository},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no damage found" in done.stdout
    there.did("that repository checked by the agent of linux-amd64")


def example_of_the_drop(there: Machine, folder: pathlib.Path, library: str, *options: str) -> None:
    """Links the example in C of the platform's archive with a library of it, as a user would, and runs it."""
    with tarfile.open(machine.path("ARCHIVE")) as archive:
        archive.extractall(folder, filter="data")
    (drop,) = folder.iterdir()
    here = drop / there.platform.replace("_", "-")
    program = folder / "backup"
    source = drop / "examples" / "c" / "backup.c"
    libraries = [here / "lib" / "libstrongroom_client.a", here / "lib" / library]
    command = [machine.path("CC"), "-std=c11", "-O2", f"-I{here}/include", "-o", program, source, *libraries, *options]
    subprocess.run(command, check=True)
    there.environment["LD_LIBRARY_PATH"] = str(here / "lib")

    tree = folder / "tree"
    tree.mkdir()
    for number, part in enumerate(real_tree(tree)):
        target = folder / f"target-{number}"
        there.run(program, folder / f"repository-{number}", part, target, STRONGROOM_PASSWORD="secret")
        assert trees.same(part, trees.below(target, part)) > 10
