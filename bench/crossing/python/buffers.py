"""Buffers into the library and out of it. One whose bytes are somewhere else on the other side was copied."""

import time

import numpy
from figures import Figure

import crossing


def there_and_back(rounds: int, size: int) -> list[Figure]:
    copied = 0
    with crossing.Echo.open() as echo:
        began = time.perf_counter()
        for number in range(rounds):
            byte = number % 251
            copied += _send(echo, size, byte) + _receive(echo, size, byte)
        took = time.perf_counter() - began
    return [Figure("copied_bytes", copied / rounds, "B"), Figure("us_per_round_trip", took / rounds * 1e6, "us")]


def _send(echo: crossing.Echo, size: int, byte: int) -> int:
    buffer = echo.client.alloc(size)
    with buffer.view() as view:
        array = numpy.frombuffer(view, dtype=numpy.uint8)
        array[:] = byte
        address = array.ctypes.data
        del array
    return 0 if echo.address(buffer, byte) == address else size


def _receive(echo: crossing.Echo, size: int, byte: int) -> int:
    with echo.block(size, byte) as buffer, buffer.view() as view:
        array = numpy.frombuffer(view, dtype=numpy.uint8)
        address = array.ctypes.data
        if not (array[8:] == byte).all():
            raise AssertionError("a buffer has other bytes than those with which the library filled it")
        del array
        return 0 if int.from_bytes(view[:8], "little") == address else size
