"""Content-defined cut points, found by numpy.

A position is a boundary by a hash of the 64 bytes before it, in two steps: the last four bytes, times a key, let one
position in 512 pass; of these few, all 64 bytes are hashed. The first step is a multiplication and a comparison of whole
arrays, so it runs at the speed of the processor's vector units and without the interpreter's lock. (A gear hash, which
numpy can build by doubling its window five times, took six times as long.)

Boundaries are chosen as in FastCDC's normalised chunking (Xia et al., USENIX ATC 2016): only strict ones up to the average
size, any beyond it.
"""

from bisect import bisect_left, bisect_right

import numpy as np
from blake3 import blake3

MIN_CHUNK, AVG_CHUNK, MAX_CHUNK = 256 << 10, 1 << 20, 4 << 20
WINDOW = 64
# Large enough that threads seldom ask for the interpreter's lock, small enough that the arrays stay in the cache.
PIECE = 1 << 20

# The two steps together let one position in 2^21 pass, or one in 2^19. The greatest products pass: that of zeros is zero.
FIRST = np.uint32(2**32 - 2**23)
STRICT = np.uint64(2**64 - 2**52)
LOOSE = np.uint64(2**64 - 2**54)


class Chunker:
    """Finds the cuts of one stream, which lies in a buffer piece by piece."""

    def __init__(self, key: bytes) -> None:
        keys = blake3(key).digest(length=4 + WINDOW)
        self._gram_key = np.uint32(int.from_bytes(keys[:4], "little") | 1)
        self._window_keys = np.frombuffer(keys[4:], np.uint64) | np.uint64(1)
        self._products = np.empty(PIECE // 4, np.uint32)
        self._passed = np.empty(PIECE // 4, bool)
        self._strict: list[int] = []
        self._loose: list[int] = []

    def look(self, data: np.ndarray, start: int, end: int) -> None:
        """Looks for boundaries in data[start:end]. What is before start has been looked at."""
        strict, loose = [], []
        for at in range(max(start, WINDOW - 1), end, PIECE):
            cuts = self._first(data, at, min(at + PIECE, end))
            # The windows of eight numbers at each of the few places.
            numbers = np.ndarray(len(data) - 7, np.uint64, data, strides=(1,))
            hashes = (numbers[cuts[:, None] + np.arange(-WINDOW, 0, 8)] * self._window_keys).sum(axis=1)
            loose.append(cuts[hashes >= LOOSE])
            strict.append(cuts[hashes >= STRICT])
        if loose:
            self._strict += np.sort(np.concatenate(strict)).tolist()
            self._loose += np.sort(np.concatenate(loose)).tolist()

    def _first(self, data: np.ndarray, start: int, end: int) -> np.ndarray:
        """Cuts after a byte of data[start:end] that pass the first step."""
        found = []
        for lane in range(min(4, end - start)):
            count = (end - start - lane + 3) // 4
            grams = data[start + lane - 3 : start + lane - 3 + 4 * count].view(np.uint32)
            products = np.multiply(grams, self._gram_key, out=self._products[:count])
            passed = np.greater_equal(products, FIRST, out=self._passed[:count])
            found.append(np.flatnonzero(passed) * 4 + (start + lane + 1))
        return np.concatenate(found)

    def cut(self, start: int, end: int, last: bool) -> int | None:
        """The end of the chunk that begins at start, in data that ends at end; None where more data is needed to tell."""
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
