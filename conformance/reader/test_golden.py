"""Golden repositories: one of each format version, made once by golden.py, and opened forever."""

import json
import os
import pathlib
import stat

import pytest
from blake3 import blake3
from strongroom_reader import FileKind, Node, Repository, Secret

_GOLDEN = sorted((pathlib.Path(__file__).absolute().parent / "testdata").glob("format-*"))
_TYPES = {
    stat.S_IFREG: FileKind.FILE,
    stat.S_IFDIR: FileKind.FOLDER,
    stat.S_IFLNK: FileKind.SYMLINK,
    stat.S_IFIFO: FileKind.FIFO,
}


def test_there_is_one_of_each_format() -> None:
    assert [folder.name for folder in _GOLDEN] == ["format-1"]


@pytest.mark.parametrize("folder", _GOLDEN, ids=lambda folder: folder.name)
def test_they_hold_what_they_held(folder: pathlib.Path) -> None:
    repository = Repository(folder / "repository", Secret.key_file(folder / "key-file"))
    expected = json.loads((folder / "expected.json").read_text())
    snapshots = repository.snapshots()
    assert [snapshot.tags for snapshot in snapshots] == [(wanted["tag"],) for wanted in expected["snapshots"]]
    for snapshot, wanted in zip(snapshots, expected["snapshots"], strict=True):
        assert snapshot.host == "golden"
        assert snapshot.paths == (os.fsencode(wanted["path"]),)
        above = os.fsencode(wanted["path"]).lstrip(b"/") + b"/"
        found = {path.removeprefix(above): node for path, node in repository.walk(snapshot) if path.startswith(above)}
        links = [found.pop(path) for path in list(found) if path.startswith(b"links/")]
        assert len(links) == expected["links"]
        assert len({(node.metadata.device, node.metadata.inode) for node in links}) == 1
        assert {path.decode("latin-1") for path in found} == set(wanted["entries"])
        for name, entry in wanted["entries"].items():
            _compare(repository, found[name.encode("latin-1")], entry)
    assert repository.verify_packs() > 0
    used = {segment.method for pack in repository.packs for segment in pack.segments}
    assert used == {0, 1, 2}


def _compare(repository: Repository, node: Node, entry: dict) -> None:
    metadata = node.metadata
    assert metadata.kind == _TYPES[stat.S_IFMT(entry["mode"])]
    assert metadata.mode == stat.S_IMODE(entry["mode"])
    assert (metadata.uid, metadata.gid, metadata.mtime) == (entry["uid"], entry["gid"], entry["mtime"])
    assert metadata.size == entry["size"]
    if metadata.kind == FileKind.SYMLINK:
        assert metadata.target == os.fsencode(entry["target"])
    if metadata.kind == FileKind.FILE:
        assert {name.decode(): value.hex() for name, value in metadata.xattrs.items()} == entry["xattrs"]
        hasher = blake3()
        for piece in repository.read(node):
            hasher.update(piece)
        assert hasher.hexdigest() == entry["blake3"]
