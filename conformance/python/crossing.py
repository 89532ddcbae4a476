"""What both fronts need for the rows about the crossing itself."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import socket
import subprocess
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

import conformance_api
import strongroom
from conformance_api import AsyncEcho
from strongroom import Runtime
from strongroom._rpc import Package

Case = dict[str, Any]

# Milliseconds, longer than any test takes; and seconds, long enough for what has to come.
FOR_EVER = 3_600_000
PATIENCE = 120.0

FAILURES: dict[str, tuple[type[BaseException], ...]] = {
    "closed": (strongroom.HandleClosed,),
    "busy": (BufferError,),
    "malformed": (strongroom.Error,),
}

# The same of the library, for what this side has let go.
REFUSED: dict[str, type[BaseException]] = {"closed": strongroom.HandleClosed, "busy": strongroom.BufferBusy}

KINDS = {"cancel": 2, "credit": 3, "item": 4, "end": 5, "reply": 6, "error": 7, "panic": 8, "emit": 9}


def forged(case: Case) -> tuple[bool, int, conformance_api.Forged, bool]:
    """The arguments of `forge`."""
    which = conformance_api.Forged(case["request"])
    return case["to"] == "caller", KINDS[case["frame"]], which, case["carries"]


@contextlib.contextmanager
def failing(step: Case) -> Iterator[None]:
    """Where a step of a row is to fail, it does, and in that way."""
    if "fails" not in step:
        yield
        return
    with pytest.raises(FAILURES[step["fails"]]):
        yield


class Steps:
    """Does the steps of a row about a buffer, but those that are calls."""

    def __init__(self, buffer: strongroom.Buffer) -> None:
        self.buffer = buffer
        self.views: list[memoryview] = []

    def do(self, step: Case) -> None:
        buffer = self.buffer
        match step["do"]:
            case "view":
                self.views.append(buffer.view())
            case "unview":
                self.views.pop(0).release()
            case "read":
                with buffer.view() as view:
                    assert view == bytes.fromhex(step["data"])
                    assert len(buffer) == len(view)
            case "shrink":
                buffer.shrink(step["length"])
            case "close":
                buffer.close()
            case "close again":
                assert buffer.closed
                buffer.close()
            case other:
                raise AssertionError(f"there is no step {other}")


def eventually(so: Callable[[], bool]) -> None:
    """Waits for what has to come."""
    until = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < until
        time.sleep(0.001)


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append((record.levelno, record.name, record.getMessage()))


@contextlib.contextmanager
def lines() -> Iterator[Lines]:
    """Has the library log into a handler, which is taken away at the end."""
    kept, logger = Lines(), logging.getLogger("conformance")
    level = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    conformance_api.deliver_log(logging.INFO)
    try:
        yield kept
    finally:
        logger.removeHandler(kept)
        logger.setLevel(level)


def schema(case: Case) -> None:
    """Compares the library with a package of the text that a row makes."""
    text = conformance_api.generated._TEXT
    if "replace" in case:
        assert case["replace"][0] in text
        text = text.replace(*case["replace"])
    for line in case.get("remove", ()):
        assert line in text
        text = text.replace(line, "")
    package = Package("conformance", __file__, "00" * 16, case.get("add", "") + text)
    if "names" not in case:
        package.library()
        return
    with pytest.raises(strongroom.SchemaMismatch) as caught:
        package.library()
    assert all(name in str(caught.value) for name in case["names"])
    assert not any(name in str(caught.value) for name in case["spares"])


def program(case: Case) -> None:
    """Starts the program of a row, which gets no descriptor of the library."""
    for close in (True, False):
        done = subprocess.run(case["program"], close_fds=close, capture_output=True, check=True, text=True)
        assert not any(absent in done.stdout for absent in case["absent"])


def in_a_child(what: Callable[[], object]) -> None:
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


def refused_in_a_child(runtime: Runtime, calls: list[Callable[[], object]], buffer: strongroom.Buffer) -> None:
    """What a child sees of the library of its parent."""
    refused: list[Callable[[], object]] = [*calls, runtime.sync, runtime.statistics, lambda: buffer.shrink(1)]
    for call in refused:
        with pytest.raises(strongroom.ForkError, match="this process was forked"):
            call()
    buffer.close()
    runtime.close()


def counted(runtime: Runtime) -> tuple[int, int, int]:
    """In flight, buffers, objects."""
    now = runtime.statistics()
    return now.in_flight, now.buffers, now.objects


@contextlib.contextmanager
def traced(runtime: Runtime, case: Case) -> Iterator[None]:
    """Calls carry the trace of a row."""
    if "trace" in case:
        span = bytes.fromhex(case["trace"] + case["span"])
        runtime.trace = lambda: span
    try:
        yield
    finally:
        runtime.trace = None


def line(case: Case) -> tuple[int, str, str]:
    """What the handler is told in a row about the log."""
    return logging.INFO, "conformance.conformance", case["line"]


def added(sizes: Iterable[int]) -> int:
    """Their sum, for modules that have a kind of that name."""
    return sum(sizes)


@contextlib.contextmanager
def ending(case: Case, cancelled: type[BaseException] = strongroom.RequestCancelled) -> Iterator[None]:
    """What becomes of an allocation that waits."""
    ends: dict[str, type[BaseException]] = {
        "refused": strongroom.BufferMemoryUsedUp,
        "deadline": strongroom.DeadlineExceeded,
        "cancelled": cancelled,
    }
    if case["then"] in ends:
        with pytest.raises(ends[case["then"]]):
            yield
        return
    assert case["then"] in ("given", "freed")
    yield


def exhaust(items: Iterable[object]) -> None:
    """Takes all that comes."""
    for _ in items:
        pass


def check_gone(runtime: Runtime, buffers: Sequence[strongroom.Buffer], objects: Sequence[Any]) -> None:
    """What a runtime that was closed has left: nothing, and nothing that fails to be closed."""
    for buffer in buffers:
        with pytest.raises(strongroom.Error):
            buffer.view()
    for left in (*buffers, *objects):
        left.close()
    assert runtime.callbacks.count() == 0
    with pytest.raises(strongroom.RuntimeClosed):
        runtime.statistics()
    runtime.close()


def reading(data: bytes) -> io.BufferedReader:
    """A file with these bytes."""
    return io.BufferedReader(io.BytesIO(data))


def echoing() -> socket.socket:
    """One end of a pair of sockets whose other end sends back what comes first."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        with theirs:
            theirs.sendall(theirs.recv(1 << 16))

    threading.Thread(target=answer).start()
    ours.setblocking(False)
    return ours


def loops(runtime: Runtime, case: Case) -> None:
    """Several event loops at once, each in its thread, make their calls."""
    done: list[int] = []

    async def main() -> None:
        async with await AsyncEcho.open("loop", runtime=runtime) as echo:
            done.extend(await asyncio.gather(*(echo.sleep(1) for _ in range(case["calls"]))))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(case["loops"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(done) == case["loops"] * case["calls"]
