"""Padmé sizes, and the padded texts of objects."""

from __future__ import annotations


def padme(length: int) -> int:
    """The size of an object that hides `length`."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    kept = exponent.bit_length()
    mask = (1 << max(exponent - kept, 0)) - 1
    return (length + mask) & ~mask


def unpad(plain: bytes) -> bytes:
    """The text of a length, a text and zeros."""
    length = int.from_bytes(plain[:4], "little")
    if len(plain) < 4 or length > len(plain) - 4:
        raise ValueError("its length is wrong")
    if any(plain[4 + length :]):
        raise ValueError("its padding is not zero")
    return plain[4 : 4 + length]
