"""What holds for the asyncio front beyond the table: scale, cancellation, the end."""

import asyncio
import contextlib
import gc
import importlib
import itertools
import os
import time
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

import conformance_api
import strongroom
from conformance_api import AsyncEcho
from strongroom import Runtime
from strongroom._rpc import frames


@pytest.fixture(autouse=True)
def _event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """//conformance/python:uvloop_runtime_test runs all of this on uvloop."""
    if os.environ.get("EVENT_LOOP") == "uvloop":
        uvloop: Any = importlib.import_module("uvloop")
        for module in (asyncio, asyncio.events):
            monkeypatch.setattr(module, "new_event_loop", uvloop.new_event_loop)


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_ten_thousand_calls_need_no_threads() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("many", runtime=runtime) as echo:
            await echo.nothing()
            before = _threads()
            most = before
            calls = asyncio.gather(*(echo.sleep(100) for _ in range(10_000)))
            while not calls.done():
                most = max(most, _threads())
                await asyncio.sleep(0.01)
            in_flight = await calls
            assert max(in_flight) > 5000
            assert most <= before + 1

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))
        assert runtime.statistics().in_flight == 0


def test_a_timeout_cancels() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("late", runtime=runtime) as echo:
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await echo.sleep(60_000)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(echo.sleep(60_000), 0.05)
            assert time.monotonic() - started < 50
            assert runtime.statistics().in_flight == 0

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_a_result_that_won_is_returned_and_the_cancellation_follows() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("race", runtime=runtime) as echo:
            seen: list[object] = []

            async def work() -> None:
                seen.append(await echo.child("won"))
                await asyncio.sleep(60)

            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            # The answer is there, and the loop has not looked yet.
            await _submitted(echo)
            time.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(seen) == 1
            seen.clear()
        assert runtime.statistics().objects == 0

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


async def _submitted(echo: AsyncEcho) -> None:
    echo.client._flush()


def test_many_cancelled_calls_give_everything_back() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("storm", runtime=runtime) as echo:
            for round in range(20):
                tasks: list[asyncio.Task[object]] = [asyncio.create_task(echo.child(str(n))) for n in range(50)]
                tasks += [asyncio.create_task(echo.client.alloc(1000)) for _ in range(50)]
                tasks += [asyncio.create_task(echo.sleep(60_000)) for _ in range(50)]
                for _ in range(round % 4):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                for result in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(result, (AsyncEcho, strongroom.Buffer)):
                        result.close()
                    else:
                        assert isinstance(result, asyncio.CancelledError)
                del tasks, result
        assert runtime.statistics().in_flight == 0
        assert runtime.statistics().buffers == 0
        assert runtime.statistics().objects == 0

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_streams_that_are_left_give_everything_back() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("left", runtime=runtime) as echo:
            for _ in range(20):
                async for block in echo.blocks(1000, 4096):
                    block.close()
                    break
            stream = echo.blocks(1000, 4096)
            waiting = asyncio.create_task(anext(stream))
            await asyncio.sleep(0)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                (await waiting).close()
            await stream.close()
            del stream, waiting
            while runtime.statistics().in_flight or runtime.statistics().buffers:
                await asyncio.sleep(0.01)

    with conformance_api.new_runtime() as runtime:
        asyncio.run(asyncio.wait_for(main(runtime), 20))
        assert runtime.statistics().objects == 0


def test_a_stream_is_closed_while_others_wait_for_its_items() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("shared", runtime=runtime) as echo:
            held = await echo.client.alloc(8 << 20)
            # Its items need memory that is all held.
            stream = echo.blocks(5, 1 << 20)
            waiting = [asyncio.ensure_future(anext(stream)) for _ in range(3)]
            await asyncio.sleep(0.05)
            await stream.close()
            results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
            assert {type(result) for result in results} == {StopAsyncIteration}
            held.close()

    with conformance_api.new_runtime(buffer_memory=8 << 20) as runtime:
        asyncio.run(main(runtime))


def test_tasks_share_a_stream() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("shared", runtime=runtime) as echo:
            stream = echo.count(2000, False)

            async def take() -> list[int]:
                return [number async for number in stream]

            taken = await asyncio.wait_for(asyncio.gather(*(take() for _ in range(4))), 20)
            assert sorted(number for part in taken for number in part) == list(range(2000))

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_a_cancelled_wait_for_an_item_ends_when_the_library_has_stopped() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("late", runtime=runtime) as echo:
            held = await echo.client.alloc(8 << 20)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(echo.blocks(5, 1 << 20))
            assert runtime.statistics().in_flight == 0
            held.close()

    with conformance_api.new_runtime(buffer_memory=8 << 20) as runtime:
        asyncio.run(main(runtime))


def test_closing_waits_as_long_as_it_is_told() -> None:
    async def main() -> None:
        runtime = conformance_api.new_runtime()
        echo = await AsyncEcho.open("closing", runtime=runtime)
        call = asyncio.create_task(echo.sleep(200))
        await asyncio.sleep(0.05)
        await runtime.aclose(wait=10)
        assert await call == 1

    asyncio.run(main())


def test_loops_come_and_go() -> None:
    """Each asyncio.run has a loop of its own; their queues are used again, and late answers reach nobody."""

    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("short", runtime=runtime) as echo:
            abandoned = [asyncio.ensure_future(echo.client.alloc(100)) for _ in range(3)]
            await asyncio.sleep(0)
            assert await echo.sleep(1) >= 1
            # asyncio.run cancels what is left.
            del abandoned

    with conformance_api.new_runtime() as runtime:
        for _ in range(50):
            asyncio.run(main(runtime))
        assert runtime.statistics().objects == 0
        until = time.monotonic() + 10
        while runtime.statistics().buffers and time.monotonic() < until:
            asyncio.run(main(runtime))
        assert runtime.statistics().buffers == 0


def test_a_loop_that_closed_leaves_nothing_behind() -> None:
    """Its calls are cancelled when the next loop comes, and what it had not sent yet is freed."""

    async def leave(runtime: Runtime) -> list[asyncio.Future[int]]:
        echo = await AsyncEcho.open("left", runtime=runtime)
        running = asyncio.ensure_future(echo.sleep(60_000))
        await asyncio.sleep(0.01)
        buffer = await echo.client.alloc(100)
        moving = asyncio.ensure_future(echo.sum(buffer))
        echo.client.loop.call_soon(echo.client.loop.stop)
        await asyncio.sleep(0)
        return [running, moving]

    async def come(runtime: Runtime) -> None:
        async with await AsyncEcho.open("next", runtime=runtime) as echo:
            await echo.nothing()
            until = time.monotonic() + 5
            while runtime.statistics().in_flight + runtime.statistics().buffers and time.monotonic() < until:
                await asyncio.sleep(0.01)
            assert (runtime.statistics().in_flight, runtime.statistics().buffers) == (0, 0)

    with conformance_api.new_runtime() as runtime:
        loop = asyncio.new_event_loop()
        task = loop.create_task(leave(runtime))
        with contextlib.suppress(RuntimeError):
            loop.run_until_complete(task)
        loop.close()
        asyncio.run(come(runtime))


def test_an_object_belongs_to_its_loop() -> None:
    with conformance_api.new_runtime() as runtime, asyncio.Runner() as first:
        echo = first.run(AsyncEcho.open("first", runtime=runtime))
        with pytest.raises(RuntimeError, match="another event loop"), asyncio.Runner() as second:
            second.run(echo.nothing())
        echo.close()


def test_a_failing_callback_cancels_the_call() -> None:
    def fail(tick: conformance_api.Tick) -> None:
        raise ZeroDivisionError(tick.step)

    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("callback", runtime=runtime) as echo:
            with pytest.raises(ZeroDivisionError):
                await echo.ticks(1_000_000, on_tick=fail)
            assert echo.client.requests.count() == 0

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


class _Ear:
    """A listener whose answer is the test's."""

    def __init__(self, heard: Callable[[str], int | Awaitable[int]]) -> None:
        self.heard = heard

    async def took(self, data: strongroom.Buffer) -> strongroom.Buffer:
        return data


async def _settles(runtime: Runtime, objects: int = 1) -> None:
    """Everything is given back, though perhaps a moment later."""
    async with asyncio.timeout(5):
        while True:
            counts = runtime.statistics()
            if (counts.in_flight, counts.buffers, counts.objects, runtime.callbacks.count()) == (0, 0, objects, 0):
                return
            await asyncio.sleep(0.01)


def test_a_failing_source_cancels_the_call() -> None:
    async def waiting() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0)
        raise ZeroDivisionError("no more")

    def plain() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("no more")

    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("source", runtime=runtime) as echo:
            for source in (waiting, plain):
                with pytest.raises(ZeroDivisionError, match="no more"):
                    await echo.total(10, source())
                assert runtime.statistics().in_flight == 0
                with pytest.raises(ZeroDivisionError, match="no more"):
                    async for number in echo.double(source()):
                        assert number == 2
            with pytest.raises(ValueError, match="an item of the stream: -1 is no u32"):
                await echo.total(10, [-1])
            none: Any = 7
            with pytest.raises(TypeError, match="no iterable"):
                await echo.total(10, none)
            await _settles(runtime)

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_a_source_ends_before_its_call_does() -> None:
    """However the call ends, the source has run its own end by then, and nobody owns its buffers any more."""
    ends = 0

    async def slowly(start: int) -> AsyncIterator[int]:
        nonlocal ends
        try:
            for number in itertools.count(start):
                yield number
                await asyncio.sleep(0.01)
        finally:
            ends += 1

    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("source", runtime=runtime) as echo:
            with pytest.raises(conformance_api.ConformanceRefusedError):
                await echo.total(10, slowly(11))
            assert ends == 1
            with pytest.raises(strongroom.DeadlineExceeded):
                await echo.total(1 << 31, slowly(1), timeout=0.1)
            assert ends == 2
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await echo.total(1 << 31, slowly(1))
            assert ends == 3
            async with echo.double(slowly(1)) as numbers:
                assert await anext(numbers) == 2
            assert ends == 4

            async def parts() -> AsyncIterator[strongroom.Buffer]:
                while True:
                    yield await echo.client.alloc(1000)

            with pytest.raises(strongroom.DeadlineExceeded):
                await echo.total_bytes(parts(), timeout=0.1)
            for _ in range(20):
                stream = echo.double(slowly(1))
                await asyncio.sleep(0)
            del stream
            gc.collect()
            await _settles(runtime)
            assert await echo.total(3, [1, 2]) == 3

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_a_long_source_leaves_the_loop_to_others() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("source", runtime=runtime) as echo:
            turns = 0

            async def others() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0)
                    turns += 1

            other = asyncio.create_task(others())
            assert await echo.total(1, [1] * 50_000) == 50_000
            other.cancel()
            assert turns > 100

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_a_callback_is_a_task_that_calls_back_into_the_library() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("nested", runtime=runtime) as echo:

            async def heard(text: str) -> int:
                task = asyncio.current_task()
                assert task is not None
                assert task.get_name() == "Listener.heard"
                left = int(text)
                return 0 if left == 0 else await echo.recall(str(left - 1)) + 1

            await echo.keep(_Ear(heard))
            assert await echo.recall("50") == 50
            assert await asyncio.gather(*(echo.recall("5") for _ in range(100))) == [5] * 100
            await echo.forget()
            await _settles(runtime)
            assert _threads() <= before + 2

    with conformance_api.new_runtime(workers=1) as runtime:
        before = _threads()
        asyncio.run(main(runtime))


def test_cancelling_a_call_cancels_the_callback_that_it_waits_for() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("cancelled", runtime=runtime) as echo:
            entered, cancelled = asyncio.Event(), asyncio.Event()

            async def heard(text: str) -> int:
                entered.set()
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    cancelled.set()
                    raise
                return 1

            call = asyncio.create_task(echo.ask(_Ear(heard), ["a"]))
            await entered.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(cancelled.wait(), 5)
            await _settles(runtime)
            assert not echo.client._calls

            # One that goes on all the same answers nobody, and its buffer is freed.
            class Stubborn(_Ear):
                async def took(self, data: strongroom.Buffer) -> strongroom.Buffer:
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(60)
                    return data

            with pytest.raises(strongroom.DeadlineExceeded):
                await echo.pass_(Stubborn(len), await echo.client.alloc(10), timeout=0.1)
            await _settles(runtime)

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_a_callback_that_fails() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("failing", runtime=runtime) as echo:

            async def cancels_itself(text: str) -> int:
                raise asyncio.CancelledError

            async def fails(text: str) -> int:
                raise KeyError(text)

            wrong: Any = lambda text: "many"  # noqa: E731
            for heard, text in (
                (cancels_itself, "CancelledError"),
                (fails, "KeyError: 'a'"),
                (wrong, "'many' is no u32"),
            ):
                with pytest.raises(strongroom.CallbackFailed, match=text):
                    await echo.ask(_Ear(heard), ["a"])

            async def refuses(text: str) -> int:
                raise conformance_api.ConformanceRefusedError("told otherwise", reason="r", code=3)

            with pytest.raises(conformance_api.ConformanceRefusedError) as caught:
                await echo.ask(_Ear(refuses), ["a"])
            assert (caught.value.reason, caught.value.code) == ("r", 3)
            # The text is the library's, in every language.
            assert str(caught.value) == "refused: r (code 3)"
            await _settles(runtime)

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_a_callback_of_a_loop_that_closed_is_let_go() -> None:
    async def leave(runtime: Runtime) -> weakref.ref[_Ear]:
        echo = await AsyncEcho.open("left", runtime=runtime)
        ear = _Ear(len)
        await echo.keep(ear)
        return weakref.ref(ear)

    async def come(runtime: Runtime) -> None:
        async with await AsyncEcho.open("next", runtime=runtime) as echo:
            await echo.nothing()
            gc.collect()
            await _settles(runtime)

    with conformance_api.new_runtime() as runtime:
        ear = asyncio.run(leave(runtime))
        asyncio.run(come(runtime))
        gc.collect()
        assert ear() is None


def test_frames_of_nobody_are_counted() -> None:
    """Forged calls and credit: refused or dropped, and what they carry is freed."""

    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("strays", runtime=runtime) as echo:
            client = echo.client
            for kind in (3, 5):
                client._deliver((77 << 32, kind, bytes(8), None, 0, 0))
            assert client.requests.strays == 2
            handle = (await client.alloc(10))._detach()
            client._deliver((5, 1, handle.to_bytes(8, "little"), (handle,), 99 << 32, 1))
            client._deliver((5, 2, b"", None, 0, 0))
            client._deliver((0, 10, b"", None, 99 << 32, 0))
            assert runtime.callbacks.strays == 1
            await _settles(runtime)
            assert await echo.sleep(1) == 1

            # Answers to ids of the native part's own table: of no slot, and of another generation of one in use.
            waiting = asyncio.create_task(echo.sleep(300))
            await asyncio.sleep(0)
            (used,) = client._plain.ids()
            strays = client.requests.strays
            for forged in (used + 1000, used + (1 << 32), used | 0xFFFF_FFFF):
                client._submit(frames.call(client.queue, forged, 0, frames.METHOD_ALLOC, 0, (10).to_bytes(8, "little")))
            async with asyncio.timeout(5):
                while client.requests.strays < strays + 3 or runtime.statistics().buffers:
                    await asyncio.sleep(0.01)
            assert await waiting >= 1
            with pytest.raises(LookupError):
                client._plain.replace(used, None)
            assert client._plain.abandon(used) is None

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_an_answer_that_comes_between_the_cancellation_and_its_turn_is_kept() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("kept", runtime=runtime) as echo:
            client = echo.client
            for make, closes in ((echo.nothing, False), (lambda: client.alloc(10), True)):
                seen: list[Any] = []

                async def work(make: Callable[[], Any] = make, seen: list[Any] = seen) -> None:
                    seen.append(await make())
                    await asyncio.sleep(60)

                task = asyncio.create_task(work())
                await asyncio.sleep(0)
                client._flush()
                time.sleep(0.1)
                # The future is cancelled, its answer is polled, and only then the coroutine runs.
                task.cancel()
                client._receive()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert len(seen) == 1
                if closes:
                    seen[0].close()
            # And where nobody asks any more, it is given back.
            call: Any = client.alloc(10)
            call.send(None)
            client._flush()
            time.sleep(0.1)
            call.close()
            await _settles(runtime)
            assert client._count() == 0

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))


def test_calls_leave_no_memory_behind() -> None:
    async def main(runtime: Runtime) -> None:
        async with await AsyncEcho.open("memory", runtime=runtime) as echo:

            async def some() -> None:
                await asyncio.gather(*(echo.nothing() for _ in range(200)))
                await asyncio.gather(*(echo.fail("r", 1) for _ in range(20)), return_exceptions=True)
                (await echo.invert(await echo.client.alloc(10))).close()
                assert echo.produced() >= 0
                tasks = [asyncio.create_task(echo.sleep(60_000)) for _ in range(20)]
                await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

            for _ in range(5):
                await some()
            gc.collect()
            tracemalloc.start()
            try:
                await some()
                gc.collect()
                before, _ = tracemalloc.get_traced_memory()
                for _ in range(50):
                    await some()
                gc.collect()
                after, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            # Of 12,000 calls: less than a small object each.
            assert after - before < 12_000 * 16

    with conformance_api.new_runtime() as runtime:
        asyncio.run(main(runtime))
