"""The table's kinds of case, run through the classes for asyncio. The function of a kind has its name."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

import raw
import strongroom
import values
from conformance_api import AsyncEcho, ConformanceEmptyError, ConformanceError
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


async def closed_buffer(echo: AsyncEcho, case: Case) -> None:
    buffer = await filled(echo, b"data")
    handle = buffer._handle()
    buffer.close()
    with pytest.raises(strongroom.HandleClosed):
        await echo.sum(buffer)
    with pytest.raises(strongroom.HandleClosed):
        await echo.client.call(raw.method("sum"), echo._handle(), (handle.to_bytes(8, "little"),))


async def view_lease(echo: AsyncEcho, case: Case) -> None:
    buffer = await filled(echo, b"\1\2\3")
    handle = buffer._handle()
    with buffer.view():
        with pytest.raises(BufferError):
            await echo.sum(buffer)
        with pytest.raises(strongroom.BufferBusy):
            await echo.client.call(raw.method("sum"), echo._handle(), (handle.to_bytes(8, "little"),))
    assert await echo.sum(buffer) == 6


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


vars()["pass"] = _pass
