"""Tree blobs: folders, and lists of chunks."""

from __future__ import annotations

import dataclasses
import enum

from . import cbor


class FileKind(enum.IntEnum):
    FILE = 0
    FOLDER = 1
    SYMLINK = 2
    FIFO = 3
    CHAR_DEVICE = 4
    BLOCK_DEVICE = 5
    SOCKET = 6


@dataclasses.dataclass(frozen=True)
class Metadata:
    kind: FileKind
    mode: int
    uid: int
    gid: int
    user: bytes | None
    group: bytes | None
    size: int
    # Nanoseconds since 1970.
    mtime: int
    ctime: int
    inode: int
    device: int
    nlink: int
    # Major and minor number.
    rdev: tuple[int, int] | None
    target: bytes | None
    xattrs: dict[bytes, bytes]
    # Offset and length of each.
    holes: tuple[tuple[int, int], ...]

    def data_extents(self) -> list[tuple[int, int]]:
        """Offset and length of what is not a hole."""
        extents = []
        at = 0
        for offset, length in (*self.holes, (self.size, 0)):
            if offset > at:
                extents.append((at, offset - at))
            at = offset + length
        return extents


@dataclasses.dataclass(frozen=True)
class Chunk:
    id: bytes
    length: int


@dataclasses.dataclass(frozen=True)
class Node:
    name: bytes
    metadata: Metadata
    # Of a file: its chunks, or the ids of lists of them.
    chunks: tuple[Chunk, ...]
    lists: tuple[bytes, ...]
    # Of a folder: the id of its tree blob.
    folder: bytes | None


@dataclasses.dataclass(frozen=True)
class TreeBlob:
    """Has one of the three."""

    nodes: tuple[Node, ...] | None = None
    parts: tuple[bytes, ...] | None = None
    chunks: tuple[Chunk, ...] | None = None


def _time(record: dict) -> int:
    if not 0 <= record[1] < 1_000_000_000:
        raise ValueError("a time has too many nanoseconds")
    return record[0] * 1_000_000_000 + record[1]


def _metadata(record: dict) -> Metadata:
    xattrs = [(xattr[0], xattr[1]) for xattr in record.get(14, [])]
    names = [name for name, _ in xattrs]
    if names != sorted(set(names)):
        raise ValueError("extended attributes are not sorted by name")
    holes = tuple((hole[0], hole[1]) for hole in record.get(15, []))
    end = -1
    for offset, length in holes:
        if offset <= end or length < 1:
            raise ValueError("holes are not ascending and apart from each other")
        end = offset + length
    if end > record[6]:
        raise ValueError("a hole reaches beyond its file")
    device = record.get(12)
    return Metadata(
        kind=FileKind(record[0]),
        mode=record[1],
        uid=record[2],
        gid=record[3],
        user=record.get(4),
        group=record.get(5),
        size=record[6],
        mtime=_time(record[7]),
        ctime=_time(record[8]),
        inode=record[9],
        device=record[10],
        nlink=record[11],
        rdev=(device[0], device[1]) if device else None,
        target=record.get(13),
        xattrs=dict(xattrs),
        holes=holes,
    )


def _chunks(records: list) -> tuple[Chunk, ...]:
    return tuple(Chunk(id, length) for id, length, *_ in records)


def _node(record: dict) -> Node:
    name = record[0]
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise ValueError(f"{name!r} is no name")
    node = Node(
        name=name,
        metadata=_metadata(record[1]),
        chunks=_chunks(record.get(2, [])),
        lists=tuple(record.get(3, [])),
        folder=record.get(4),
    )
    if node.chunks and node.lists:
        raise ValueError(f"{name!r} has chunks and lists of them")
    if (node.metadata.kind == FileKind.FOLDER) != (node.folder is not None):
        raise ValueError(f"{name!r} is a folder without content, or content without a folder")
    return node


def decode(data: bytes) -> TreeBlob:
    """A tree blob. Raises ValueError, TypeError or KeyError where it is none."""
    record = cbor.decode(data)
    found = [key for key in (0, 1, 2) if key in record]
    if len(found) != 1:
        raise ValueError("it is not one of folder, parts and list")
    match found[0]:
        case 0:
            return TreeBlob(nodes=tuple(_node(node) for node in record[0]))
        case 1:
            return TreeBlob(parts=tuple(record[1]))
        case _:
            return TreeBlob(chunks=_chunks(record[2]))
