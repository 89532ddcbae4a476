"""Packs: their tables of contents, and the segments in them."""

from __future__ import annotations

import dataclasses
import enum
import re

import zstandard

from . import cbor, lz4
from .errors import Damaged
from .padding import padme, unpad
from .seal import SALT, TAG, Keys, Role, keyed_hash
from .store import Store

HEAD = 8 + SALT
TAIL = 8
MOST_PLAIN = 8 << 20
_NAME = re.compile(r"packs/([0-9a-f]{2})/(\1[0-9a-f]{30})")


class Kind(enum.IntEnum):
    DATA = 0
    TREE = 1


@dataclasses.dataclass(frozen=True)
class Blob:
    kind: Kind
    id: bytes
    length: int


@dataclasses.dataclass(frozen=True)
class Segment:
    method: int
    stored: int
    blobs: tuple[Blob, ...]
    # Where it begins in the pack.
    offset: int

    @property
    def plain(self) -> int:
        return sum(blob.length for blob in self.blobs)


@dataclasses.dataclass(frozen=True)
class Pack:
    """What the index keeps of a pack."""

    name: bytes
    size: int
    salt: bytes
    segments: tuple[Segment, ...]

    @property
    def object_name(self) -> str:
        return f"packs/{self.name[:1].hex()}/{self.name.hex()}"


def decode_contents(record: list, size: int) -> tuple[Segment, ...]:
    """The segments of a pack of `size` bytes, from its table of contents."""
    segments = []
    offset = HEAD
    for method, stored, blobs, *_ in record:
        found = tuple(Blob(Kind(kind), id, length) for kind, id, length, *_ in blobs)
        segment = Segment(method, stored, found, offset)
        if method not in (0, 1, 2) or not 0 < stored <= segment.plain <= MOST_PLAIN:
            raise ValueError("a segment has impossible sizes")
        if method == 0 and stored != segment.plain:
            raise ValueError("a segment that is not compressed has another size than its blobs")
        segments.append(segment)
        offset += stored + TAG
    if offset + TAG + TAIL > size:
        raise ValueError("it is larger than its pack")
    return tuple(segments)


def names(store: Store) -> list[bytes]:
    """Names of all packs in the store."""
    return [bytes.fromhex(match[2]) for match in map(_NAME.fullmatch, store.list("packs")) if match]


def read_pack(store: Store, keys: Keys, name: bytes) -> Pack:
    """A pack, from its own table of contents."""
    bare = Pack(name, 0, b"", ())
    object_name = bare.object_name
    data = store.get(object_name)
    if len(data) < HEAD + TAIL or data[:8] != b"SRPACKS1" or data[-4:] != b"SRPE":
        raise Damaged(object_name, "it does not begin and end as a pack")
    if padme(len(data)) != len(data):
        raise Damaged(object_name, "its size is not padded")
    salt = data[8:HEAD]
    start = len(data) - TAIL - int.from_bytes(data[-8:-4], "little")
    if start < HEAD:
        raise Damaged(object_name, "its table of contents has an impossible length")
    plain = keys.open(salt, object_name, Role.CONTENTS, 0, data[start:-TAIL])
    if plain is None:
        raise Damaged(object_name, "the seal of its table of contents is broken")
    try:
        segments = decode_contents(cbor.decode(unpad(plain)), len(data))
    except (ValueError, TypeError) as error:
        raise Damaged(object_name, f"its table of contents: {error}") from None
    if sum(segment.stored + TAG for segment in segments) != start - HEAD:
        raise Damaged(object_name, "its segments do not reach its table of contents")
    return Pack(name, len(data), salt, segments)


def read_segment(store: Store, keys: Keys, pack: Pack, number: int) -> bytes:
    """The plain data of a segment."""
    segment, name = pack.segments[number], pack.object_name
    sealed = store.get(name, segment.offset, segment.stored + TAG)
    stored = keys.open(pack.salt, name, Role.SEGMENT, number, sealed)
    if stored is None:
        raise Damaged(name, f"the seal of its segment {number} is broken")
    try:
        match segment.method:
            case 0:
                plain = stored
            case 1:
                plain = lz4.decompress(stored, segment.plain)
            case _:
                # The frame's own size is what is allocated for it.
                if zstandard.get_frame_parameters(stored).content_size != segment.plain:
                    raise Damaged(name, f"its segment {number} says that it has another size")
                plain = zstandard.ZstdDecompressor().decompress(stored, allow_extra_data=False)
    except (lz4.Lz4Error, zstandard.ZstdError) as error:
        raise Damaged(name, f"its segment {number} does not decompress: {error}") from None
    if len(plain) != segment.plain:
        raise Damaged(name, f"its segment {number} has {len(plain)} bytes, not {segment.plain}")
    return plain


def is_blob(keys: Keys, kind: Kind, id: bytes, data: bytes) -> bool:
    """Whether `data` is what `id` names."""
    return keyed_hash(keys.data if kind == Kind.DATA else keys.tree, data) == id
