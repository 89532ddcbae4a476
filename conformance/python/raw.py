"""Calls with bytes that no codec has made."""

from typing import Any

from conformance_api import generated
from strongroom._rpc import Method, wire


class _Raw(wire.Codec[bytes]):
    """The payload as it is."""

    def write(self, out: wire.Writer, value: bytes) -> None:
        out.data += value

    def read(self, reader: wire.Reader) -> bytes:
        at = reader.skip(reader.end - reader.at)
        return reader.data[at:]


def method(name: str) -> Method[bytes]:
    """The method of Echo with this name; its argument and its result are payloads."""
    known: Method[Any] = getattr(generated, f"_M_ECHO_{name.upper()}")
    raw = wire.Fields(lambda: (wire.Field("payload", _Raw()),))
    return Method(known.name, known.id, raw, _Raw(), known.throws)


def decode(name: str, payload: bytes) -> Any:
    """What the generated codec of the method's argument reads."""
    known: Method[Any] = getattr(generated, f"_M_ECHO_{name.upper()}")
    return known.arguments.read(wire.Reader(payload))["value"]


def encode(name: str, value: Any) -> bytes:
    """What the generated codec of the method's argument writes."""
    known: Method[Any] = getattr(generated, f"_M_ECHO_{name.upper()}")
    out = wire.Writer()
    known.arguments.write(out, (value,))
    return bytes(out.data)
