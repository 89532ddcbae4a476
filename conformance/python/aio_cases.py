"""The table's kinds of case, run through the classes for asyncio. The function of a kind has its name."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

import conformance_api
import crossing
import raw
import strongroom
import values
from conformance_api import AsyncEcho, ConformanceEmptyError, ConformanceError, generated
from strongroom._rpc import frames
from sync_cases import Ear, check_error, check_failure, check_ticks, counted

Case = dict[str, Any]


async def roundtrip(echo: AsyncEcho, case: Case) -> None:
    method = case["method"]
    payload, reply = bytes.fromhex(case["wire"]), bytes.fromhex(case["reply"] if "reply" in case else case["wire"])
    value = values.argument(method, case["value"])
    assert await echo.client.call(raw.method(method), echo._handle(), (payload,)) == reply
    assert values.comparable(await getattr(echo, method)(value)) == values.comparable(value)


async def malformed(echo: AsyncEcho, case: Case) -> None:
    with pytest.raises(strongroom.Malformed):
        await echo.client.call(raw.method(case["method"]), echo._handle(), (bytes.fromhex(case["wire"]),))


async def error(echo: AsyncEcho, case: Case) -> None:
    with pytest.raises(ConformanceError) as caught:
        await echo.fail(case["reason"], case["code"])
    check_error(caught.value, case)


async def panic(echo: AsyncEcho, case: Case) -> None:
    with pytest.raises(strongroom.PanicError) as caught:
        await echo.crash(case["message"])
    assert str(caught.value) == case["message"]
    await echo.nothing()


async def cancel(echo: AsyncEcho, case: Case) -> None:
    started = time.monotonic()
    task = asyncio.create_task(echo.sleep(case["milliseconds"]))
    await asyncio.sleep(case["after"] / 1000)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # It has returned because the library has acknowledged.
    assert echo.client.requests.count() == 0
    assert time.monotonic() - started < case["milliseconds"] / 1000 / 2
    await echo.nothing()


async def deadline(echo: AsyncEcho, case: Case) -> None:
    with pytest.raises(strongroom.DeadlineExceeded):
        await echo.sleep(case["milliseconds"], timeout=case["deadline"] / 1000)


async def stream(echo: AsyncEcho, case: Case) -> None:
    taken: list[int] = []
    async with echo.count(case["count"], case["fail"]) as numbers:
        try:
            while len(taken) < case["take"]:
                taken.append(await anext(numbers))
        except StopAsyncIteration:
            assert not case["fail"]
        except ConformanceEmptyError:
            assert case["fail"]
            assert len(taken) == case["count"]
        else:
            assert not case["fail"] or case["take"] <= case["count"]
    assert taken == list(range(min(case["take"], case["count"])))
    assert echo.client.requests.count() == 0


async def blocks(echo: AsyncEcho, case: Case) -> None:
    count = 0
    async for block in echo.blocks(case["count"], case["size"]):
        with block, block.view() as view:
            assert view == bytes([count % 251]) * case["size"]
        count += 1
    assert count == case["count"]


async def credit(echo: AsyncEcho, case: Case) -> None:
    before = echo.produced()
    async with echo.count(case["count"], False) as numbers:
        for wanted in range(case["take"]):
            assert await anext(numbers) == wanted
        await asyncio.sleep(case["wait"] / 1000)
        assert case["take"] <= echo.produced() - before <= case["bound"]
    await echo.nothing()


async def filled(echo: AsyncEcho, data: bytes) -> strongroom.Buffer:
    buffer = await echo.client.alloc(len(data))
    with buffer.view() as view:
        view[:] = data
    return buffer


async def sum(echo: AsyncEcho, case: Case) -> None:
    buffer = await filled(echo, bytes.fromhex(case["data"]))
    assert await echo.sum(buffer) == int(case["sum"])
    assert buffer.closed


async def invert(echo: AsyncEcho, case: Case) -> None:
    with await echo.invert(await filled(echo, bytes.fromhex(case["data"]))) as buffer, buffer.view() as view:
        assert view == bytes.fromhex(case["result"])


async def closed_object(echo: AsyncEcho, case: Case) -> None:
    child = await echo.child("child")
    handle = child._handle()
    child.close()
    with pytest.raises(strongroom.HandleClosed):
        await child.nothing()
    with pytest.raises(strongroom.HandleClosed):
        await echo.client.call(raw.method("nothing"), handle, (b"",))


async def emit(echo: AsyncEcho, case: Case) -> None:
    steps: list[int] = []
    assert await echo.ticks(case["steps"], on_tick=lambda tick: steps.append(tick.step)) == case["steps"]
    check_ticks(steps, case)


async def concurrent(echo: AsyncEcho, case: Case) -> None:
    started = time.monotonic()
    found = await asyncio.gather(*(echo.sleep(case["milliseconds"]) for _ in range(case["calls"])))
    assert max(found) == case["calls"]
    assert time.monotonic() - started < case["calls"] * case["milliseconds"] / 1000 / 4


class AsyncEar(Ear):
    """The listener with a coroutine; its other method is a plain one."""

    async def heard(self, text: str) -> int:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().heard(text)


async def total(echo: AsyncEcho, case: Case) -> None:
    async def source() -> AsyncIterator[int]:
        for number in case["numbers"]:
            yield number

    for numbers in (source(), case["numbers"]):
        if "result" in case:
            assert await echo.total(case["limit"], numbers) == int(case["result"])
            continue
        with pytest.raises(strongroom.Error) as caught:
            await echo.total(case["limit"], numbers)
        check_failure(caught.value, case)


async def total_credit(echo: AsyncEcho, case: Case) -> None:
    taken: list[int] = []
    async with echo.double(counted(case["count"], taken)):
        await asyncio.sleep(0.2)
        assert 0 < len(taken) <= case["bound"]
    await echo.nothing()


async def double(echo: AsyncEcho, case: Case) -> None:
    found: list[int] = []
    try:
        async for number in echo.double(case["numbers"]):
            found.append(number)
    except strongroom.Error as error:
        check_failure(error, case)
    else:
        assert "variant" not in case
    assert found == [int(number) for number in case["result"]]


async def total_bytes(echo: AsyncEcho, case: Case) -> None:
    parts: list[strongroom.Buffer] = []

    async def source() -> AsyncIterator[strongroom.Buffer]:
        for part in case["parts"]:
            parts.append(await filled(echo, bytes.fromhex(part)))
            yield parts[-1]

    assert await echo.total_bytes(source()) == int(case["result"])
    assert all(part.closed for part in parts)


async def ask(echo: AsyncEcho, case: Case) -> None:
    for ear in (Ear(), AsyncEar()):
        if "result" in case:
            assert await echo.ask(ear, case["texts"]) == case["result"]
            assert ear.count == len(case["texts"])
        else:
            with pytest.raises(strongroom.Error) as caught:
                await echo.ask(ear, case["texts"])
            check_failure(caught.value, case)
            assert ear.count == case["heard"]
    await check_released(echo)


async def check_released(echo: AsyncEcho) -> None:
    async with asyncio.timeout(5):
        while echo.client.runtime.callbacks.count():
            await asyncio.sleep(0.001)


async def _pass(echo: AsyncEcho, case: Case) -> None:
    buffer = await filled(echo, bytes.fromhex(case["data"]))
    with await echo.pass_(AsyncEar(), buffer) as passed, passed.view() as view:
        assert buffer.closed
        assert view == bytes.fromhex(case["result"])
    await check_released(echo)


async def keep(echo: AsyncEcho, case: Case) -> None:
    ear = AsyncEar()
    await echo.keep(ear)
    assert [await echo.recall(text) for text in case["texts"]] == case["result"]
    assert ear.count == len(case["texts"])
    assert echo.client.runtime.callbacks.count() == 1
    await echo.forget()
    await check_released(echo)


async def recall_nothing(echo: AsyncEcho, case: Case) -> None:
    await echo.forget()
    with pytest.raises(strongroom.Error) as caught:
        await echo.recall("anything")
    check_failure(caught.value, case)


async def trace(echo: AsyncEcho, case: Case) -> None:
    wanted = bytes.fromhex(case["trace"] + case["span"])
    with crossing.traced(echo.client.runtime, case):
        assert await echo.trace() == wanted
    assert await echo.trace() == bytes(24)


async def _eventually(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(crossing.PATIENCE):
        while not so():
            await asyncio.sleep(0.001)


async def log(echo: AsyncEcho, case: Case) -> None:
    with crossing.lines() as lines, crossing.traced(echo.client.runtime, case):
        await echo.log(case["message"])
        await _eventually(lambda: bool(lines.told))
        assert lines.told == [crossing.line(case)]


async def statistics(echo: AsyncEcho, case: Case) -> None:
    client, runtime = echo.client, echo.client.runtime
    before = runtime.statistics()
    assert (before.in_flight, before.buffers, before.buffer_bytes, before.objects) == (0, 0, 0, 1)
    assert before.threads > 0
    for _ in range(case["calls"]):
        await echo.nothing()
    requests = before.requests + case["calls"]
    assert runtime.statistics().requests == requests
    buffers = [client.try_alloc(size) for size in case["sizes"]]
    held = runtime.statistics()
    assert held.buffers == len(buffers)
    assert held.buffer_bytes >= crossing.added(case["sizes"])
    children = [await echo.child("child") for _ in range(case["children"])]
    tasks = [asyncio.create_task(echo.sleep(crossing.FOR_EVER)) for _ in range(case["sleeping"])]
    requests += case["children"] + case["sleeping"]
    await _eventually(lambda: runtime.statistics().in_flight == case["sleeping"])
    counts = runtime.statistics()
    assert (counts.requests, counts.objects) == (requests, 1 + len(children))
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} == {asyncio.CancelledError}
    for child in children:
        child.close()
    for held_one in buffers:
        held_one.close()
    after = runtime.statistics()
    assert (after.in_flight, after.buffers, after.buffer_bytes, after.objects) == (0, 0, 0, 1)
    assert (after.requests, after.stray) == (requests, before.stray)


async def buffer(echo: AsyncEcho, case: Case) -> None:
    steps = crossing.Steps(await filled(echo, bytes.fromhex(case["data"])))
    handle = steps.buffer._handle()
    for step in case["script"]:
        with crossing.failing(step):
            if step["do"] == "move":
                assert await echo.sum(steps.buffer) == int(step.get("sum", -1))
            else:
                steps.do(step)
        if step.get("fails") in crossing.REFUSED and step["do"] == "move":
            # The library knows it too.
            with pytest.raises(crossing.REFUSED[step["fails"]]):
                await echo.client.call(raw.method("sum"), echo._handle(), (handle.to_bytes(8, "little"),))


async def memory(echo: AsyncEcho, case: Case) -> None:
    async with conformance_api.new_runtime(buffer_memory=case["limit"]) as runtime:
        client = runtime.for_loop()
        held = client.try_alloc(case["held"])
        timeout = case["milliseconds"] / 1000 if case["then"] == "deadline" else None
        asking = asyncio.create_task(client.alloc(case["asked"], timeout=timeout))
        if case["then"] in ("freed", "cancelled"):
            await _eventually(lambda: runtime.statistics().in_flight == 1)
            await asyncio.sleep(0.02)
            assert crossing.counted(runtime) == (1, 1, 0)
            assert not asking.done()
        if case["then"] == "freed":
            held.close()
        elif case["then"] == "cancelled":
            asking.cancel()
        with crossing.ending(case, asyncio.CancelledError), await asking as given:
            assert len(given) == case["asked"]
        held.close()
        # Who gave up stands in nobody's way.
        (await client.alloc(case["limit"])).close()
        assert crossing.counted(runtime) == (0, 0, 0)


async def memory_stream(echo: AsyncEcho, case: Case) -> None:
    async with (
        conformance_api.new_runtime(buffer_memory=case["limit"]) as runtime,
        await AsyncEcho.open("own", runtime=runtime) as own,
    ):
        held = own.client.try_alloc(case["limit"])
        stream = own.blocks(case["count"], case["size"])
        await asyncio.sleep(case["wait"] / 1000)
        assert own.produced() == 0
        held.close()
        sizes: list[int] = []
        async for block in stream:
            sizes.append(len(block))
            block.close()
        assert sizes == [case["size"]] * case["count"]


async def won(echo: AsyncEcho, case: Case) -> None:
    results: list[int] = []

    def cancel(tick: conformance_api.Tick) -> None:
        task.cancel()

    async def commit() -> None:
        results.append(await echo.commit(on_tick=cancel))
        # The cancellation lost, and comes now.
        await asyncio.sleep(crossing.PATIENCE)

    task = asyncio.create_task(commit())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert results == [case["result"]]


async def forged(echo: AsyncEcho, case: Case) -> None:
    client, runtime = echo.client, echo.client.runtime
    strays, stray = client.requests.strays, runtime.statistics().stray
    assert await echo.forge(*crossing.forged(case))
    strays += case["to"] == "caller"
    await _eventually(lambda: client.requests.strays == strays)
    await echo.nothing()
    assert client.requests.strays == strays
    assert runtime.statistics().stray == stray + (case["to"] == "library")
    await _eventually(lambda: crossing.counted(runtime) == (0, 0, 1))


async def close_in_flight(echo: AsyncEcho, case: Case) -> None:
    child = await echo.child("child")
    await child.keep(AsyncEar())
    handle, ticked = child._handle(), asyncio.Event()
    task = asyncio.create_task(child.commit(on_tick=lambda tick: ticked.set()))
    await ticked.wait()
    child.close()
    with pytest.raises(strongroom.HandleClosed):
        await child.nothing()
    with pytest.raises(strongroom.HandleClosed):
        # The library knows it too.
        await echo.client.call(raw.method("nothing"), handle, (b"",))
    assert echo.client.runtime.callbacks.count() == 1
    task.cancel()
    assert await task == case["result"]
    await check_released(echo)


async def full(echo: AsyncEcho, case: Case) -> None:
    async with conformance_api.new_runtime() as runtime:
        own = await AsyncEcho.open("own", runtime=runtime)
        client = own.client
        before = runtime.statistics().requests
        # Without a task each, which would take much longer.
        waiters: list[asyncio.Future[Any]] = [client.loop.create_future() for _ in range(case["requests"])]
        ids = [
            client._send_plain(waiter, generated._M_ECHO_SLEEP, own._handle(), (crossing.FOR_EVER,), None)
            for waiter in waiters
        ]
        await _eventually(lambda: runtime.statistics().in_flight == case["requests"])
        waiting = [asyncio.create_task(own.nothing()) for _ in range(case["waiting"])]
        await asyncio.sleep(0.05)
        counts = runtime.statistics()
        assert (counts.requests - before, counts.in_flight) == (case["requests"], case["requests"])
        assert not any(task.done() for task in waiting)
        # They are taken at once, while the calls that wait stand at the head of what the loop sends.
        for id in ids[: case["waiting"]]:
            runtime.native.submit(frames.cancel(client.queue, id))
        async with asyncio.timeout(crossing.PATIENCE):
            await asyncio.gather(*waiting)
    own.close()


async def shutdown(echo: AsyncEcho, case: Case) -> None:
    runtime = conformance_api.new_runtime()
    own = await AsyncEcho.open("shutdown", runtime=runtime)
    await own.keep(AsyncEar())
    buffers = [await filled(own, b"held") for _ in range(case["buffers"])]
    children = [await own.child("child") for _ in range(case["children"])]

    async def exhaust() -> None:
        async for _ in own.count(0xFFFF_FFFF, False):
            pass

    calls: list[asyncio.Task[Any]] = [
        asyncio.create_task(own.sleep(crossing.FOR_EVER)) for _ in range(case["sleeping"])
    ]
    calls += [asyncio.create_task(exhaust()) for _ in range(case["streams"])]
    await _eventually(lambda: runtime.statistics().in_flight == len(calls))
    await runtime.aclose()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [strongroom.RequestCancelled] * len(calls)
    crossing.check_gone(runtime, buffers, children)
    late: list[Callable[[], Awaitable[object]]] = [
        own.nothing,
        lambda: AsyncEcho.open("late", runtime=runtime),
    ]
    for refused in late:
        with pytest.raises(strongroom.RuntimeClosed):
            await refused()


async def fork(echo: AsyncEcho, case: Case) -> None:
    runtime = echo.client.runtime
    tasks = [asyncio.create_task(echo.sleep(case["milliseconds"])) for _ in range(case["sleeping"])]
    await _eventually(lambda: runtime.statistics().in_flight == case["sleeping"])
    with await filled(echo, b"inherited") as inherited:
        call = echo.nothing()
        crossing.in_a_child(
            lambda: crossing.refused_in_a_child(runtime, [lambda: call.send(None), echo.name], inherited)
        )
        await call
    await asyncio.gather(*tasks)


async def exec(echo: AsyncEcho, case: Case) -> None:
    tasks = [asyncio.create_task(echo.sleep(case["milliseconds"])) for _ in range(case["sleeping"])]
    await asyncio.sleep(0)
    crossing.program(case)
    assert len(await asyncio.gather(*tasks)) == case["sleeping"]


async def schema(echo: AsyncEcho, case: Case) -> None:
    crossing.schema(case)


async def lost(echo: AsyncEcho, case: Case) -> None:
    makes: tuple[Callable[[], Awaitable[object]], ...] = (lambda: filled(echo, b"lost"), lambda: echo.child("lost"))
    for make in makes:
        with pytest.warns(ResourceWarning, match="^unclosed <"):
            await make()
            gc.collect()
        assert crossing.counted(echo.client.runtime) == (0, 0, 1)


async def buffer_protocol(echo: AsyncEcho, case: Case) -> None:
    data = bytes.fromhex(case["data"])
    reader, writer = await asyncio.open_connection(sock=crossing.echoing())
    with await filled(echo, data) as source, await echo.client.alloc(len(data)) as target:
        with source.view() as view:
            writer.write(view)
            await writer.drain()
        with target.view() as view:
            view[:] = await reader.readexactly(len(data))
        assert bytes(target) == data
    writer.close()
    await writer.wait_closed()


async def loops(echo: AsyncEcho, case: Case) -> None:
    await asyncio.to_thread(crossing.loops, echo.client.runtime, case)


vars()["pass"] = _pass
