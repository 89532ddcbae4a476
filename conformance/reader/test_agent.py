"""What the agent writes is what the specification says, and what the specification says the agent reads.

Outside Bazel, STRONGROOM_GO_AGENT names the Go agent's binary.
"""

import itertools
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess

import pytest
import vectors
from strongroom_reader import FileKind, Node, Repository, Secret, chunks

_TESTDATA = pathlib.Path(__file__).absolute().parent / "testdata"


class Agent:
    """The program, with a home and a repository of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        program = os.environ.get("STRONGROOM_GO_AGENT", "")
        if not program:
            pytest.skip("STRONGROOM_GO_AGENT does not name the Go agent")
        self.program = os.path.abspath(program)
        self.home = folder / "home"
        self.home.mkdir()
        self.repository = folder / "repository"
        self.key = folder / "key-file"

    def run(self, *arguments: str | os.PathLike[str], password: str = "", input: bytes = b"") -> bytes:
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        options = ["--repo", str(self.repository)]
        if password:
            environment["STRONGROOM_PASSWORD"] = password
        else:
            options += ["--key-file", str(self.key)]
        command = [self.program, *options, *arguments]
        done = subprocess.run(command, env=environment, input=input, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


@pytest.fixture
def agent(tmp_path: pathlib.Path) -> Agent:
    return Agent(tmp_path)


def _noise(seed: int, length: int) -> bytes:
    return random.Random(seed).randbytes(length)


def _small_tree(top: pathlib.Path) -> pathlib.Path:
    words = [b"strong", b"room", b"backup", b"chunk", b"pack", b"index", b"snapshot", b"\n"]
    chosen = random.Random(4)
    top.mkdir()
    (top / "text").write_bytes(b" ".join(chosen.choices(words, k=500_000)))
    (top / "random").write_bytes(_noise(5, 700_000))
    (top / "empty").touch()
    (top / "many").mkdir()
    for number in range(300):
        (top / "many" / str(number)).write_bytes(f"{number} ".encode() * (number * 7))
    return top


def _large_tree(top: pathlib.Path) -> pathlib.Path:
    _small_tree(top)
    (top / "large").write_bytes(_noise(6, 96 << 20))
    (top / "medium").write_bytes(_noise(7, 12 << 20))
    with (top / "sparse").open("wb") as sparse:
        for offset in (0, 5 << 20, 64 << 20):
            sparse.seek(offset)
            sparse.write(_noise(offset, 300_000))
        sparse.truncate(80 << 20)
    with (top / "hole").open("wb") as hole:
        hole.truncate(3 << 20)
    (top / "empty folder").mkdir(mode=0o700)
    (top / "text").chmod(0o4751)
    (top / os.fsdecode(b"not \xff UTF-8\n")).write_bytes(b"x")
    (top / "link").symlink_to(os.fsdecode(b"/nowhere/at all \xff"))
    os.link(top / "text", top / "another name")
    os.mkfifo(top / "pipe", 0o622)
    os.setxattr(top / "empty", "user.strongroom", b"\0value")
    os.utime(top / "empty", ns=(0, -1))
    # So many names that the folder is stored in parts.
    (top / "wide").mkdir()
    for number in range(2000):
        (top / "wide" / (f"{number:05}" + "x" * 150)).touch()
    return top


_TYPES = {
    stat.S_IFREG: FileKind.FILE,
    stat.S_IFDIR: FileKind.FOLDER,
    stat.S_IFLNK: FileKind.SYMLINK,
    stat.S_IFIFO: FileKind.FIFO,
}


def _compare(repository: Repository, top: pathlib.Path, found: dict[bytes, Node]) -> None:
    """Entry by entry: names, bytes, metadata."""
    paths = {os.fsencode(path) for path in (top, *top.rglob("*"))}
    above = {os.fsencode(path) for path in top.parents}
    assert {b"/" + path for path in found} == paths | above - {b"/"}
    for path in paths:
        node, status = found[path[1:]], os.lstat(path)
        metadata = node.metadata
        assert metadata.kind == _TYPES[stat.S_IFMT(status.st_mode)], path
        assert metadata.mode == stat.S_IMODE(status.st_mode), path
        assert (metadata.uid, metadata.gid) == (status.st_uid, status.st_gid), path
        assert (metadata.mtime, metadata.ctime) == (status.st_mtime_ns, status.st_ctime_ns), path
        identity = (metadata.device, metadata.inode, metadata.nlink)
        assert identity == (status.st_dev, status.st_ino, status.st_nlink), path
        assert metadata.size == (0 if stat.S_ISDIR(status.st_mode) else status.st_size), path
        if metadata.kind == FileKind.SYMLINK:
            assert metadata.target == os.readlink(path)
        if metadata.kind == FileKind.FILE:
            with open(path, "rb") as file:
                for piece in repository.read(node):
                    assert file.read(len(piece)) == piece, path
                assert file.read(1) == b"", path
            xattrs = {os.fsencode(name): os.getxattr(path, name) for name in os.listxattr(path)}
            assert metadata.xattrs == xattrs, path


def test_a_large_tree(agent: Agent, tmp_path: pathlib.Path) -> None:
    top = _large_tree(tmp_path / "tree")
    agent.run("init")
    agent.run("backup", top, "--tag", "one", "--host", "here")
    repository = Repository(agent.repository, Secret.key_file(agent.key))
    (snapshot,) = repository.snapshots()
    assert (snapshot.tags, snapshot.host, snapshot.paths) == (("one",), "here", (os.fsencode(top),))
    found = dict(repository.walk(snapshot))
    _compare(repository, top, found)
    assert repository.verify_packs() > 300
    base = os.fsencode(top)[1:] + b"/"

    large = found[base + b"large"]
    assert large.lists and not large.chunks
    assert len(repository.chunks(large)) > 64
    wide = found[base + b"wide"]
    assert wide.folder and len(repository.tree(wide.folder).parts or ()) > 1
    sparse = found[base + b"sparse"].metadata
    if os.stat(top / "sparse").st_blocks * 512 < sparse.size:
        assert sparse.holes and found[base + b"hole"].metadata.holes == ((0, 3 << 20),)

    # Chunks end where the definition says; so do those of what is between holes, taken together.
    cuts = 0
    for name in (b"medium", b"text", b"sparse"):
        node = found[base + name]
        content = (top / name.decode()).read_bytes()
        data = b"".join(content[at : at + length] for at, length in node.metadata.data_extents())
        ends = [0, *chunks.cuts(repository.keys.cuts, repository.config.sizes, data)]
        lengths = [b - a for a, b in itertools.pairwise(ends)]
        assert [chunk.length for chunk in repository.chunks(node)] == lengths, name
        cuts += len(lengths) - 1
    # The key is new each time, and may leave one of them in one piece.
    assert cuts > 0

    statistics = snapshot.statistics
    files = [node for path, node in found.items() if node.metadata.kind == FileKind.FILE]
    assert statistics["files"] == len(files)
    assert statistics["bytes"] == sum(node.metadata.size for node in files)


@pytest.mark.parametrize(
    ("compression", "methods"),
    [("auto", {0, 2}), ("off", {0}), ("lz4", {0, 1}), ("zstd:-7", {0, 2}), ("zstd:1", {0, 2}), ("zstd:19", {0, 2})],
)
def test_every_compression(agent: Agent, tmp_path: pathlib.Path, compression: str, methods: set[int]) -> None:
    top = _small_tree(tmp_path / "tree")
    agent.run("init")
    agent.run("backup", top, "--compression", compression)
    repository = Repository(agent.repository, Secret.key_file(agent.key))
    (snapshot,) = repository.snapshots()
    _compare(repository, top, dict(repository.walk(snapshot)))
    assert {segment.method for pack in repository.packs for segment in pack.segments} == methods
    assert repository.verify_packs() > 300


def test_a_password_and_a_chain_of_snapshots(agent: Agent, tmp_path: pathlib.Path) -> None:
    top = _small_tree(tmp_path / "tree")
    data = _noise(8, 6 << 20)
    agent.run("init", password="Grüße")
    agent.run("backup", top, password="Grüße")
    (top / "new").write_bytes(b"new")
    agent.run("backup", top, password="Grüße")
    agent.run("backup", "--stdin", "folder/stream", password="Grüße", input=data)
    repository = Repository(agent.repository, Secret.password("Grüße"))
    first, second, third = repository.snapshots()
    assert (first.parent, second.parent) == (None, first.id)
    assert first.time <= second.time <= third.time
    assert second.statistics["unchanged"] >= 1
    _compare(repository, top, dict(repository.walk(second)))
    found = dict(repository.walk(third))
    assert b"".join(repository.read(found[b"folder/stream"])) == data
    told = [json.loads(line) for line in agent.run("snapshots", "--json", password="Grüße").splitlines()]
    ids = [line["id"] for line in told if line["type"] == "snapshot"]
    assert ids == [snapshot.id.hex() for snapshot in (first, second, third)]


@pytest.mark.parametrize("password", ["", vectors.PASSWORD])
def test_the_agent_reads_the_vectors(agent: Agent, password: str) -> None:
    shutil.copytree(_TESTDATA / "vectors" / "repository", agent.repository)
    shutil.copy(_TESTDATA / "vectors" / "key-file", agent.key)
    assert agent.run("restore", "latest", "--stdout", "file", password=password) == vectors.FILE
    agent.run("check", "--read-data", password=password)
