"""The library's plain C functions, by ctypes."""

import ctypes
import pathlib
from collections.abc import Callable

import crossing

LIBRARY = ctypes.CDLL(str(pathlib.Path(crossing.__file__).with_name("libcrossing.so")))

_ANSWERED = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64)

LIBRARY.crossing_plain_start.argtypes = (ctypes.c_uint64, ctypes.c_uint64, _ANSWERED)
LIBRARY.crossing_plain_start.restype = None
LIBRARY.crossing_plain_value.argtypes = ()
LIBRARY.crossing_plain_value.restype = ctypes.c_uint64


def starter(answered: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Starts a request with a value and what it is known by; both are given back on a thread of the library."""
    start, called = LIBRARY.crossing_plain_start, _ANSWERED(answered)

    def begin(value: int, request: int) -> None:
        start(value, request, called)

    return begin
