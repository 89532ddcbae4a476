"""Event loops of every kind, several of them in one process, and the table of cases on uvloop."""

import asyncio
import importlib
import json
import os
import pathlib
import selectors
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import aio_cases
import conformance_api
import rows
import strongroom
from conformance_api import AsyncEcho, Echo
from strongroom import Runtime

# Outside Bazel it may not be there.
uvloop: Any = importlib.import_module("uvloop") if "TEST_SRCDIR" in os.environ else pytest.importorskip("uvloop")

_FOLDER = pathlib.Path(__file__).absolute().parent.parent
_CASES: list[dict[str, Any]] = rows.plan(
    json.loads((_FOLDER / "cases.json").read_text(encoding="utf-8")), [], "python"
).run

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def _eager() -> asyncio.AbstractEventLoop:
    """Its tasks run to their first wait when they are made."""
    loop = asyncio.new_event_loop()
    if sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop


class _WithoutReaders(asyncio.SelectorEventLoop):
    """It waits for no descriptors of others, as asyncio's own loop on Windows."""

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


_LOOPS: dict[str, NewLoop] = {
    "epoll": lambda: asyncio.SelectorEventLoop(selectors.EpollSelector()),
    "poll": lambda: asyncio.SelectorEventLoop(selectors.PollSelector()),
    "select": lambda: asyncio.SelectorEventLoop(selectors.SelectSelector()),
    "eager": _eager,
    "without readers": _WithoutReaders,
    "uvloop": uvloop.new_event_loop,
}
each_loop = pytest.mark.parametrize("new_loop", _LOOPS.values(), ids=_LOOPS)


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime() as made:
        yield made


def _given_back(runtime: Runtime) -> None:
    counts = runtime.statistics()
    assert (counts.in_flight, counts.buffers, counts.buffer_bytes, counts.objects) == (0, 0, 0, 0)


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_the_table_on_uvloop(runtime: Runtime, case: dict[str, Any]) -> None:
    async def main() -> None:
        assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
        async with await AsyncEcho.open("table", runtime=runtime) as echo:
            await getattr(aio_cases, case["kind"])(echo, case)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    _given_back(runtime)


async def _something_of_everything(runtime: Runtime, rounds: int) -> None:
    async with await AsyncEcho.open("everything", runtime=runtime) as echo:
        for _ in range(rounds):
            await asyncio.gather(*(echo.sleep(1) for _ in range(20)))
            buffer = await echo.client.alloc(100)
            with buffer.view() as view:
                view[:] = bytes(range(100))
            with await echo.invert(buffer) as inverted, inverted.view() as view:
                assert view == bytes(255 - number for number in range(100))
            assert [number async for number in echo.count(50, False)] == list(range(50))
            assert [number async for number in echo.double(range(1, 4))] == [2, 4, 6]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.005):
                    await echo.sleep(60_000)


@each_loop
def test_any_loop(runtime: Runtime, new_loop: NewLoop) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_something_of_everything(runtime, 5))
    _given_back(runtime)


class _Counted:
    """The calls in flight, with the polls for their answers counted."""

    def __init__(self, calls: Any) -> None:
        self._calls = calls
        self.polls = 0

    def drain(self) -> Any:
        self.polls += 1
        return self._calls.drain()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)


@each_loop
def test_completions_come_in_batches_to_one_reader(runtime: Runtime, new_loop: NewLoop) -> None:
    calls = 5000

    async def main() -> None:
        async with await AsyncEcho.open("batches", runtime=runtime) as echo:
            counted: Any = _Counted(echo.client._plain)
            echo.client._plain = counted
            await asyncio.gather(*(echo.nothing() for _ in range(calls)))
            assert counted.polls < calls // 10

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def test_a_loop_has_one_reader_and_no_thread(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[int] = []
    add_reader: Any = asyncio.SelectorEventLoop.add_reader

    def noted(loop: Any, descriptor: int, *callback: Any) -> None:
        readers.append(descriptor)
        add_reader(loop, descriptor, *callback)

    async def main() -> None:
        threads = threading.active_count()
        async with await AsyncEcho.open("reader", runtime=runtime) as echo:
            await asyncio.gather(*(echo.sleep(5) for _ in range(100)))
            assert readers.count(echo.client._watch._descriptor) == 1
            assert threading.active_count() == threads

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_reader", noted)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())


def test_a_loop_without_readers_has_one_thread(runtime: Runtime) -> None:
    async def main() -> None:
        threads = threading.active_count()
        async with await AsyncEcho.open("thread", runtime=runtime) as echo:
            await asyncio.gather(*(echo.sleep(5) for _ in range(100)))
            assert threading.active_count() == threads + 1

    with asyncio.Runner(loop_factory=_WithoutReaders) as runner:
        runner.run(main())


def test_a_loop_in_each_thread_beside_plain_calls(runtime: Runtime) -> None:
    """Twelve loops of every kind and four threads of plain calls share a runtime, and none gets what is another's."""
    failures: list[BaseException] = []
    together = threading.Barrier(12 + 4)

    def loop(new_loop: NewLoop) -> None:
        try:
            together.wait(30)
            for _ in range(3):
                with asyncio.Runner(loop_factory=new_loop) as runner:
                    runner.run(_something_of_everything(runtime, 2))
        except BaseException as error:
            failures.append(error)

    def plain(number: int) -> None:
        try:
            together.wait(30)
            with Echo.open(f"plain {number}", runtime=runtime) as echo:
                for _ in range(50):
                    assert list(echo.count(10, False)) == list(range(10))
                    echo.invert(runtime.sync().alloc(10)).close()
        except BaseException as error:
            failures.append(error)

    kinds = list(_LOOPS.values())
    threads = [threading.Thread(target=loop, args=(kinds[number % len(kinds)],)) for number in range(12)]
    threads += [threading.Thread(target=plain, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    _given_back(runtime)


@each_loop
def test_a_loop_that_closed_makes_room_for_another(new_loop: NewLoop) -> None:
    """More loops than a runtime has queues, one after the other, each left with calls in flight."""

    async def leave(runtime: Runtime) -> None:
        echo = await AsyncEcho.open("left", runtime=runtime)
        asyncio.get_running_loop().create_task(echo.sleep(60_000))
        await echo.nothing()

    with conformance_api.new_runtime() as runtime:
        for _ in range(40):
            loop = new_loop()
            loop.run_until_complete(leave(runtime))
            # That a task is thrown away with its loop is meant.
            loop.set_exception_handler(lambda loop, context: None)
            loop.close()
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_something_of_everything(runtime, 1))
            runner.run(_no_calls(runtime))


async def _no_calls(runtime: Runtime) -> None:
    """What loops have left in the queue comes to its end, too."""
    client = runtime.for_loop()
    async with asyncio.timeout(5):
        while client._count():
            await asyncio.sleep(0.01)


def test_too_many_loops_at_once_is_an_error() -> None:
    async def use(runtime: Runtime) -> None:
        async with await AsyncEcho.open("many", runtime=runtime) as echo:
            await echo.nothing()

    with conformance_api.new_runtime() as runtime:
        runners = [asyncio.Runner() for _ in range(15)]
        for runner in runners:
            runner.run(use(runtime))
        with asyncio.Runner() as another, pytest.raises(strongroom.Error, match="15 event loops use this runtime"):
            another.run(use(runtime))
        runners.pop().close()
        with asyncio.Runner() as another:
            another.run(use(runtime))
        for runner in runners:
            runner.close()
