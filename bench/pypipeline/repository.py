"""The repository of the Python pipeline: a folder with key, packs/, index/ and snapshots/.

A pack is a salt (32 bytes), sealed segments, the sealed table of contents, and the length of that table in four bytes.
The key lies open beside the data, because this program is compared for speed only.
"""

import marshal
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PACK_TARGET = 32 << 20
TAG = 16
TOC_SEGMENT = 0xFFFFFFFF


class Repository:
    def __init__(self, folder: str, create: bool = False) -> None:
        self.folder = Path(folder)
        key = self.folder / "key"
        if create and not key.exists():
            for kind in ("packs", "index", "snapshots"):
                (self.folder / kind).mkdir(parents=True)
            with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                f.write(os.urandom(32))
        self.master = key.read_bytes()
        self.id_key = self.derive(b"id")
        self.chunk_key = self.derive(b"chunks")
        self.metadata = AESGCM(self.derive(b"metadata"))

    def derive(self, purpose: bytes, salt: bytes | None = None) -> bytes:
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=purpose).derive(self.master)

    def put(self, kind: str, content: bytes) -> str:
        """Writes a sealed object of the index or a snapshot under a new name, whole or not at all."""
        name, nonce = os.urandom(16).hex(), os.urandom(12)
        path = self.folder / kind / name
        with open(f"{path}.tmp", "xb") as f:
            f.write(nonce + self.metadata.encrypt(nonce, content, kind.encode()))
            commit(f, path)
        return name

    def get(self, kind: str, name: str) -> bytes:
        sealed = (self.folder / kind / name).read_bytes()
        try:
            return self.metadata.decrypt(sealed[:12], sealed[12:], kind.encode())
        except InvalidTag:
            raise ValueError(f"{kind} {name} is damaged") from None

    def list(self, kind: str) -> list[str]:
        return sorted(p.name for p in (self.folder / kind).iterdir() if p.suffix != ".tmp")

    def load_index(self) -> dict[bytes, tuple]:
        """Blob id -> (pack, segment, position, sealed length, content length, compressed?, offset, length)."""
        blobs = {}
        for name in self.list("index"):
            for pack, toc in marshal.loads(self.get("index", name)):
                position = 32
                for segment, (sealed, content, compressed, members) in enumerate(toc):
                    offset = 0
                    for blob, length in members:
                        blobs[blob] = (pack, segment, position, sealed, content, compressed, offset, length)
                        offset += length
                    position += sealed
        return blobs


def commit(file, path: Path) -> None:
    """Makes a finished temporary file last under its final name."""
    file.flush()
    os.fsync(file.fileno())
    os.rename(file.name, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def segment_nonce(segment: int) -> bytes:
    """Counts the segments of a pack; a pack's key is its own, so no nonce repeats under a key."""
    return segment.to_bytes(12, "little")


@dataclass
class Pack:
    name: str
    file: object
    aead: AESGCM
    size: int = 32
    toc: list = field(default_factory=list)

    def add(self, content, length: int, compressed: bool, members: list, scratch: memoryview) -> None:
        sealed = scratch[: len(content) + TAG]
        self.aead.encrypt_into(segment_nonce(len(self.toc)), content, b"segment", sealed)
        self.file.write(sealed)
        self.toc.append((len(sealed), length, compressed, members))
        self.size += len(sealed)


class PackWriter:
    """Hands open packs to threads, so that each writes one of its own, and finishes full ones in the background."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.stored = 0
        self._lock = threading.Lock()
        self._idle: list[Pack] = []
        self._index: list[tuple] = []
        self._finishing: list[threading.Thread] = []
        self._errors: list[Exception] = []

    def acquire(self) -> Pack:
        with self._lock:
            if self._errors:
                raise self._errors[0]
            if self._idle:
                return self._idle.pop()
        name, salt = os.urandom(16).hex(), os.urandom(32)
        file = (self.repository.folder / "packs" / f"{name}.tmp").open("xb", buffering=0)
        file.write(salt)
        return Pack(name, file, AESGCM(self.repository.derive(b"pack", salt)))

    def release(self, pack: Pack) -> None:
        if pack.size < PACK_TARGET:
            with self._lock:
                self._idle.append(pack)
            return
        self._finish_aside(pack)

    def _finish_aside(self, pack: Pack) -> None:
        thread = threading.Thread(target=self._finish, args=(pack,))
        thread.start()
        with self._lock:
            self._finishing.append(thread)

    def _finish(self, pack: Pack) -> None:
        try:
            toc = pack.aead.encrypt(segment_nonce(TOC_SEGMENT), marshal.dumps(pack.toc), b"toc")
            with pack.file as f:
                f.write(toc + len(toc).to_bytes(4, "little"))
                commit(f, self.repository.folder / "packs" / pack.name)
            with self._lock:
                self._index.append((pack.name, pack.toc))
                self.stored += pack.size + len(toc) + 4
        except Exception as error:  # It is raised again by acquire or close, in a thread that can end the backup.
            self._errors.append(error)

    def close(self) -> None:
        """Finishes every pack, and then writes the index of all of them."""
        for pack in self._idle:
            self._finish_aside(pack)
        for thread in self._finishing:
            thread.join()
        if self._errors:
            raise self._errors[0]
        if self._index:
            self.repository.put("index", marshal.dumps(self._index))
