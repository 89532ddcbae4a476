"""Ctrl-C in event loops, and interpreters that end with calls in flight."""

import asyncio
import contextlib
import gc
import importlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import conformance_api
from conformance_api import AsyncEcho
from strongroom import Buffer, Runtime

# Outside Bazel it may not be there.
uvloop: Any = importlib.import_module("uvloop") if "TEST_SRCDIR" in os.environ else pytest.importorskip("uvloop")

NewLoop = Callable[[], asyncio.AbstractEventLoop]
each_loop = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime(buffer_memory=8 << 20) as made:
        yield made


@pytest.fixture(autouse=True)
def _listens() -> Iterator[None]:
    """Also where whoever started the tests ignores the signal."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@each_loop
def test_ctrl_c_cancels_what_a_loop_waits_for(runtime: Runtime, new_loop: NewLoop) -> None:
    """The call, memory, a stream's item: each has ended in the library before KeyboardInterrupt leaves the runner."""

    async def main(wait: Callable[[AsyncEcho], Any]) -> None:
        async with await AsyncEcho.open("interrupted", runtime=runtime) as echo:
            with await echo.client.alloc(8 << 20):
                threading.Timer(0.1, _interrupt).start()
                try:
                    await wait(echo)
                finally:
                    in_flight.append(runtime.statistics().in_flight)

    waits: list[Callable[[AsyncEcho], Any]] = [
        lambda echo: echo.sleep(60_000),
        lambda echo: echo.client.alloc(1 << 20),
        lambda echo: anext(echo.blocks(5, 1 << 20)),
        lambda echo: asyncio.gather(*(echo.sleep(60_000) for _ in range(100))),
    ]
    for wait in waits:
        in_flight: list[int] = []
        started = time.monotonic()
        with asyncio.Runner(loop_factory=new_loop) as runner, pytest.raises(KeyboardInterrupt):
            runner.run(main(wait))
        assert time.monotonic() - started < 30
        counts = runtime.statistics()
        assert (counts.in_flight, counts.buffers, counts.objects) == (0, 0, 0)
    # Where there is one call, not even the coroutine goes on before the library has stopped.
    assert len(in_flight) == 1


@each_loop
def test_ctrl_c_at_any_moment_leaks_nothing(runtime: Runtime, new_loop: NewLoop) -> None:
    moments = random.Random(1)
    interrupts = 0

    async def main() -> None:
        async with await AsyncEcho.open("interrupted", runtime=runtime) as echo:
            asyncio.get_running_loop().call_later(moments.uniform(0, 0.01), _interrupt)
            while True:
                (await echo.invert(await echo.client.alloc(100))).close()
                async with echo.blocks(3, 10) as blocks:
                    async for block in blocks:
                        block.close()

                async def parts() -> AsyncIterator[Buffer]:
                    for size in (10, 20):
                        yield await echo.client.alloc(size)

                await echo.total_bytes(parts())
                results: list[Any] = await asyncio.gather(
                    *(echo.child("child") for _ in range(5)), *(echo.client.alloc(10) for _ in range(5))
                )
                for result in results:
                    assert isinstance(result, AsyncEcho | Buffer)
                    result.close()

    until = time.monotonic() + 3
    while time.monotonic() < until:
        with asyncio.Runner(loop_factory=new_loop) as runner, contextlib.suppress(KeyboardInterrupt):
            runner.run(main())
        interrupts += 1
    gc.collect()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        counts = runtime.statistics()
        if (counts.in_flight, counts.buffers, counts.objects) == (0, 0, 0):
            break
        time.sleep(0.01)
    assert (counts.in_flight, counts.buffers, counts.objects) == (0, 0, 0)
    assert interrupts > 20


_HEAD = """
import asyncio, sys, threading, time
from conformance_api import AsyncEcho, Echo

ready = threading.Event()
# That the calls of threads and tasks are cancelled is meant.
threading.excepthook = lambda *what: None
asyncio.log.logger.disabled = True
"""

_ENDS = {
    "a loop in a daemon thread": """
async def main():
    async with await AsyncEcho.open("end") as echo:
        async for number in echo.count(1, False):
            ready.set()
        await asyncio.gather(*(echo.sleep(60_000) for _ in range(100)))

threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
ready.wait()
""",
    "a loop that was stopped and never closed": """
async def main():
    echo = await AsyncEcho.open("end")
    for _ in range(10):
        tasks.append(asyncio.create_task(echo.sleep(60_000)))
    tasks.append(asyncio.create_task(anext(echo.blocks(5, 1000))))
    await asyncio.sleep(0.05)

tasks = []
loop = asyncio.new_event_loop()
loop.set_exception_handler(lambda loop, context: None)
loop.run_until_complete(main())
""",
    "an exit in a coroutine": """
async def main():
    async with await AsyncEcho.open("end") as echo:
        other = asyncio.create_task(echo.sleep(60_000))
        await asyncio.sleep(0.05)
        sys.exit(0)

asyncio.run(main())
""",
    "calls, streams and callbacks of daemon threads": """
class Ear:
    def heard(self, text):
        ready.set()
        time.sleep(60)
        return 1
    def took(self, data):
        return data

def source():
    while True:
        yield 1
        time.sleep(0.001)

echo = Echo.open("end")
for call in (
    lambda: echo.sleep(60_000), lambda: echo.ask(Ear(), ["a"]), lambda: list(echo.double(source())),
    lambda: echo.total(5, source()), lambda: [block.view() for block in echo.blocks(100_000, 10)],
):
    threading.Thread(target=call, daemon=True).start()
ready.wait()
""",
    "buffers, views and arrays that nobody gave back": """
import numpy
echo = Echo.open("end")
held = [echo.client.alloc(100) for _ in range(10)]
views = [buffer.view() for buffer in held[:5]]
array = numpy.frombuffer(held[6], dtype=numpy.uint8)
sys.held, sys.views, sys.array = held, views, array
""",
    "a generator and a stream in a cycle": """
echo = Echo.open("end")
stream = echo.count(1_000_000, False)
next(stream)
class Cycle: pass
cycle = Cycle()
cycle.me, cycle.stream, cycle.block = cycle, stream, next(echo.blocks(10, 10))
def use():
    with echo.count(1_000_000, False) as numbers:
        for number in numbers:
            yield number
running = use()
next(running)
""",
}


@pytest.mark.parametrize("script", _ENDS.values(), ids=_ENDS)
def test_an_interpreter_ends_with_calls_in_flight(script: str) -> None:
    """It neither hangs nor crashes, and has nothing to say."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _HEAD + script + "\nprint('end')"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    said = "" if "sys.exit" in script else "end\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
