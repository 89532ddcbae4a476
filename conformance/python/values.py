"""The table's JSON form of a value, to and from what the generated package uses.

64-bit integers are decimal strings, floats the hexadecimal of their bits, bytes and paths hexadecimal, maps are lists
of pairs. A timestamp has its seconds and nanoseconds, and a duration is its nanoseconds.
"""

import enum
import os
import struct
import types
import typing
from typing import Any

import conformance_api
from strongroom import Duration, Timestamp

_PATHS = {"place"}
_VARIANTS = {
    "point": conformance_api.ShapePoint,
    "circle": conformance_api.ShapeCircle,
    "polygon": conformance_api.ShapePolygon,
}
_RECORDS = {
    "scalars": conformance_api.Scalars,
    "containers": conformance_api.Containers,
    "defaults": conformance_api.Defaults,
    "moments": conformance_api.Moments,
}


def argument(method: str, value: dict[str, Any]) -> Any:
    """The argument of a round trip."""
    return _record(_RECORDS[method], value)


def _record(make: Any, value: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(make)
    return make(**{name: _from_json(hints[name], name, item) for name, item in value.items()})


def _from_json(hint: Any, name: str, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint == conformance_api.Shape:
        fields = {key: item for key, item in value.items() if key != "variant"}
        return _record(_VARIANTS[value["variant"]], fields)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _from_json(arguments[0], name, value)
    if origin is list:
        return [_from_json(arguments[0], name, item) for item in value]
    if hint is Timestamp:
        return Timestamp(int(value["seconds"]), value["nanos"])
    if hint is Duration:
        return Duration(int(value))
    if origin is dict:
        return {_from_json(arguments[0], name, key): _from_json(arguments[1], name, item) for key, item in value}
    if hint is int:
        return int(value)
    if hint is float:
        return _float(value)
    if hint is bytes:
        return bytes.fromhex(value)
    if name in _PATHS:
        return os.fsdecode(bytes.fromhex(value))
    if isinstance(value, dict):
        return _record(hint, value)
    return value


def _float(text: str) -> float:
    if len(text) == 16:
        return _double(bytes.fromhex(text))
    bits = int(text, 16)
    if bits & 0x7F80_0000 == 0x7F80_0000 and bits & 0x7F_FFFF:
        # A NaN: widened by hand, because the processor would change a signalling one.
        wide = (bits & 0x8000_0000) << 32 | 0x7FF << 52 | (bits & 0x7F_FFFF) << 29
        return _double(wide.to_bytes(8, "big"))
    single: float = struct.unpack(">f", bytes.fromhex(text))[0]
    return single


def _double(data: bytes) -> float:
    value: float = struct.unpack(">d", data)[0]
    return value


def comparable(value: Any) -> Any:
    """Something that equals another one only where the values are the same bit by bit."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, enum.Enum):
        return value
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if hasattr(value, "__slots__"):
        return type(value).__name__, [comparable(getattr(value, name)) for name in value.__slots__ if name != "_"]
    return value
