"""Where content is cut: the definition of the format, for checking what a writer has done."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from blake3 import blake3

WINDOW = 64
_BETA = 0x10


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Of chunks, in bytes."""

    min: int
    average: int
    max: int


def multiply(a: int, b: int) -> int:
    """Product in GF(2^8) modulo x^8+x^4+x^3+x^2+1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11D
        b >>= 1
    return product


def _apply(rows: bytes, b: int) -> int:
    return sum(((row & b).bit_count() & 1) << r for r, row in enumerate(rows))


def _stream(key: bytes) -> Callable[[int], bytes]:
    hasher = blake3(b"strongroom chunk boundaries 1", key=key)
    at = 0

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        return hasher.digest(length=count, seek=at - count)

    return take


class Boundaries:
    """The boundary hash of a key."""

    def __init__(self, key: bytes, sizes: Sizes) -> None:
        take = _stream(key)
        self.tables: list[list[int]] = []
        for _ in range(4):
            while True:
                rows = take(8)
                table = [_apply(rows, b) for b in range(256)]
                # Invertible: nothing but 0 becomes 0.
                if all(table[1:]):
                    break
            self.tables.append(table)
        goal = 0
        while goal == 0:
            goal = take(1)[0]
        self.goals = (goal, take(1)[0])
        gap = sizes.average - sizes.min
        self.two_planes = gap >= 1 << 16
        scale = 1 << (32 if self.two_planes else 24)
        # Rounded; no gap gives a half.
        self.limit = (2 * scale + gap) // (2 * gap)

    def hash(self, plane: int, window: bytes) -> int:
        """h_p of the 64 bytes of a window: the sum of its definition."""
        total, power = 0, 1
        for b in reversed(window):
            total ^= multiply(power, self.tables[plane][b])
            power = multiply(power, _BETA)
        return total

    def confirms(self, window: bytes) -> bool:
        """The conditions on the planes after the first, and that not all bytes are equal."""
        if window.count(window[0]) == WINDOW:
            return False
        if self.two_planes and self.hash(1, window) != self.goals[1]:
            return False
        return self.hash(2, window) + 256 * self.hash(3, window) < self.limit


def cuts(key: bytes, sizes: Sizes, data: bytes) -> list[int]:
    """Where the chunks of `data` end."""
    boundaries = Boundaries(key, sizes)
    goal = boundaries.goals[0]
    # h(i) = β·h(i-1) + T·b(i) + β^64·T·b(i-64), and β^64 = 2: the same sum, by one step from the window before.
    table = boundaries.tables[0]
    by_beta = [multiply(_BETA, x) for x in range(256)]
    leaving = [multiply(2, x) for x in table]
    ends = []
    start = 0
    while start < len(data):
        end = min(len(data), start + sizes.max)
        # The first position whose chunk is long enough.
        first = start + sizes.min - 1
        if first < end:
            total = boundaries.hash(0, data[first + 1 - WINDOW : first + 1])
            entering = data[first + 1 : end]
            for i, (new, old) in enumerate(zip(entering, data[first + 1 - WINDOW : end], strict=False), first):
                if total == goal and boundaries.confirms(data[i + 1 - WINDOW : i + 1]):
                    end = i + 1
                    break
                total = by_beta[total] ^ table[new] ^ leaving[old]
            # The last position of a chunk that is as long as it may be ends it, boundary or not.
        ends.append(end)
        start = end
    return ends
