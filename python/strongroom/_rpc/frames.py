"""Frames: the 64-byte header, its kinds, and the table that routes answers to requests."""

from __future__ import annotations

import itertools
import struct
from typing import Generic, Protocol, TypeVar

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


class Entry(Protocol):
    """What waits for the answers to a request."""

    id: int


E = TypeVar("E", bound=Entry)


class Requests(Generic[E]):
    """Requests in flight on one queue, by slot and generation.

    A slot's generation changes when its request ends, so that a frame that comes late, twice or from nowhere finds no
    request, and never another one's.
    """

    __slots__ = ("_entries", "_free", "_slots", "strays")

    def __init__(self) -> None:
        self._entries: dict[int, E] = {}
        # The next ids of slots that were used.
        self._free: list[int] = []
        self._slots = itertools.count()
        self.strays = 0

    def count(self) -> int:
        """How many there are."""
        return len(self._entries)

    def add(self, entry: E) -> None:
        """Gives a new request its id."""
        # Threads come here together, without a lock; an interrupt between two lines costs a slot, which nobody misses.
        try:
            entry.id = self._free.pop()
        except IndexError:
            entry.id = 1 << 32 | next(self._slots)
        self._entries[entry.id] = entry

    def find(self, request: int) -> E | None:
        """The request with this id, where it is in flight; counted as a stray otherwise."""
        entry = self._entries.get(request)
        if entry is None:
            self.strays += 1
        return entry

    def remove(self, request: int) -> None:
        """Ends the request; its id is never used again, until its slot has seen 2**32 others."""
        if self._entries.pop(request, None) is not None:
            slot, generation = request & 0xFFFF_FFFF, request >> 32
            self._free.append((generation % 0xFFFF_FFFF + 1) << 32 | slot)

    def in_flight(self) -> list[E]:
        """All requests."""
        return list(self._entries.values())
