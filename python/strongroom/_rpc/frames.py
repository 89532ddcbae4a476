"""Frames: the 64-byte header, its kinds, and the table by which what they name is found."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
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
RELEASE = 10

METHOD_ALLOC = 1
METHOD_FILL = 2

# Handles that a frame repeats after its payload are those of buffers, or, with this bit, of objects.
OBJECT_HANDLE = 1 << 63

# length, queue, kind, flags, request, object, method, reserved, remaining_ns, trace
_HEADER = struct.Struct("<IHBBQQIIQ24x")
_TRACE = 24
_CREDIT = struct.Struct("<Q")
_HANDLE = struct.Struct("<Q")

_LAST_KINDS = frozenset((END, REPLY, ERROR, PANIC))


def is_last(kind: int) -> bool:
    """Whether a frame of this kind ends its request."""
    return kind in _LAST_KINDS


def call(
    queue: int,
    request: int,
    object: int,
    method: int,
    remaining_ns: int,
    payload: bytes | bytearray,
    trace: bytes | None = None,
) -> bytes:
    """A CALL frame, padded to where the next one may start."""
    length = _HEADER.size + len(payload)
    header = _HEADER.pack(length, queue, CALL, 0, request, object, method, 0, remaining_ns)
    if trace is not None:
        header = header[:-_TRACE] + trace
    return header + payload + bytes(-length & 7)


def cancel(queue: int, request: int) -> bytes:
    """A CANCEL frame."""
    return _HEADER.pack(_HEADER.size, queue, CANCEL, 0, request, 0, 0, 0, 0)


def item(queue: int, request: int, payload: bytes | bytearray, buffers: Sequence[int]) -> bytes:
    """An ITEM frame of a stream from here. It repeats the handles of its buffers, for a request that is over."""
    return _data(ITEM, queue, request, payload, buffers)


def end(queue: int, request: int) -> bytes:
    """The END frame of a stream from here."""
    return _HEADER.pack(_HEADER.size, queue, END, 0, request, 0, 0, 0, 0)


def reply(queue: int, request: int, payload: bytes | bytearray, buffers: Sequence[int]) -> bytes:
    """The REPLY to a call of the library's."""
    return _data(REPLY, queue, request, payload, buffers)


def error(queue: int, request: int, payload: bytes | bytearray) -> bytes:
    """The ERROR that answers a call of the library's."""
    return _data(ERROR, queue, request, payload, ())


def _data(kind: int, queue: int, request: int, payload: bytes | bytearray, buffers: Sequence[int]) -> bytes:
    handles = b"".join(map(_HANDLE.pack, buffers))
    length = _HEADER.size + len(payload) + len(handles)
    header = _HEADER.pack(length, queue, kind, len(buffers), request, 0, 0, 0, 0)
    return header + payload + handles + bytes(-length & 7)


def lent(payload: bytes) -> int:
    """The credit of a CREDIT frame."""
    return int.from_bytes(payload[:8], "little")


def credit(queue: int, request: int, amount: int) -> bytes:
    """A CREDIT frame."""
    return _HEADER.pack(_HEADER.size + 8, queue, CREDIT, 0, request, 0, 0, 0, 0) + _CREDIT.pack(amount)


def nanoseconds(timeout: float | None) -> int:
    """The header's form of a timeout in seconds: 0 is none, and what is over already is one nanosecond."""
    if timeout is None:
        return 0
    return min(max(1, int(timeout * 1e9)), (1 << 64) - 1)


class Entry(Protocol):
    """What a table names: a request that waits for its answers, or a callback that the library may call."""

    id: int


E = TypeVar("E", bound=Entry)


class Table(Generic[E]):
    """What the library knows by an id of ours: slot and generation.

    A slot's generation changes when its entry goes, so that a frame that comes late, twice or from nowhere finds no
    entry, and never another one.
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
        """Gives a new entry its id."""
        # Threads come here together, without a lock; an interrupt between two lines costs a slot, which nobody misses.
        try:
            entry.id = self._free.pop()
        except IndexError:
            entry.id = 1 << 32 | next(self._slots)
        self._entries[entry.id] = entry

    def find(self, id: int) -> E | None:
        """The entry with this id, where there is one; counted as a stray otherwise."""
        entry = self._entries.get(id)
        if entry is None:
            self.strays += 1
        return entry

    def remove(self, id: int) -> None:
        """Takes the entry out; its id is never used again, until its slot has seen 2**32 others."""
        if self._entries.pop(id, None) is not None:
            slot, generation = id & 0xFFFF_FFFF, id >> 32
            self._free.append((generation % 0xFFFF_FFFF + 1) << 32 | slot)

    def all(self) -> list[E]:
        """All entries."""
        return list(self._entries.values())
