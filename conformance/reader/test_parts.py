"""The parts of the reader, each by itself."""

import contextlib
import json
import random

import pytest
from strongroom_reader import cbor, chunks, lz4, padding, tree
from vectors import encode, splitmix64


def test_cbor_reads_what_rfc_8949_lists() -> None:
    # Appendix A.
    for text, value in {
        "00": 0,
        "17": 23,
        "1818": 24,
        "1903e8": 1000,
        "1a000f4240": 1_000_000,
        "1bffffffffffffffff": (1 << 64) - 1,
        "20": -1,
        "3bffffffffffffffff": -(1 << 64),
        "3903e7": -1000,
        "f4": False,
        "f5": True,
        "f6": None,
        "4401020304": b"\1\2\3\4",
        "62c3bc": "ü",
        "8301820203820405": [1, [2, 3], [4, 5]],
        "a201020304": {1: 2, 3: 4},
    }.items():
        assert cbor.decode(bytes.fromhex(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1817",  # not the shortest form
        "190017",
        "1a0000ffff",
        "1b00000000ffffffff",
        "19ff",  # ends early
        "4401",
        "62c328",  # not UTF-8
        "9f01ff",  # indefinite
        "5f4101ff",
        "a202010101",  # keys descend
        "a201010102",  # a key twice
        "a1616101",  # a key that is text
        "c11a514b67b0",  # tag
        "f97e00",  # float
        "f7",  # undefined
        "0000",  # something follows
        "9a10000000",  # more items than bytes
        "81" * 40 + "00",  # deep
    ],
)
def test_cbor_refuses_what_no_writer_writes(text: str) -> None:
    with pytest.raises(cbor.CborError):
        cbor.decode(bytes.fromhex(text))


def test_cbor_never_fails_otherwise() -> None:
    noise = random.Random(1)
    for _ in range(20_000):
        try:
            value = cbor.decode(noise.randbytes(noise.randrange(12)))
        except cbor.CborError:
            continue
        json.dumps(value, default=repr)


def test_padme() -> None:
    sizes = {0: 0, 1: 1, 2: 2, 9: 10, 1000: 1024, 1025: 1088, 1 << 20: 1 << 20}
    sizes[(1 << 20) + 1] = (1 << 20) + (1 << 15)
    for length, size in sizes.items():
        assert padding.padme(length) == size
    for length in range(1, 100_000, 37):
        size = padding.padme(length)
        assert length <= size <= length * 1.12 + 1 and padding.padme(size) == size


def test_unpad() -> None:
    assert padding.unpad(b"\2\0\0\0ab\0\0") == b"ab"
    for damaged in (b"", b"\1\0\0", b"\5\0\0\0abcd", b"\1\0\0\0ab"):
        with pytest.raises(ValueError):
            padding.unpad(damaged)


def test_lz4() -> None:
    # Literals alone; a match that overlaps what it makes; lengths with more bytes.
    assert lz4.decompress(b"\x50hello", 5) == b"hello"
    assert lz4.decompress(b"\x1fa\1\0\0\x50bcdef", 25) == b"a" * 20 + b"bcdef"
    assert lz4.decompress(b"\xf0\xff\x00" + bytes(270), 270) == bytes(270)
    bad_distances = [b"\x1fa\2\0\0\x50bcdef", b"\x1fa\0\0\0\x50bcdef"]
    for damaged in (b"", b"\x60hello", b"\x40hell", b"\xf0\xff", b"\x10a\1", *bad_distances):
        with pytest.raises(lz4.Lz4Error):
            lz4.decompress(damaged, 5)
    noise = random.Random(2)
    for _ in range(20_000):
        data = noise.randbytes(noise.randrange(30))
        with contextlib.suppress(lz4.Lz4Error):
            assert len(lz4.decompress(data, 40)) == 40


KEY = bytes(range(32))
SMALL = chunks.Sizes(64, 512, 2048)
DEFAULT = chunks.Sizes(256 << 10, 1 << 20, 4 << 20)


def _by_definition(key: bytes, sizes: chunks.Sizes, data: bytes) -> list[int]:
    boundaries = chunks.Boundaries(key, sizes)
    ends, start = [], 0
    for i in range(len(data)):
        length = i + 1 - start
        window = data[i - 63 : i + 1]
        full = length == sizes.max or i + 1 == len(data)
        if full or (
            length >= sizes.min and boundaries.hash(0, window) == boundaries.goals[0] and boundaries.confirms(window)
        ):
            ends.append(i + 1)
            start = i + 1
    return ends


def test_cuts_are_those_of_the_definition() -> None:
    noise = random.Random(3)
    for length in (0, 1, 63, 64, 65, 3000):
        data, key = noise.randbytes(length), noise.randbytes(32)
        assert chunks.cuts(key, SMALL, data) == _by_definition(key, SMALL, data)
    for value in range(256):
        assert chunks.cuts(KEY, SMALL, bytes([value]) * 5000) == [2048, 4096, 5000]


def test_golden_cuts() -> None:
    # Those of the engine's tests.
    assert chunks.cuts(KEY, SMALL, splitmix64(0, 5000)) == [302, 511, 759, 843, 975, 1404, 1753, 2294, 2799, 3805, 5000]
    expected = [983084, 1429224, 3209035, 4948705, 5728103, 7538204, 8388608]
    assert chunks.cuts(KEY, DEFAULT, splitmix64(0, 8 << 20)) == expected


def _node(name: bytes, **changes: object) -> dict[int, object]:
    time = {0: 0, 1: 0}
    metadata: dict[int, object] = {0: 0, 1: 0, 2: 0, 3: 0, 6: 100, 7: time, 8: time, 9: 0, 10: 0, 11: 1}
    metadata |= {int(key[1:]): value for key, value in changes.items()}
    return {0: name, 1: metadata}


def test_tree_blobs() -> None:
    (node,) = tree.decode(encode({0: [_node(b"a", k15=[{0: 10, 1: 5}, {0: 20, 1: 80}])]})).nodes or ()
    assert node.metadata.data_extents() == [(0, 10), (15, 5)]
    (node,) = tree.decode(encode({0: [{**_node(b"a"), 77: "of a newer writer"}]})).nodes or ()
    assert node.metadata.data_extents() == [(0, 100)]
    damaged: list[dict[int, object]] = [
        {},
        {0: [], 1: []},
        *({0: [_node(name)]} for name in (b"", b".", b"..", b"a/b", b"a\0")),
        {0: [_node(b"a", k15=[{0: 10, 1: 5}, {0: 15, 1: 5}])]},
        {0: [_node(b"a", k15=[{0: 10, 1: 0}])]},
        {0: [_node(b"a", k15=[{0: 10, 1: 91}])]},
        {0: [_node(b"a", k7={0: 0, 1: 1_000_000_000})]},
        {0: [_node(b"a", k0=7)]},
        {0: [_node(b"a", k0=1)]},
        {0: [_node(b"a", k14=[{0: b"b", 1: b""}, {0: b"a", 1: b""}])]},
    ]
    for record in damaged:
        with pytest.raises((ValueError, TypeError, KeyError)):
            tree.decode(encode(record))
