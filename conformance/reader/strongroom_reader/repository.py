"""An open repository."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

from . import objects, pack, slots, tree
from .config import Config
from .errors import Damaged, NotARepository
from .objects import Snapshot
from .pack import Kind, Pack
from .seal import Keys
from .slots import Secret
from .store import Store
from .tree import Chunk, FileKind, Node

# What writers make has two.
_MOST_LEVELS = 8


class Repository:
    """Reads a repository in a local folder, trusting nothing that does not verify."""

    def __init__(self, folder: str | os.PathLike[str], secret: Secret) -> None:
        self.store = Store(folder)
        if not (self.store.folder / "config").is_file():
            raise NotARepository(f"there is no config object in {folder}")
        config = self.store.get("config")
        self.config = Config.decode(config)
        master = slots.master_key(self.store, self.config.repository, secret)
        self.keys = Keys(self.config.repository, master)
        Config.verify(config, self.keys)
        self.packs = objects.read_index(self.store, self.keys)
        # Pack, number of the segment, offset in it, kind and length; of a blob that is there twice, the first.
        self._places: dict[bytes, tuple[Pack, int, int, Kind, int]] = {}
        for one in self.packs:
            for number, segment in enumerate(one.segments):
                offset = 0
                for blob in segment.blobs:
                    self._places.setdefault(blob.id, (one, number, offset, blob.kind, blob.length))
                    offset += blob.length
        self._segment: tuple[Pack, int, bytes] | None = None

    def snapshots(self) -> list[Snapshot]:
        """Oldest first."""
        return objects.read_log(self.store, self.keys)

    def blob(self, kind: Kind, id: bytes) -> bytes:
        """A blob, verified."""
        place = self._places.get(id)
        if place is None or place[3] != kind:
            raise Damaged(f"{kind.name.lower()} {id.hex()}", "no pack has it")
        one, number, offset, _, length = place
        # Neighbours are mostly in one segment.
        if self._segment is None or self._segment[:2] != (one, number):
            self._segment = (one, number, pack.read_segment(self.store, self.keys, one, number))
        data = self._segment[2][offset : offset + length]
        if not pack.is_blob(self.keys, kind, id, data):
            raise Damaged(one.object_name, f"{kind.name.lower()} {id.hex()} in it is not what it was")
        return data

    def tree(self, id: bytes) -> tree.TreeBlob:
        try:
            return tree.decode(self.blob(Kind.TREE, id))
        except (ValueError, TypeError, KeyError) as error:
            raise Damaged(f"tree {id.hex()}", f"it cannot be decoded: {error}") from None

    def nodes(self, folder: bytes) -> list[Node]:
        """What is in a folder, in byte order of the names."""
        nodes = self._gather(folder, _MOST_LEVELS)
        names = [node.name for node in nodes]
        if any(a >= b for a, b in itertools.pairwise(names)):
            raise Damaged(f"tree {folder.hex()}", "its names are not ascending")
        return nodes

    def _gather(self, id: bytes, levels: int) -> list[Node]:
        blob = self.tree(id)
        if blob.nodes is not None:
            return list(blob.nodes)
        if blob.parts is None or levels == 0:
            raise Damaged(f"tree {id.hex()}", "it is no folder")
        return [node for part in blob.parts for node in self._gather(part, levels - 1)]

    def walk(self, snapshot: Snapshot) -> Iterator[tuple[bytes, Node]]:
        """All paths of a snapshot, each folder before what is in it."""
        yield from self._walk(snapshot.root, b"")

    def _walk(self, folder: bytes, above: bytes) -> Iterator[tuple[bytes, Node]]:
        for node in self.nodes(folder):
            path = above + node.name
            yield path, node
            if node.folder is not None:
                yield from self._walk(node.folder, path + b"/")

    def chunks(self, node: Node) -> list[Chunk]:
        """The chunks of a file, in order."""
        chunks = list(node.chunks)
        for id in node.lists:
            blob = self.tree(id)
            if blob.chunks is None:
                raise Damaged(f"tree {id.hex()}", "it is no list of chunks")
            chunks += blob.chunks
        return chunks

    def read(self, node: Node) -> Iterator[bytes]:
        """The content of a file, in pieces; holes as zeros."""
        if node.metadata.kind != FileKind.FILE:
            raise ValueError(f"{node.name!r} is no file")
        at = 0
        rest = b""
        chunks = iter(self.chunks(node))
        for offset, length in node.metadata.data_extents():
            yield from _zeros(offset - at)
            at = offset + length
            while length > 0:
                if not rest:
                    rest = self._chunk(node, next(chunks, None))
                piece, rest = rest[:length], rest[length:]
                length -= len(piece)
                yield piece
        yield from _zeros(node.metadata.size - at)
        if rest or next(chunks, None) is not None:
            raise Damaged(f"file {node.name!r}", "it has more content than its size says")

    def _chunk(self, node: Node, chunk: Chunk | None) -> bytes:
        if chunk is None:
            raise Damaged(f"file {node.name!r}", "it has less content than its size says")
        data = self.blob(Kind.DATA, chunk.id)
        if len(data) != chunk.length or not data:
            raise Damaged(f"file {node.name!r}", f"chunk {chunk.id.hex()} has another length")
        return data

    def verify_packs(self) -> int:
        """Reads every pack in the store, whether the index names it or not: the number of blobs that are as they were.

        The index must say of each what its own table of contents says.
        """
        indexed = {one.name: one for one in self.packs}
        for name in indexed.keys() - set(pack.names(self.store)):
            raise Damaged(indexed[name].object_name, "it is missing")
        verified = 0
        for name in pack.names(self.store):
            one = pack.read_pack(self.store, self.keys, name)
            if indexed.get(name, one) != one:
                raise Damaged(one.object_name, "the index says something else of it than its table of contents")
            for number, segment in enumerate(one.segments):
                plain = pack.read_segment(self.store, self.keys, one, number)
                offset = 0
                for blob in segment.blobs:
                    if not pack.is_blob(self.keys, blob.kind, blob.id, plain[offset : offset + blob.length]):
                        raise Damaged(one.object_name, f"blob {blob.id.hex()} is not what it was")
                    offset += blob.length
                    verified += 1
        return verified


def _zeros(length: int) -> Iterator[bytes]:
    step = 1 << 20
    for at in range(0, length, step):
        yield bytes(min(step, length - at))
