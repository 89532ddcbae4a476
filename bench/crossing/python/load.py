"""Tasks of an event loop that make one request after the other."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import plain
from figures import Figure, latencies

import crossing

# Of how many requests the time of one is taken.
_SAMPLED = 16


async def library(in_flight: int, requests: int) -> list[Figure]:
    """Through the generated package."""
    async with await crossing.AsyncEcho.open() as echo:
        return await _load(in_flight, requests, echo.number)


async def called_back(in_flight: int, requests: int) -> list[Figure]:
    """The usual way: the library calls back on a thread of its own, which wakes the loop for each completion.

    This is what UniFFI generates for Python, by ctypes.
    """
    loop = asyncio.get_running_loop()
    waiting: dict[int, asyncio.Future[int]] = {}

    def finish(request: int, value: int) -> None:
        waiting.pop(request).set_result(value)

    def answered(request: int, value: int) -> None:
        loop.call_soon_threadsafe(finish, request, value)

    start, requested = plain.starter(answered), itertools.count()

    async def number(value: int) -> int:
        request = next(requested)
        future: asyncio.Future[int] = loop.create_future()
        waiting[request] = future
        start(value, request)
        return await future

    return await _load(in_flight, requests, number)


async def object_store(in_flight: int, requests: int) -> list[Figure]:
    """Through PyO3 and pyo3-async-runtimes: obstore deletes what is not there from memory, the least that it does."""
    # It would count in the memory of the other cases.
    import obstore
    from obstore.store import MemoryStore

    store = MemoryStore()

    async def delete(value: int) -> int:
        await obstore.delete_async(store, "absent")
        return value

    return await _load(in_flight, requests, delete)


async def _load(in_flight: int, requests: int, ask: Callable[[int], Awaitable[int]]) -> list[Figure]:
    in_flight = min(in_flight, requests)
    each = requests // in_flight
    times: list[int] = []
    warm, start = asyncio.Barrier(in_flight + 1), asyncio.Event()

    async def several(caller: int) -> None:
        for value in range(max(1, each // 10)):
            if await ask(value) != value:
                raise _wrong(value)
        await warm.wait()
        await start.wait()
        for value in range(each):
            # Callers begin at different places of the row, so that not all look at the clock at once.
            if (value + caller) % _SAMPLED:
                if await ask(value) != value:
                    raise _wrong(value)
            else:
                began = time.perf_counter_ns()
                if await ask(value) != value:
                    raise _wrong(value)
                times.append(time.perf_counter_ns() - began)

    async with asyncio.TaskGroup() as tasks:
        for caller in range(in_flight):
            tasks.create_task(several(caller))
        await warm.wait()
        used, began = time.process_time_ns(), time.perf_counter()
        start.set()
    took, used = time.perf_counter() - began, time.process_time_ns() - used
    made = in_flight * each
    return [
        Figure("requests_per_second", made / took, "1/s"),
        # Of all threads. Where other programs run too it says more than the time on the clock.
        Figure("cpu_ns_per_request", used / made, "ns"),
        *latencies(times),
    ]


def _wrong(value: int) -> Exception:
    return AssertionError(f"{value} was answered with another number")
