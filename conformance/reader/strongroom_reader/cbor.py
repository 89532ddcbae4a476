"""The part of CBOR (RFC 8949) that the format uses, in the one form that it allows: definite lengths, integers in their
shortest form, no tags, no floating point."""

from __future__ import annotations

from typing import Any


class CborError(ValueError):
    """Not what a writer of the format writes."""


# Records are five levels deep; newer ones may be a little deeper.
_MOST_LEVELS = 32


def decode(data: bytes) -> Any:
    """The one value that `data` is. Maps become dicts; their keys must be ascending unsigned integers."""
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise CborError(f"{len(data) - end} bytes follow the value")
    return value


def _value(data: bytes, at: int, level: int) -> tuple[Any, int]:
    if level > _MOST_LEVELS:
        raise CborError("nested too deeply")
    if at >= len(data):
        raise CborError("it ends early")
    major, short = data[at] >> 5, data[at] & 0x1F
    if major == 7:
        simple = {20: False, 21: True, 22: None}
        if short not in simple:
            raise CborError(f"byte {data[at]:#x} is not used by the format")
        return simple[short], at + 1
    number, at = _argument(data, at + 1, short)
    match major:
        case 0:
            return number, at
        case 1:
            return -1 - number, at
        case 2 | 3:
            if number > len(data) - at:
                raise CborError("a string is longer than the data")
            text = data[at : at + number]
            try:
                return (text if major == 2 else text.decode()), at + number
            except UnicodeDecodeError as error:
                raise CborError(f"a text is not UTF-8: {error}") from None
        case 4:
            items = []
            for _ in range(number):
                item, at = _value(data, at, level + 1)
                items.append(item)
            return items, at
        case 5:
            fields: dict[int, Any] = {}
            last = -1
            for _ in range(number):
                key, at = _value(data, at, level + 1)
                if type(key) is not int or key <= last:
                    raise CborError("the keys of a map are not ascending unsigned integers")
                fields[key], at = _value(data, at, level + 1)
                last = key
            return fields, at
    raise CborError(f"major type {major} is not used by the format")


def _argument(data: bytes, at: int, short: int) -> tuple[int, int]:
    if short < 24:
        return short, at
    if short > 27:
        raise CborError("a length is not definite")
    size = 1 << (short - 24)
    if size > len(data) - at:
        raise CborError("it ends early")
    number = int.from_bytes(data[at : at + size], "big")
    least = (24, 1 << 8, 1 << 16, 1 << 32)[short - 24]
    if number < least:
        raise CborError("an integer is not in its shortest form")
    return number, at + size
