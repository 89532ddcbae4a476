"""Forks, and programs that are started, while calls are in flight."""

import asyncio
import contextlib
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator

import pytest

import conformance_api
import strongroom
from conformance_api import AsyncEcho, Echo
from strongroom import Runtime

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime() as made:
        yield made


@contextlib.contextmanager
def _busy(runtime: Runtime) -> Iterator[None]:
    """Threads that make calls, plain ones and those of a loop, and look at what comes back."""
    end, failures = threading.Event(), list[BaseException]()
    objects = runtime.statistics().objects

    def plain() -> None:
        with Echo.open("busy", runtime=runtime) as echo:
            while not end.is_set():
                echo.invert(runtime.sync().alloc(100)).close()
                assert list(echo.count(10, False)) == list(range(10))

    async def loop() -> None:
        async with await AsyncEcho.open("busy", runtime=runtime) as echo:
            while not end.is_set():
                await asyncio.gather(*(echo.sleep(1) for _ in range(20)))

    def run(what: Callable[[], object]) -> None:
        try:
            what()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(what,)) for what in (plain, plain, lambda: asyncio.run(loop()))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert failures == []
    counts = runtime.statistics()
    assert (counts.in_flight, counts.buffers, counts.objects) == (0, 0, objects)


def _in_a_child(what: Callable[[], object]) -> None:
    """Runs it in a forked child, which ends in time and well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)
        code = 1
        try:
            what()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def _opens_its_own() -> None:
    """What a child does that wants to go on."""
    with conformance_api.new_runtime() as own, Echo.open("child", runtime=own) as echo:
        assert list(echo.count(10, False)) == list(range(10))
        assert own.statistics().objects == 1
    with Echo.open("default") as echo:
        echo.nothing()

    async def main() -> None:
        async with await AsyncEcho.open("child") as echo:
            assert await echo.sleep(1) == 1

    asyncio.run(main())


def test_a_child_opens_the_library_itself(runtime: Runtime) -> None:
    """However busy the library was when the process was forked: the child's is another image of it."""
    with Echo.open("parent", runtime=runtime) as echo, Echo.open("default") as default:

        def child() -> None:
            for of_the_parent in (echo.nothing, default.nothing, runtime.sync, runtime.statistics):
                with pytest.raises(strongroom.ForkError, match="open a client of your own in this process"):
                    of_the_parent()
            _opens_its_own()
            # A child of the child's is no better off, and no worse.
            with Echo.open("grandchild") as mine:

                def grandchild() -> None:
                    with pytest.raises(strongroom.ForkError):
                        mine.nothing()
                    _opens_its_own()

                _in_a_child(grandchild)
                mine.nothing()

        with _busy(runtime):
            for _ in range(10):
                _in_a_child(child)
                echo.nothing()
                default.nothing()


def test_asyncio_in_a_child(runtime: Runtime) -> None:
    async def main() -> None:
        async with await AsyncEcho.open("parent", runtime=runtime) as echo:
            waiting = asyncio.create_task(echo.sleep(500))
            await asyncio.sleep(0.01)

            def child() -> None:
                call = echo.nothing()
                with pytest.raises(strongroom.ForkError):
                    call.send(None)
                runtime.close()

            _in_a_child(child)
            assert await waiting == 1

    asyncio.run(main())


def _work(inherited: Echo | None, number: int) -> str:
    if inherited is not None:
        try:
            inherited.nothing()
        except strongroom.ForkError as error:
            return str(error)
    with Echo.open("worker") as echo:
        return f"{echo.name()} {sum(echo.double([number]))}"


_inherited: Echo | None = None


def _with_the_inherited(number: int) -> str:
    return _work(_inherited, number)


def _without(number: int) -> str:
    return _work(None, number)


def test_multiprocessing(runtime: Runtime) -> None:
    global _inherited
    forking = multiprocessing.get_context("fork")
    with Echo.open("inherited", runtime=runtime) as echo, _busy(runtime):
        _inherited = echo
        try:
            with forking.Pool(2) as pool:
                assert pool.map(_without, range(1, 5)) == [f"worker {2 * number}" for number in range(1, 5)]
                (refused,) = set(pool.map(_with_the_inherited, range(1, 5)))
            assert refused.startswith("this process was forked after the library was opened")
        finally:
            _inherited = None


_MAIN = """
import multiprocessing, sys
import conformance_api

def work(number):
    with conformance_api.Echo.open("worker") as echo:
        return sum(echo.double([number]))

if __name__ == "__main__":
    with conformance_api.Echo.open("parent") as echo:
        for method in ("spawn", "forkserver"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                print(method, pool.map(work, range(1, 5)))
            echo.nothing()
"""


def test_spawn_and_forkserver(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(_MAIN)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "spawn [2, 4, 6, 8]\nforkserver [2, 4, 6, 8]\n"


def test_programs_are_started_with_calls_in_flight(runtime: Runtime) -> None:
    with _busy(runtime):
        assert os.posix_spawnp("true", ["true"], os.environ) > 0
        assert os.system("true") == 0
        time.sleep(0.05)
        assert os.wait()[1] == 0


_LOG = """
import logging, os, sys, time, warnings
import conformance_api

warnings.simplefilter("ignore", DeprecationWarning)
lines = []

class Kept(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())

def logs(text):
    conformance_api.deliver_log(logging.DEBUG)
    with conformance_api.Echo.open("log") as echo:
        echo.log(text)
    until = time.monotonic() + 20
    while text not in lines and time.monotonic() < until:
        time.sleep(0.01)
    print(text, text in lines, flush=True)

logging.getLogger("conformance").addHandler(Kept())
logging.getLogger("conformance").setLevel(logging.DEBUG)
logs("parent")
child = os.fork()
if child == 0:
    logs("child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
logs("parent again")
"""


def test_the_library_of_a_child_is_another_image() -> None:
    """That of the parent has a log already, whose thread is not in the child."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run([sys.executable, "-c", _LOG], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("parent True\nchild True\nparent again True\n", "")
