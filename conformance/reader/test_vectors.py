"""The test vectors of docs/format.md: they are what it says, and a repository that opens."""

import pathlib

import pytest
import vectors
from blake3 import blake3
from strongroom_reader import Damaged, NewerFormat, NotARepository, Repository, Secret, WrongKey

_FOLDER = pathlib.Path(__file__).absolute().parent
_CHECKED_IN = _FOLDER / "testdata" / "vectors"


def test_the_specification_has_them() -> None:
    specification = (_FOLDER.parents[1] / "docs" / "format.md").read_text()
    wanted = f"```text\n{vectors.table()}```\n"
    assert wanted in specification, "run conformance/reader/vectors.py and put its output there"


def test_the_checked_in_repository_is_them(tmp_path: pathlib.Path) -> None:
    vectors.write(tmp_path)
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {path.relative_to(_CHECKED_IN) for path in _CHECKED_IN.rglob("*") if path.is_file()}
    for path in files:
        assert (tmp_path / path).read_bytes() == (_CHECKED_IN / path).read_bytes(), path


@pytest.mark.parametrize("secret", [Secret.key_file(_CHECKED_IN / "key-file"), Secret.password(vectors.PASSWORD)])
def test_they_open(secret: Secret) -> None:
    repository = Repository(_CHECKED_IN / "repository", secret)
    (snapshot,) = repository.snapshots()
    assert (snapshot.host, snapshot.user, snapshot.paths, snapshot.tags) == ("host", "user", (b"/file",), ("tag",))
    ((path, node),) = repository.walk(snapshot)
    assert path == b"file"
    assert node.metadata.mtime == -1
    assert node.metadata.xattrs == {b"user.a": b"\0"}
    assert b"".join(repository.read(node)) == vectors.FILE
    assert repository.verify_packs() == 2


def _read_all(folder: pathlib.Path) -> object:
    repository = Repository(folder, Secret.key_file(_CHECKED_IN / "key-file"))
    snapshots = repository.snapshots()
    walked = [(path, node, b"".join(repository.read(node))) for path, node in repository.walk(snapshots[-1])]
    repository.verify_packs()
    return snapshots, walked


def test_every_flipped_byte_is_noticed(tmp_path: pathlib.Path) -> None:
    vectors.write(tmp_path)
    folder = tmp_path / "repository"
    _read_all(folder)
    for path in sorted(folder.rglob("*")):
        # The other slot is not what opens it.
        if path.is_dir() or path.name == "01" * 16:
            continue
        data = path.read_bytes()
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            # WrongKey: the identity in config is what slots are bound to.
            with pytest.raises((Damaged, NotARepository, NewerFormat, WrongKey)):
                _read_all(folder)
        for size in (0, len(data) - 1):
            path.write_bytes(data[:size])
            with pytest.raises((Damaged, NotARepository)):
                _read_all(folder)
        path.write_bytes(data)


def test_other_secrets_open_nothing(tmp_path: pathlib.Path) -> None:
    with pytest.raises(WrongKey):
        Repository(_CHECKED_IN / "repository", Secret.password("wrong horse"))
    with pytest.raises(WrongKey):
        Repository(_CHECKED_IN / "repository", Secret(bytes(32), is_password=False))
    with pytest.raises(NotARepository):
        Repository(tmp_path, Secret.password(vectors.PASSWORD))


@pytest.mark.parametrize("cost", [{0: (4 << 20) + 1, 1: 1, 2: 4}, {0: 1 << 20, 1: 65, 2: 4}, {0: 65536, 1: 1, 2: 65}])
def test_a_slot_that_asks_for_hours_is_refused(tmp_path: pathlib.Path, cost: dict[int, int]) -> None:
    vectors.write(tmp_path)
    text = vectors.encode({0: bytes(32), 1: cost, 2: bytes(48)})
    (tmp_path / "repository" / "keys" / ("01" * 16)).write_bytes(text + blake3(text).digest())
    with pytest.raises(Damaged, match="it asks for more work than any writer does"):
        Repository(tmp_path / "repository", Secret.password(vectors.PASSWORD))


def test_a_gap_in_the_log_is_noticed(tmp_path: pathlib.Path) -> None:
    vectors.write(tmp_path)
    log = tmp_path / "repository" / "log"
    (log / f"{1:016}").rename(log / f"{2:016}")
    with pytest.raises(Damaged, match="log/0000000000000001 is damaged: it is missing"):
        _read_all(tmp_path / "repository")
