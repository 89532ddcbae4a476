"""The block format of LZ4."""

from __future__ import annotations


class Lz4Error(ValueError):
    """Not an LZ4 block of the stated size."""


def decompress(data: bytes, size: int) -> bytes:
    """What `data`, an LZ4 block, stands for: exactly `size` bytes."""
    out = bytearray()
    at = 0

    def length(short: int) -> int:
        nonlocal at
        total = short
        more = short == 15
        while more:
            if at >= len(data):
                raise Lz4Error("it ends early")
            total += data[at]
            more = data[at] == 255
            at += 1
        return total

    while at < len(data):
        token = data[at]
        at += 1
        literals = length(token >> 4)
        if literals > len(data) - at or literals > size - len(out):
            raise Lz4Error("it has more literals than there are")
        out += data[at : at + literals]
        at += literals
        if at == len(data):
            # The last sequence has no match.
            break
        if len(data) - at < 2:
            raise Lz4Error("it ends early")
        distance = data[at] | data[at + 1] << 8
        at += 2
        count = length(token & 15) + 4
        if not 0 < distance <= len(out) or count > size - len(out):
            raise Lz4Error("a match reaches out of it")
        start = len(out) - distance
        while count > 0:
            # A match may overlap what it makes.
            part = out[start : start + min(count, len(out) - start)]
            out += part
            start += len(part)
            count -= len(part)
    if len(out) != size:
        raise Lz4Error(f"it stands for {len(out)} bytes, not {size}")
    return bytes(out)
