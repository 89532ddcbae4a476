"""Decoders meet random bytes: each answers a value or Malformed, quickly, and never anything else."""

import json
import os
import pathlib
import random

import pytest

import raw
import strongroom
from conformance_api import generated
from strongroom._rpc import wire

_CASES = json.loads((pathlib.Path(__file__).absolute().parent.parent / "cases.json").read_text(encoding="utf-8"))
_SEED = int(os.environ.get("STRONGROOM_SEED", random.SystemRandom().randrange(1 << 32)))
_ROUNDS = 4000


@pytest.mark.parametrize("method", ["scalars", "containers", "defaults"])
def test_random_bytes(method: str) -> None:
    print(f"run again with STRONGROOM_SEED={_SEED}")
    source = random.Random(_SEED)
    seeds = [bytes.fromhex(case["wire"]) for case in _CASES if case.get("method") == method]
    known = 0
    for _ in range(_ROUNDS):
        payload = bytearray(source.choice(seeds))
        for _ in range(source.randrange(4)):
            if payload:
                payload[source.randrange(len(payload))] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
        if source.randrange(3) == 0:
            del payload[source.randrange(len(payload) + 1) :]
        try:
            value = raw.decode(method, bytes(payload))
        except strongroom.Malformed:
            continue
        known += 1
        # What was understood can be written, and is read again as it was written.
        written = raw.encode(method, value)
        assert raw.encode(method, raw.decode(method, written)) == written
    assert known


def test_random_errors() -> None:
    print(f"run again with STRONGROOM_SEED={_SEED}")
    source = random.Random(_SEED)
    for _ in range(_ROUNDS):
        payload = source.randbytes(source.randrange(40))
        if source.randrange(2):
            payload = bytes([source.randrange(3), 0, 0, 0, source.randrange(12), 0, 0, 0, 0, 0, 0, 0]) + payload
        assert isinstance(wire.read_error(payload, generated._T_CONFORMANCE_ERROR), strongroom.Error)


def test_counts_allocate_nothing() -> None:
    for codec in (wire.List(wire.BOOL), wire.List(wire.FixedBytes(0)), wire.Map(wire.U8, wire.BYTES), wire.STRING):
        with pytest.raises(strongroom.Malformed):
            codec.read(wire.Reader(b"\xff\xff\xff\xff"))


def test_depth_is_bounded() -> None:
    class Tree(wire.Codec[object]):
        least = 4

        def read(self, reader: wire.Reader) -> object:
            return wire.List(self).read(reader)

    with pytest.raises(strongroom.Malformed, match="nested"):
        Tree().read(wire.Reader(b"\1\0\0\0" * 100_000))


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        (wire.U8, 256),
        (wire.U8, -1),
        (wire.I64, 1 << 63),
        (wire.F32, 1e300),
        (wire.FixedBytes(4), b"123"),
        (wire.STRING, "\udc80"),
        (wire.List(wire.STRING), ["a", 1]),
    ],
)
def test_values_that_do_not_fit_are_refused(codec: wire.Codec[object], value: object) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        codec.write(wire.Writer(), value)


def test_paths_keep_their_bytes() -> None:
    for path in (b"\xff\xfe", "caf\xe9", pathlib.Path("a/b")):
        out = wire.Writer()
        wire.PATH.write(out, path)
        assert os.fsencode(wire.PATH.read(wire.Reader(bytes(out.data)))) == os.fsencode(path)
