"""Methods that only read, as a plain call."""

import time
from collections.abc import Callable

import plain
from figures import Figure

import crossing


def method(calls: int) -> list[Figure]:
    """Through the generated package."""
    with crossing.Echo.open() as echo:
        return _call(calls, echo.value)


def getter(calls: int) -> list[Figure]:
    """A plain C function, by ctypes."""
    return _call(calls, plain.LIBRARY.crossing_plain_value)


def _call(calls: int, get: Callable[[], int]) -> list[Figure]:
    for _ in range(calls // 10):
        get()
    began = time.perf_counter_ns()
    for _ in range(calls):
        get()
    return [Figure("ns_per_call", (time.perf_counter_ns() - began) / calls, "ns")]
