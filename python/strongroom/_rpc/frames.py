"""Frames: the 64-byte header, its kinds, and the table that routes answers to requests."""

from __future__ import annotations

import struct
from typing import Generic, TypeVar

CALL = 1
CANCEL = 2
CREDIT = 3
ITEM = 4
END = 5
REPLY = 6
ERROR = 7
PANIC = 8
EMIT = 9

METHOD_ALLOC = 1
METHOD_FILL = 2

# Handles that a frame repeats after its payload are those of buffers, or, with this bit, of objects.
OBJECT_HANDLE = 1 << 63

# length, queue, kind, flags, request, object, method, reserved, remaining_ns, trace
_HEADER = struct.Struct("<IHBBQQIIQ24x")
_CREDIT = struct.Struct("<Q")

_LAST_KINDS = frozenset((END, REPLY, ERROR, PANIC))

T = TypeVar("T")


def is_last(kind: int) -> bool:
    """Whether a frame of this kind ends its request."""
    return kind in _LAST_KINDS


def call(queue: int, request: int, object: int, method: int, remaining_ns: int, payload: bytes | bytearray) -> bytes:
    """A CALL frame, padded to where the next one may start."""
    length = _HEADER.size + len(payload)
    header = _HEADER.pack(length, queue, CALL, 0, request, object, method, 0, remaining_ns)
    return header + payload + bytes(-length & 7)


def cancel(queue: int, request: int) -> bytes:
    """A CANCEL frame."""
    return _HEADER.pack(_HEADER.size, queue, CANCEL, 0, request, 0, 0, 0, 0)


def credit(queue: int, request: int, amount: int) -> bytes:
    """A CREDIT frame."""
    return _HEADER.pack(_HEADER.size + 8, queue, CREDIT, 0, request, 0, 0, 0, 0) + _CREDIT.pack(amount)


def nanoseconds(timeout: float | None) -> int:
    """The header's form of a timeout in seconds: 0 is none, and what is over already is one nanosecond."""
    if timeout is None:
        return 0
    return min(max(1, int(timeout * 1e9)), (1 << 64) - 1)


class Requests(Generic[T]):
    """Requests in flight on one queue, by slot and generation.

    A slot's generation changes when its request ends, so that a frame that comes late, twice or from nowhere finds no
    request, and never another one's.
    """

    __slots__ = ("_entries", "_free", "_generations", "count", "strays")

    def __init__(self) -> None:
        self._entries: list[T | None] = []
        self._generations: list[int] = []
        self._free: list[int] = []
        self.count = 0
        self.strays = 0

    def add(self, entry: T) -> int:
        """The id of a new request."""
        if self._free:
            slot = self._free.pop()
            self._entries[slot] = entry
        else:
            slot = len(self._entries)
            self._entries.append(entry)
            self._generations.append(1)
        self.count += 1
        return self._generations[slot] << 32 | slot

    def find(self, request: int) -> T | None:
        """The request with this id, where it is in flight; counted as a stray otherwise."""
        slot = request & 0xFFFF_FFFF
        if slot < len(self._entries) and self._generations[slot] == request >> 32:
            entry = self._entries[slot]
            if entry is not None:
                return entry
        self.strays += 1
        return None

    def remove(self, request: int) -> None:
        """Ends the request; its id is never used again, until its slot has seen 2**32 others."""
        slot = request & 0xFFFF_FFFF
        self._entries[slot] = None
        self._generations[slot] = self._generations[slot] % 0xFFFF_FFFF + 1
        self._free.append(slot)
        self.count -= 1

    def in_flight(self) -> list[tuple[int, T]]:
        """All requests with their ids."""
        return [
            (self._generations[slot] << 32 | slot, entry)
            for slot, entry in enumerate(self._entries)
            if entry is not None
        ]
