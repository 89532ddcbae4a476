"""What is dropped without having been closed says so, and where it came from; everything is given back all the same."""

import asyncio
import contextlib
import gc
import os
import time
import tracemalloc
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import conformance_api
from conformance_api import AsyncEcho, Echo
from strongroom import Runtime


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime() as made:
        yield made


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    tracemalloc.start(25)
    yield
    tracemalloc.stop()


@contextlib.contextmanager
def _dropped(text: str) -> Iterator[None]:
    """In the block something is dropped that the function `_made_here` below has made."""
    with pytest.warns(ResourceWarning, match=rf"^unclosed <{text}") as caught:
        yield
        gc.collect()
    (source,) = (one.source for one in caught if issubclass(one.category, ResourceWarning))
    place: Any = tracemalloc.get_object_traceback(source)
    start = _made_here.__code__.co_firstlineno
    assert any(frame.filename == __file__ and start < frame.lineno <= start + 3 for frame in place), place.format()


def _made_here(make: Callable[[], Any]) -> Any:
    """The place of allocation that the tests look for."""
    return make()


def test_a_buffer(runtime: Runtime) -> None:
    client = runtime.sync()
    for make in (lambda: client.alloc(10), lambda: client.try_alloc(10)):
        with _dropped(r"strongroom\.Buffer of 10 bytes>"):
            _made_here(make)
        assert runtime.statistics().buffers == 0


def test_an_object(runtime: Runtime) -> None:
    with _dropped(r"conformance_api\.generated\.Echo object"):
        _made_here(lambda: Echo.open("dropped", runtime=runtime))
    assert runtime.statistics().objects == 0


def test_what_is_closed_or_moved_says_nothing(runtime: Runtime) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Echo.open("closed", runtime=runtime) as echo:
            echo.sum(runtime.sync().alloc(10))
            echo.invert(runtime.sync().alloc(10)).close()
            for block in echo.blocks(3, 10):
                block.close()
        del echo, block
        own = conformance_api.new_runtime()
        left = Echo.open("left", runtime=own)
        buffer = own.sync().alloc(10)
        own.close()
        # Closed with their runtime.
        del own, left, buffer
        gc.collect()


def test_in_asyncio(runtime: Runtime) -> None:
    async def made_here(make: Callable[[], Any]) -> Any:
        return await make()

    async def main() -> None:
        async with await AsyncEcho.open("asyncio", runtime=runtime) as echo:
            for make, text in (
                (lambda: echo.client.alloc(10), r"strongroom\.Buffer of 10 bytes>"),
                (lambda: echo.child("dropped"), r"conformance_api\.generated\.AsyncEcho object"),
            ):
                with pytest.warns(ResourceWarning, match=rf"^unclosed <{text}") as caught:
                    await made_here(make)
                    gc.collect()
                place: Any = tracemalloc.get_object_traceback(caught[0].source)
                line = made_here.__code__.co_firstlineno + 1
                assert any((frame.filename, frame.lineno) == (__file__, line) for frame in place), place.format()

    asyncio.run(main())


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _ends(thing: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not thing():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
        # What recorded the warning had kept what it is about.
        gc.collect()
    return True


def test_a_runtime_that_was_never_used() -> None:
    before = _descriptors()
    with _dropped(r"strongroom\._rpc\.runtime\.Runtime object"):
        _made_here(conformance_api.new_runtime)
    assert _descriptors() == before


def test_a_runtime_with_a_receiver() -> None:
    """Its thread ends, and the library's with it."""

    def held() -> tuple[int, int]:
        return _descriptors(), len(os.listdir("/proc/self/task"))

    before = held()
    with _dropped(r"strongroom\._rpc\.runtime\.Runtime object"):
        own = _made_here(conformance_api.new_runtime)
        with Echo.open("dropped", runtime=own) as echo:
            echo.nothing()
        assert held() > before
        del own, echo
    # Less is there where something of an earlier test has come to its end meanwhile.
    assert _ends(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))


def test_a_runtime_of_a_loop() -> None:
    async def main() -> None:
        before = _descriptors()
        with _dropped(r"strongroom\._rpc\.runtime\.Runtime object"):
            own = _made_here(conformance_api.new_runtime)
            async with await AsyncEcho.open("dropped", runtime=own) as echo:
                await asyncio.gather(*(echo.nothing() for _ in range(100)))
            await asyncio.sleep(0.05)
            del own, echo
        for _ in range(100):
            await asyncio.sleep(0.01)
            gc.collect()
            if _descriptors() == before:
                break
        assert _descriptors() == before

    asyncio.run(main())


def test_a_call_in_flight_keeps_its_runtime_and_its_task() -> None:
    """Nobody but the library knows the task, and it ends all the same."""
    done: list[int] = []

    async def fire_and_forget() -> None:
        with conformance_api.new_runtime() as own:
            async with await AsyncEcho.open("forgotten", runtime=own) as echo:
                done.append(await echo.sleep(100))
            await own.aclose()

    async def main() -> None:
        task = weakref.ref(asyncio.get_running_loop().create_task(fire_and_forget()))
        for _ in range(500):
            gc.collect()
            await asyncio.sleep(0.01)
            if done:
                break
        while task() is not None:
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert done == [1]
