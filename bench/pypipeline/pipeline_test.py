"""The Python pipeline restores what it saved, and its cuts depend on content alone."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from backup import BLOCK, backup
from chunker import AVG_CHUNK, FIRST, LOOSE, MAX_CHUNK, MIN_CHUNK, STRICT, WINDOW, Chunker
from restore import restore

POOL = ThreadPoolExecutor(2)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    noise = random.Random(1).randbytes
    root = tmp_path / "tree"
    (root / "small").mkdir(parents=True)

    def write(name: str, content: bytes, mode: int) -> None:
        path = root / name
        path.write_bytes(content)
        path.chmod(mode)
        os.utime(path, ns=(0, 1_500_000_000_123_456_789))

    write("large", noise((37 << 20) + 11), 0o640)
    write("half", (noise(4096) + bytes(4096)) * 1500, 0o600)
    write("zeros", bytes(9 << 20), 0o644)
    write("empty", b"", 0o444)
    write("at-the-limit", noise(MIN_CHUNK), 0o644)
    write("above-the-limit", noise(MIN_CHUNK + 1), 0o755)
    write("a-block", noise(BLOCK), 0o755)
    for i in range(300):
        write(f"small/{i}", noise(13 * i), 0o644)
    write("small/not-utf8-\udcff", b"name", 0o644)
    (root / "symlink").symlink_to("nowhere")
    (root / "small" / "hard").hardlink_to(root / "half")
    os.utime(root / "small", ns=(0, 1_400_000_000_000_000_005))
    return root


def describe(root: Path) -> dict[str, tuple]:
    found = {}
    for path in [root, *root.rglob("*")]:
        st = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = st.st_mode, st.st_mtime_ns, st.st_nlink, content
    return found


def test_round_trip(tree: Path, tmp_path: Path) -> None:
    repository, target = str(tmp_path / "repo"), tmp_path / "out"
    first = backup(repository, [str(tree)])
    result = restore(repository, str(target))
    assert result["entries"] == first["entries"]
    want, got = describe(tree), describe(target / "tree")
    assert want.keys() == got.keys()
    for name in want:
        assert want[name] == got[name], name
    assert (target / "tree/half").samefile(target / "tree/small/hard")

    second = backup(repository, [str(tree)])
    assert (
        second["bytes"]
        == first["bytes"]
        == sum(p.stat().st_size for p in tree.rglob("*") if p.is_file() and p.name != "hard")
    )
    assert second["stored_bytes"] == 0, "all of it is known"


def test_damage_is_noticed(tree: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    backup(str(repository), [str(tree)])
    for pack in (repository / "packs").iterdir():
        content = bytearray(pack.read_bytes())
        content[100] ^= 1
        pack.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        restore(str(repository), str(tmp_path / "out"))


def test_an_unreadable_source_ends_the_backup(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        backup(str(tmp_path / "repo"), [str(tmp_path / "nowhere")])


def cuts(chunker: Chunker, data: np.ndarray, step: int) -> list[int]:
    """The cuts of data that arrives step bytes at a time."""
    found, start = [], 0
    for at in range(0, len(data), step):
        end = min(at + step, len(data))
        chunker.look(data, at, end)
        while (cut := chunker.cut(start, end, end == len(data))) is not None:
            found.append(cut)
            start = cut
    return found


def test_cuts_are_independent_of_blocks() -> None:
    data = np.frombuffer(random.Random(2).randbytes((24 << 20) + 5), np.uint8)
    want = cuts(Chunker(bytes(32), POOL), data, len(data))
    assert len(want) > 10
    for step in (100_003, 1 << 20, BLOCK):
        assert cuts(Chunker(bytes(32), POOL), data, step) == want
    sizes = np.diff([0, *want])
    assert sizes[:-1].min() >= MIN_CHUNK
    assert sizes.max() <= MAX_CHUNK
    assert AVG_CHUNK / 2 < sizes.mean() < 2 * AVG_CHUNK
    assert cuts(Chunker(bytes([1] * 32), POOL), data, len(data)) != want, "they depend on the key"


def test_boundaries_are_what_the_definition_says() -> None:
    data = np.frombuffer(random.Random(3).randbytes(3 << 20), np.uint8)
    chunker = Chunker(bytes(32), POOL)
    chunker.look(data, 0, len(data))
    gram_key, window_keys = int(chunker._gram_key), [int(k) for k in chunker._window_keys]
    content = data.tobytes()
    loose, strict = [], []
    for cut in range(WINDOW, len(content) + 1):
        if int.from_bytes(content[cut - 4 : cut], "little") * gram_key % 2**32 < int(FIRST):
            continue
        window = [
            int.from_bytes(content[cut - WINDOW + i : cut - WINDOW + i + 8], "little") for i in range(0, WINDOW, 8)
        ]
        value = sum(n * k for n, k in zip(window, window_keys, strict=True)) % 2**64
        loose += [cut] * (value >= int(LOOSE))
        strict += [cut] * (value >= int(STRICT))
    assert chunker._loose == loose
    assert chunker._strict == strict
    assert loose
