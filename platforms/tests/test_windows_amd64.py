"""windows-amd64, under Wine."""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import zipfile

import machine
import pytest

import trees

_TESTED: list[str] = []
# By way of the link that Bazel makes of one file: the rest is where the repository rule put it, and some links lead in
# circles.
_SYSTEM = machine.path("WINE").resolve().parent / "usr/lib"


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> collections.abc.Iterator[machine.Machine]:
    """A machine with a disk of its own, C:, on which the files of this one are Z:."""
    prefix = tmp_path_factory.mktemp("wine")
    # Wine 10 frees memory that is not its own where TMPDIR is set.
    there = machine.Machine("windows_amd64", [str(_SYSTEM / "wine/wine64")], tested=_TESTED, keeps=("PATH",))
    there.environment = {
        "HOME": str(prefix),
        # Names of files, of which Wine makes those of Windows.
        "LC_ALL": "C.UTF-8",
        "LD_LIBRARY_PATH": str(_SYSTEM / "x86_64-linux-gnu"),
        "WINEDEBUG": "-all",
        # What would show windows, or ask the network for more of Wine.
        "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=",
        "WINEPREFIX": str(prefix / "prefix"),
    }
    # A library of others that Wine's own need, and that it does not install by itself.
    system = prefix / "prefix/drive_c/windows/system32"
    system.mkdir(parents=True)
    shutil.copy(_SYSTEM / "x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll", system)
    yield there
    subprocess.run([_SYSTEM / "wine/wineserver64", "-k"], env=there.variables(), check=False)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """The programs under names that Windows starts."""
    folder = tmp_path_factory.mktemp("programs")
    found = {}
    for variable in ("AGENT", "C_CASES", "HOLD", "WAITERS"):
        found[variable] = folder / f"{variable.lower()}.exe"
        shutil.copy(machine.path(variable), found[variable])
    return found


def _named(path: pathlib.Path) -> str:
    """What Windows calls a file of this machine."""
    return "Z:" + str(path).replace("/", "\\")


def _below(target: pathlib.Path, original: pathlib.Path) -> pathlib.Path:
    return target / "Z" / original.relative_to("/")


def _repository(folder: pathlib.Path) -> dict[str, str]:
    return {"STRONGROOM_REPOSITORY": _named(folder / "repository"), "STRONGROOM_PASSWORD": "secret"}


def _same(want: pathlib.Path, got: pathlib.Path) -> int:
    """Compares names, bytes, times to 100 ns and whether files may be written; answers the number of entries."""
    names = sorted(path.relative_to(want) for path in want.rglob("*"))
    assert sorted(path.relative_to(got) for path in got.rglob("*")) == names
    for name in names:
        original, restored = want / name, got / name
        assert original.is_dir() == restored.is_dir(), name
        assert original.stat().st_mtime_ns // 100 == restored.stat().st_mtime_ns // 100, name
        if original.is_file():
            assert original.read_bytes() == restored.read_bytes(), name
            assert os.access(original, os.W_OK) == os.access(restored, os.W_OK) or os.getuid() == 0, name
            assert (original.stat().st_mode & 0o222 == 0) == (restored.stat().st_mode & 0o222 == 0), name
    return len(names)


def test_conformance_in_c(windows: machine.Machine, programs: dict[str, pathlib.Path]) -> None:
    tables = [_named(machine.path(variable)) for variable in ("GAPS", "CASES", "VECTORS")]
    out = windows.run(programs["C_CASES"], *tables)
    # What Windows has nothing of is named: no fork, no descriptors of /proc, no paths but those of Unicode.
    assert collections.Counter(re.findall(r"^not here (\w+):", out, re.MULTILINE)) == {
        "exec": 1,
        "fork": 1,
        "roundtrip": 10,
    }
    assert re.search(r"^ran \d{3,} rows, 0 of them known gaps, .*, 0 failed", out, re.MULTILINE), out
    windows.did("conformance in C")


def test_round_trip(windows: machine.Machine, programs: dict[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(trees.go_source() / "net", source / "net")
    (source / "empty folder").mkdir()
    (source / "empty file").touch()
    (source / "Ünïcödé 文字 😀.txt").write_bytes(b"hello\r\n")
    (source / "read only").write_bytes(b"kept")
    (source / "read only").chmod(0o444)
    os.utime(source / "empty file", ns=(0, 1_000_000_000_123_456_700))
    repository = _repository(tmp_path)
    windows.run(programs["AGENT"], "init", **repository)
    assert "saved snapshot" in windows.run(programs["AGENT"], "backup", _named(source), **repository)
    windows.run(programs["AGENT"], "restore", "latest", "--target", _named(tmp_path / "target"), **repository)
    assert _same(source, _below(tmp_path / "target", source)) > 100
    assert "no damage found" in windows.run(programs["AGENT"], "check", "--read-data", **repository)
    windows.did(
        "backup, check and restore of a real tree by the Go agent, with times, read-only files and names beyond ASCII"
    )

    # What one system wrote, another one reads.
    native = {**os.environ, "STRONGROOM_REPOSITORY": str(tmp_path / "repository"), "STRONGROOM_PASSWORD": "secret"}
    command = [machine.path("NATIVE_AGENT"), "restore", "latest", "--target", tmp_path / "native"]
    told = subprocess.run(command, env=native, capture_output=True, text=True, check=False)
    # All is there; that Linux has no attributes of Windows is told, and is no silence.
    assert told.returncode == 3 and "windows.attributes" in told.stderr, told.stderr[-2000:]
    _same(source, _below(tmp_path / "native", source))
    windows.did("that repository restored by the agent of linux-amd64")


def test_long_names(windows: machine.Machine, programs: dict[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    deep = tmp_path / "source"
    for part in range(4):
        deep /= f"{part}" * 120
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"far below")
    assert len(str(deep)) > 260
    repository = _repository(tmp_path)
    windows.run(programs["AGENT"], "init", **repository)
    windows.run(programs["AGENT"], "backup", _named(tmp_path / "source"), **repository)
    windows.run(programs["AGENT"], "restore", "latest", "--target", _named(tmp_path / "target"), **repository)
    _same(tmp_path / "source", _below(tmp_path / "target", tmp_path / "source"))
    windows.did("paths of more than 260 characters")


@contextlib.contextmanager
def _held(windows: machine.Machine, program: pathlib.Path, file: pathlib.Path) -> collections.abc.Iterator[None]:
    with subprocess.Popen(
        [*windows.prefix, program, _named(file)],
        env=windows.variables(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as held:
        assert held.stdin and held.stdout
        assert held.stdout.readline().strip() == "held"
        yield
        held.stdin.close()
        held.wait()


def test_locked_file(windows: machine.Machine, programs: dict[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "free").write_bytes(b"free")
    (source / "locked").write_bytes(b"locked")
    repository = _repository(tmp_path)
    windows.run(programs["AGENT"], "init", **repository)
    with _held(windows, programs["HOLD"], source / "locked"):
        told = subprocess.run(
            [*windows.prefix, programs["AGENT"], "backup", _named(source)],
            env=windows.variables(**repository),
            capture_output=True,
            text=True,
            check=False,
        )
    # It is said which, and why; the rest is in the snapshot.
    assert told.returncode != 0
    assert "locked" in told.stderr and "os error 32" in told.stderr, told.stderr
    windows.run(programs["AGENT"], "restore", "latest", "--target", _named(tmp_path / "target"), **repository)
    assert (_below(tmp_path / "target", source) / "free").read_bytes() == b"free"
    windows.did("a file that another program has locked is named, and the rest is saved")


def test_attributes(windows: machine.Machine, programs: dict[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    file = source / "file"
    file.write_bytes(b"seen by few")
    attrib = "C:\\windows\\system32\\attrib.exe"
    # Wine's takes one at a time.
    for flag in ("+h", "+s"):
        windows.run(attrib, flag, _named(file))
    repository = _repository(tmp_path)
    windows.run(programs["AGENT"], "init", **repository)
    windows.run(programs["AGENT"], "backup", _named(source), **repository)
    for flag in ("-h", "-s"):
        windows.run(attrib, flag, _named(file))
    windows.run(programs["AGENT"], "restore", "latest", "--target", _named(tmp_path / "target"), **repository)
    shown = [windows.run(attrib, _named(path)).split("Z:")[0] for path in (file, _below(tmp_path / "target", file))]
    assert [set(flags) & {"H", "S"} for flags in shown] == [set(), {"H", "S"}], shown
    windows.did("hidden and system files")


def test_example_of_the_drop(windows: machine.Machine, tmp_path: pathlib.Path) -> None:
    """The example in C, compiled and linked with both libraries of the archive as a user would."""
    with zipfile.ZipFile(machine.path("ARCHIVE")) as archive:
        archive.extractall(tmp_path)
    (drop,) = tmp_path.glob("strongroom-sdk-*")
    here = drop / "windows-amd64"
    said = (here / "lib/pkgconfig/strongroom-static.pc").read_text()
    libraries = re.findall(r"^Libs: .*?libstrongroom.a (.*)$", said, re.MULTILINE)
    tree = tmp_path / "tree"
    shutil.copytree(trees.go_source() / "net" / "mail", tree)
    for kind, linked in (("static", ["libstrongroom.a"]), ("shared", ["libstrongroom.dll.a"])):
        # Beside the DLL, where Windows looks for it.
        program = here / "bin" / f"{kind}.exe"
        files = [drop / "examples/c/backup.c"]
        files += [here / "lib" / name for name in ("libstrongroom_client.a", *linked)]
        command = [machine.path("CC"), "-std=c11", "-O2", f"-I{here}/include", "-o", program, *files]
        # rustc's part of the library needs an unwinder; gcc has its own in every program.
        subprocess.run([*command, *([*libraries[0].split(), "-lunwind"] if kind == "static" else [])], check=True)
        target = tmp_path / f"target-{kind}"
        places = [_named(path) for path in (tmp_path / f"repository-{kind}", tree, target)]
        windows.run(program, *places, STRONGROOM_PASSWORD="secret")
        assert _same(tree, _below(target, tree)) > 1
    windows.did("the example in C of the drop, linked with its static library and with its DLL")


def _python(windows: machine.Machine, folder: pathlib.Path) -> tuple[list[str | pathlib.Path], dict[str, str]]:
    """CPython with the wheel."""
    packages = folder / "packages"
    with zipfile.ZipFile(machine.path("WHEEL")) as wheel:
        wheel.extractall(packages)
    python = machine.path("PYTHON").resolve().parent / "python" / "python.exe"
    return [python], {"PYTHONPATH": _named(packages), "PYTHONDONTWRITEBYTECODE": "1"}


def test_wheel(windows: machine.Machine, tmp_path: pathlib.Path) -> None:
    python, variables = _python(windows, tmp_path)
    variables |= _repository(tmp_path)
    agent = [*python, "-m", "strongroom"]
    source = tmp_path / "source"
    shutil.copytree(trees.go_source() / "net" / "http", source)
    (source / "Ünïcödé 文字 😀.txt").write_bytes(b"hello\r\n")
    windows.run(*agent, "init", **variables)
    assert "saved snapshot" in windows.run(*agent, "backup", _named(source), **variables)
    windows.run(*agent, "restore", "latest", "--target", _named(tmp_path / "target"), **variables)
    assert _same(source, _below(tmp_path / "target", source)) > 50
    assert "no damage found" in windows.run(*agent, "check", "--read-data", **variables)
    assert "😀" in windows.run(*agent, "ls", "latest", **variables)
    windows.did("backup, check and restore by the Python agent of the wheel, on CPython 3.13")


_ASYNCHRONOUS = """
import asyncio, os, sys, threading
import strongroom

async def main():
    loop = asyncio.get_running_loop()
    assert type(loop).__name__ == "ProactorEventLoop", loop
    at = strongroom.Location(sys.argv[1], strongroom.CredentialsPassword("secret"))
    async with await strongroom.AsyncRepository.init(at, strongroom.InitOptions()) as repository:
        before = threading.active_count()
        seen = []
        reports = await asyncio.gather(
            *(
                repository.backup(strongroom.BackupOptions(paths=[path]), on_progress=seen.append)
                for path in sys.argv[2:]
            )
        )
        calls = await asyncio.gather(*(repository.resolve(r.snapshot.id.hex()) for r in reports for _ in range(500)))
        assert len(calls) == 500 * len(reports)
        assert threading.active_count() == before
        print(sum(r.snapshot.statistics.files for r in reports), "files")

asyncio.run(main())
"""


def test_asynchronous_calls(windows: machine.Machine, tmp_path: pathlib.Path) -> None:
    python, variables = _python(windows, tmp_path)
    program = tmp_path / "asynchronous.py"
    program.write_text(_ASYNCHRONOUS, encoding="utf-8")
    sources = []
    for name in ("mail", "url", "textproto"):
        sources.append(tmp_path / name)
        shutil.copytree(trees.go_source() / "net" / name, sources[-1])
    files = sum(path.is_file() for source in sources for path in source.rglob("*"))
    repository = tmp_path / "repository"
    told = windows.run(*python, _named(program), _named(repository), *map(_named, sources), **variables)
    assert told.strip() == f"{files} files"
    windows.did("1,500 calls at once in asyncio's own loop of Windows, with a thread more")


_INTERRUPTED = """
import _thread, os, sys, threading
import strongroom

at = strongroom.Location(sys.argv[1], strongroom.CredentialsPassword("secret"))
with strongroom.Repository.init(at, strongroom.InitOptions()) as repository:
    # Nobody writes to it.
    nothing, _ = os.pipe()
    threading.Timer(0.5, _thread.interrupt_main).start()
    try:
        repository.client.fill(nothing, 1)
    except KeyboardInterrupt:
        print(strongroom.default_runtime().statistics().in_flight, "in flight")
"""


def test_interrupt(windows: machine.Machine, tmp_path: pathlib.Path) -> None:
    python, variables = _python(windows, tmp_path)
    program = tmp_path / "interrupted.py"
    program.write_text(_INTERRUPTED, encoding="utf-8")
    told = windows.run(*python, _named(program), _named(tmp_path / "repository"), **variables)
    assert told.strip() == "0 in flight"
    windows.did("an interrupt of Python ends a call that waits")


def test_waiting_calls_hold_no_threads(windows: machine.Machine, programs: dict[str, pathlib.Path]) -> None:
    assert "calls in flight" in windows.run(programs["WAITERS"])
    windows.did("the bound of threads: 10,000 calls in flight")


def test_the_matrix_says_what_was_tested(windows: machine.Machine) -> None:
    windows.agrees()
