"""Content-defined cut points, found by numpy.

A position is a boundary by a hash of the 64 bytes before it, in two steps: the last four bytes, times a key, let one
position in 1024 pass; of these few, all 64 bytes are hashed. The first step is a multiplication and a comparison of
whole arrays, so it runs at the speed of the processor's vector units and without the interpreter's lock. (A gear hash,
which numpy can build by doubling its window five times, took six times as long.)

Boundaries are chosen as in FastCDC's normalised chunking (Xia et al., USENIX ATC 2016): only strict ones up to the
average size, any beyond it.
"""

from bisect import bisect_left, bisect_right
from concurrent.futures import Executor

import numpy as np
from blake3 import blake3

MIN_CHUNK, AVG_CHUNK, MAX_CHUNK = 256 << 10, 1 << 20, 4 << 20
WINDOW = 64
# What one thread looks at: large enough that threads seldom ask for the interpreter's lock, small enough that the
# arrays stay in the cache.
PIECE = 1 << 20

# The two steps together let one position in 2^21 pass, or one in 2^19. The greatest products pass: that of zeros is
# zero.
FIRST = np.uint32(2**32 - 2**22)
STRICT = np.uint64(2**64 - 2**53)
LOOSE = np.uint64(2**64 - 2**55)


class Chunker:
    """Finds the cuts of one stream, which lies in a buffer block by block. The threads of pool share the work."""

    def __init__(self, key: bytes, pool: Executor) -> None:
        keys = blake3(key).digest(length=4 + WINDOW)
        self._gram_key = np.uint32(int.from_bytes(keys[:4], "little") | 1)
        self._window_keys = np.frombuffer(keys[4:], np.uint64) | np.uint64(1)
        self._pool = pool
        self._strict: list[int] = []
        self._loose: list[int] = []

    def look(self, data: np.ndarray, start: int, end: int) -> None:
        """Looks for boundaries in data[start:end]. What is before start has been looked at."""
        pieces = range(max(start, WINDOW - 1), end, PIECE)
        for strict, loose in self._pool.map(lambda at: self._piece(data, at, min(at + PIECE, end)), pieces):
            self._strict += strict
            self._loose += loose

    def _piece(self, data: np.ndarray, start: int, end: int) -> tuple[list[int], list[int]]:
        """The cuts after a byte of data[start:end]."""
        products, passed = np.empty(PIECE // 4, np.uint32), np.empty(PIECE // 4, bool)
        found = []
        for lane in range(min(4, end - start)):
            count = (end - start - lane + 3) // 4
            grams = data[start + lane - 3 : start + lane - 3 + 4 * count].view(np.uint32)
            np.multiply(grams, self._gram_key, out=products[:count])
            np.greater_equal(products[:count], FIRST, out=passed[:count])
            found.append(np.flatnonzero(passed[:count]) * 4 + (start + lane + 1))
        cuts = np.concatenate(found)
        cuts.sort()
        # The windows of these few as rows of eight numbers.
        numbers = np.ndarray(len(data) - 7, np.uint64, data, strides=(1,))
        hashes = (numbers[cuts[:, None] + np.arange(-WINDOW, 0, 8)] * self._window_keys).sum(axis=1)
        return cuts[hashes >= STRICT].tolist(), cuts[hashes >= LOOSE].tolist()

    def cut(self, start: int, end: int, last: bool) -> int | None:
        """The end of the chunk from start, in data that ends at end; None where it takes more data to tell."""
        if start == end:
            return None
        limit = min(end, start + MAX_CHUNK)
        at = bisect_left(self._strict, start + MIN_CHUNK)
        if at < len(self._strict) and self._strict[at] <= start + AVG_CHUNK:
            return self._strict[at]
        at = bisect_right(self._loose, start + AVG_CHUNK)
        if at < len(self._loose) and self._loose[at] <= limit:
            return self._loose[at]
        return limit if last or limit == start + MAX_CHUNK else None

    def shift(self, start: int) -> None:
        """Tells that the data at start has moved to 0."""
        self._strict = [cut - start for cut in self._strict if cut > start]
        self._loose = [cut - start for cut in self._loose if cut > start]
