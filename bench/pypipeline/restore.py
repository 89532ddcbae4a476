"""Restore: each segment is read, opened and expanded once, and its blobs go to all places that want them."""

import marshal
import os
import queue
import stat
import threading

from blake3 import blake3
from chunker import MAX_CHUNK
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from repository import TAG, Repository, segment_nonce
from zstandard import ZstdDecompressor


class Output:
    """A file being restored: opened with its first blob, given its metadata with its last."""

    def __init__(self, node: list, path: str) -> None:
        self.node, self.path, self.pending, self.fd = node, path, max(1, len(node[7])), -1
        self._lock = threading.Lock()

    def open(self) -> int:
        with self._lock:
            if self.fd < 0:
                self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            return self.fd

    def done(self) -> None:
        with self._lock:
            self.pending -= 1
            if self.pending:
                return
        set_metadata(self.fd, self.node)
        os.close(self.fd)


def set_metadata(file, node: list) -> None:
    _, mode, uid, gid, mtime, _, xattrs, _ = node
    for name, value in xattrs:
        os.setxattr(file, name, value)
    if (uid, gid) != (os.geteuid(), os.getegid()):
        os.chown(file, uid, gid)
    os.chmod(file, stat.S_IMODE(mode))
    os.utime(file, ns=(mtime, mtime))


class Restore:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.bytes = 0
        self.errors: list[Exception] = []
        self.work: queue.Queue = queue.Queue(maxsize=64)
        self._packs: dict[str, tuple[int, AESGCM]] = {}
        self._lock = threading.Lock()

    def run(self, target: str) -> dict:
        nodes = self._latest()
        os.makedirs(target, exist_ok=True)
        segments = self._plan(nodes, target)
        threads = [threading.Thread(target=self._write) for _ in range(os.cpu_count() or 1)]
        for thread in threads:
            thread.start()
        for _, blobs in sorted(segments.items()):
            self.work.put(blobs)
        for _ in threads:
            self.work.put(None)
        for thread in threads:
            thread.join()
        for fd, _ in self._packs.values():
            os.close(fd)
        if self.errors:
            raise self.errors[0]
        finish(nodes, target)
        return {"entries": len(nodes), "bytes": self.bytes}

    def _latest(self) -> list[list]:
        """Names are random, so the folder's times say which snapshot was written last."""
        folder = self.repository.folder / "snapshots"
        names = self.repository.list("snapshots")
        if not names:
            raise ValueError(f"{self.repository.folder}: no snapshot")
        latest = max(names, key=lambda name: (folder / name).stat().st_mtime_ns)
        return marshal.loads(ZstdDecompressor().decompress(self.repository.get("snapshots", latest)))

    def _plan(self, nodes: list[list], target: str) -> dict[tuple[str, int], list]:
        index, segments = self.repository.load_index(), {}
        for node in nodes:
            path = f"{target}/{node[0]}"
            if stat.S_ISDIR(node[1]):
                os.makedirs(path, 0o700, exist_ok=True)
            elif stat.S_ISREG(node[1]) and not node[5]:
                output, offset = Output(node, path), 0
                for blob in node[7]:
                    place = index[blob]
                    segments.setdefault(place[:2], []).append((output, blob, place, offset))
                    offset += place[7]
                if not node[7]:
                    output.open()
                    output.done()
        return segments

    def _pack(self, name: str) -> tuple[int, AESGCM]:
        with self._lock:
            if name not in self._packs:
                fd = os.open(self.repository.folder / "packs" / name, os.O_RDONLY | os.O_CLOEXEC)
                self._packs[name] = fd, AESGCM(self.repository.derive(b"pack", os.pread(fd, 32, 0)))
            return self._packs[name]

    def _write(self) -> None:
        decompressor = ZstdDecompressor()
        sealed, opened = memoryview(bytearray(MAX_CHUNK + 4096)), memoryview(bytearray(MAX_CHUNK + 4096))
        while (blobs := self.work.get()) is not None:
            if self.errors:
                continue
            try:
                self._write_segment(blobs, decompressor, sealed, opened)
            except Exception as error:  # It ends the restore, in the thread that waits for this one.
                self.errors.append(error)

    def _write_segment(
        self, blobs: list, decompressor: ZstdDecompressor, sealed: memoryview, opened: memoryview
    ) -> None:
        name, segment, position, length, content_length, compressed, _, _ = blobs[0][2]
        fd, aead = self._pack(name)
        sealed = sealed[:length]
        if os.preadv(fd, [sealed], position) != length:
            raise ValueError(f"pack {name} is cut short")
        content = opened[: length - TAG]
        try:
            aead.decrypt_into(segment_nonce(segment), sealed, b"segment", content)
        except InvalidTag:
            raise ValueError(f"pack {name}: segment {segment} is damaged") from None
        if compressed:
            content = memoryview(decompressor.decompress(content, max_output_size=content_length))
        total = 0
        for output, blob, place, offset in blobs:
            data = content[place[6] : place[6] + place[7]]
            if blake3(data, key=self.repository.id_key).digest() != blob:
                raise ValueError(f"{output.path}: a blob is not what it was")
            os.pwrite(output.open(), data, offset)
            total += len(data)
            output.done()
        with self._lock:
            self.bytes += total


def finish(nodes: list[list], target: str) -> None:
    """Makes the links, then sets the metadata of folders, deepest first: all before would have changed their times."""
    for node in nodes:
        path = f"{target}/{node[0]}"
        if stat.S_ISLNK(node[1]):
            os.symlink(node[5], path)
            os.chown(path, node[2], node[3], follow_symlinks=False)
            os.utime(path, ns=(node[4], node[4]), follow_symlinks=False)
        elif stat.S_ISREG(node[1]) and node[5]:
            os.link(f"{target}/{node[5]}", path)
    for node in reversed(nodes):
        if stat.S_ISDIR(node[1]):
            set_metadata(f"{target}/{node[0]}", node)


def restore(repository: str, target: str) -> dict:
    return Restore(Repository(repository)).run(target)
