"""Index and log objects: one sealed text each."""

from __future__ import annotations

import dataclasses
import re

from . import cbor
from .config import FORMAT
from .errors import Damaged, NewerFormat
from .pack import HEAD, Pack, decode_contents
from .padding import padme, unpad
from .seal import Keys, Role, keyed_hash
from .store import Store

_INDEX_NAME = re.compile(r"index/[0-9a-f]{32}")
_LOG_NAME = re.compile(r"log/([0-9]{16,})")
_MAGIC = {Role.INDEX: b"SRINDEX1", Role.LOG: b"SRLOGEN1"}


def open_object(store: Store, keys: Keys, role: Role, name: str) -> bytes:
    """The text of an index or log object."""
    data = store.get(name)
    if data[:8] != _MAGIC[role]:
        raise Damaged(name, "it does not begin as it must")
    if padme(len(data)) != len(data):
        raise Damaged(name, "its size is not padded")
    plain = keys.open(data[8:HEAD], name, role, 0, data[HEAD:])
    if plain is None:
        raise Damaged(name, "its seal is broken")
    try:
        return unpad(plain)
    except ValueError as error:
        raise Damaged(name, str(error)) from None


def read_index(store: Store, keys: Keys) -> list[Pack]:
    """All packs that index objects name."""
    packs = []
    for name in filter(_INDEX_NAME.fullmatch, store.list("index")):
        text = open_object(store, keys, Role.INDEX, name)
        try:
            for pack, size, salt, contents, *_ in cbor.decode(text):
                packs.append(Pack(pack, size, salt, decode_contents(contents, size)))
        except (ValueError, TypeError) as error:
            raise Damaged(name, str(error)) from None
    return packs


@dataclasses.dataclass(frozen=True)
class Snapshot:
    id: bytes
    # Nanoseconds since 1970.
    time: int
    host: str
    user: str
    paths: tuple[bytes, ...]
    tags: tuple[str, ...]
    parent: bytes | None
    root: bytes
    statistics: dict[str, int]


_STATISTICS = [
    "files",
    "folders",
    "others",
    "unchanged",
    "bytes",
    "bytes_read",
    "bytes_new",
    "bytes_stored",
    "chunks",
    "chunks_new",
    "duration",
]


def _snapshot(id: bytes, record: dict) -> Snapshot:
    return Snapshot(
        id=id,
        time=record[0][0] * 1_000_000_000 + record[0][1],
        host=record[1],
        user=record[2],
        paths=tuple(record[3]),
        tags=tuple(record[4]),
        parent=record.get(5),
        root=record[6],
        statistics={name: record[7][key] for key, name in enumerate(_STATISTICS)},
    )


def read_log(store: Store, keys: Keys) -> list[Snapshot]:
    """All snapshots, oldest first; the chain of entries must be whole."""
    names = [match for match in map(_LOG_NAME.fullmatch, store.list("log")) if match]
    names.sort(key=lambda match: int(match[1]))
    snapshots = []
    previous = None
    for number, match in enumerate(names, 1):
        name = match[0]
        if name != f"log/{number:016}":
            raise Damaged(f"log/{number:016}", "it is missing")
        text = open_object(store, keys, Role.LOG, name)
        try:
            record = cbor.decode(text)
            if record.get(2, 1) > FORMAT:
                raise NewerFormat(f"{name} says that it needs format {record[2]}, and this reader knows {FORMAT}")
            if record.get(0) != previous:
                raise Damaged(name, "it does not follow the entry before it")
            previous = keyed_hash(keys.snapshot, text)
            if 1 in record:
                snapshots.append(_snapshot(previous, record[1]))
        except (ValueError, TypeError, KeyError) as error:
            raise Damaged(name, f"it cannot be decoded: {error!r}") from None
    return snapshots
