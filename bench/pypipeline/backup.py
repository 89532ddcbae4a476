"""Backup: walk and read, cut, identify, known?, compress, seal, pack."""

import marshal
import os
import queue
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from blake3 import blake3
from chunker import MAX_CHUNK, MIN_CHUNK, Chunker
from repository import PackWriter, Repository
from zstandard import ZstdCompressor

# What a large file is read by.
BLOCK = 8 << 20
# Files below the smallest chunk share segments of about this size.
SEGMENT_TARGET = 1 << 20
# A chunk whose sample shrinks to no less than this part is stored as it is; so is one that itself does not.
WORTHWHILE = 0.96
SAMPLE = 64 << 10


class Block:
    """A buffer that the chunks cut from it hold until they are stored."""

    def __init__(self, home: queue.SimpleQueue) -> None:
        self.view = memoryview(bytearray(BLOCK))
        self.array = np.frombuffer(self.view, np.uint8)
        self._home = home
        self._lock = threading.Lock()
        self._holders = 0

    def hold(self) -> None:
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            last = self._holders == 0
        if last:
            self._home.put(self)


class Backup:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.packs = PackWriter(repository)
        self.known = set(repository.load_index())
        self.bytes = 0
        self.errors: list[Exception] = []
        self.workers = os.cpu_count() or 1
        # All memory for data: whoever wants more waits until a block comes back.
        self.free: queue.SimpleQueue = queue.SimpleQueue()
        for _ in range(self.workers + 2):
            self.free.put(Block(self.free))
        self.tasks: queue.Queue = queue.Queue(maxsize=2 * self.workers)
        self.lookers = ThreadPoolExecutor(self.workers)
        self.nodes: list[list] = []
        self._links: dict[tuple[int, int], str] = {}
        self._group: list[tuple[list, str]] = []
        self._grouped = 0
        self._lock = threading.Lock()

    def run(self, paths: list[str]) -> dict:
        threads = [threading.Thread(target=self._store) for _ in range(self.workers)]
        for thread in threads:
            thread.start()
        try:
            for path in paths:
                path = os.path.normpath(path)
                self._walk(path, os.path.basename(path))
            self._flush()
        finally:
            for _ in threads:
                self.tasks.put(None)
            for thread in threads:
                thread.join()
            self.lookers.shutdown()
        if self.errors:
            raise self.errors[0]
        self.packs.close()
        name = self.repository.put("snapshots", ZstdCompressor(level=1).compress(marshal.dumps(self.nodes)))
        return {"entries": len(self.nodes), "bytes": self.bytes, "stored_bytes": self.packs.stored, "snapshot": name}

    def _walk(self, source: str, name: str) -> None:
        st = os.lstat(source)
        target, mode = "", st.st_mode
        if stat.S_ISLNK(mode):
            target = os.readlink(source)
        elif stat.S_ISREG(mode):
            if st.st_nlink > 1:
                first = self._links.setdefault((st.st_dev, st.st_ino), name)
                target = first if first != name else ""
        elif not stat.S_ISDIR(mode):
            return
        xattrs = [
            (x, os.getxattr(source, x, follow_symlinks=False)) for x in os.listxattr(source, follow_symlinks=False)
        ]
        # Names that are not UTF-8 have surrogates in str, which marshal keeps.
        node = [name, mode, st.st_uid, st.st_gid, st.st_mtime_ns, target, xattrs, []]
        self.nodes.append(node)
        if stat.S_ISREG(mode) and not target and st.st_size:
            if st.st_size > MIN_CHUNK:
                self._read_large(node, source)
                return
            if self._grouped + st.st_size > SEGMENT_TARGET:
                self._flush()
            self._group.append((node, source))
            self._grouped += st.st_size
        elif stat.S_ISDIR(mode):
            for entry in sorted(os.listdir(source)):
                self._walk(f"{source}/{entry}", f"{name}/{entry}")

    def _flush(self) -> None:
        if self._group:
            self.tasks.put((None, self._group))
            self._group, self._grouped = [], 0

    def _take(self) -> Block:
        block = self.free.get()
        block.hold()
        return block

    def _read_large(self, node: list, source: str) -> None:
        chunker, ids = Chunker(self.repository.chunk_key, self.lookers), node[7]
        with open(source, "rb", buffering=0) as f:
            block, kept, last = self._take(), 0, False
            while True:
                filled = kept
                while filled < BLOCK and not last:
                    n = f.readinto(block.view[filled:])
                    filled, last = filled + n, n == 0
                chunker.look(block.array, kept, filled)
                start = 0
                while (end := chunker.cut(start, filled, last)) is not None:
                    block.hold()
                    ids.append(None)
                    self.tasks.put((block, (block.view[start:end], ids, len(ids) - 1)))
                    start = end
                if last or self.errors:
                    block.release()
                    return
                following = self._take()
                kept = filled - start
                following.view[:kept] = block.view[start:filled]
                chunker.shift(start)
                block.release()
                block = following

    def _claim(self, blob: bytes) -> bool:
        """Says whether blob is new, and makes it known. The snapshot that names it is written after all packs stand."""
        with self._lock:
            if blob in self.known:
                return False
            self.known.add(blob)
            return True

    def _store(self) -> None:
        compressor = ZstdCompressor(level=1, write_checksum=False)
        scratch = memoryview(bytearray(MAX_CHUNK + 4096))
        group = memoryview(bytearray(MAX_CHUNK))
        while (task := self.tasks.get()) is not None:
            block, work = task
            try:
                if self.errors:
                    continue
                if block is None:
                    self._store_group(work, group, compressor, scratch)
                else:
                    data, ids, at = work
                    ids[at] = blob = blake3(data, key=self.repository.id_key).digest()
                    with self._lock:
                        self.bytes += len(data)
                    if self._claim(blob):
                        self._store_segment(data, [(blob, len(data))], compressor, scratch)
            except Exception as error:  # It ends the backup, in the thread that waits for this one.
                self.errors.append(error)
            finally:
                if block is not None:
                    block.release()

    def _store_group(self, files: list, group: memoryview, compressor: ZstdCompressor, scratch: memoryview) -> None:
        key, total, filled, members = self.repository.id_key, 0, 0, []
        for node, source in files:
            fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                length = os.readv(fd, [group[filled : filled + 2 * MIN_CHUNK]])
            finally:
                os.close(fd)
            if not length:
                continue
            blob = blake3(group[filled : filled + length], key=key).digest()
            node[7].append(blob)
            total += length
            if self._claim(blob):
                members.append((blob, length))
                filled += length
        with self._lock:
            self.bytes += total
        if members:
            self._store_segment(group[:filled], members, compressor, scratch)

    def _store_segment(self, data: memoryview, members: list, compressor: ZstdCompressor, scratch: memoryview) -> None:
        content, length = data, len(data)
        middle = length // 2
        if length < 4 * SAMPLE or len(compressor.compress(data[middle : middle + SAMPLE])) < WORTHWHILE * SAMPLE:
            packed = compressor.compress(data)
            if len(packed) < WORTHWHILE * length:
                content = packed
        pack = self.packs.acquire()
        pack.add(content, length, content is not data, members, scratch)
        self.packs.release(pack)


def backup(repository: str, paths: list[str]) -> dict:
    return Backup(Repository(repository, create=True)).run(paths)
