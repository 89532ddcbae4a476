"""The test vectors of docs/format.md: a whole repository with fixed keys, written by hand from the specification.

`python3 conformance/reader/vectors.py` prints the table of docs/format.md; with a folder it writes the repository
there, and key-file and password beside it.
"""

from __future__ import annotations

import pathlib
import sys

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from strongroom_reader import chunks, padding
from strongroom_reader.seal import TAG, Keys, Role, associated_data, keyed_hash, nonce
from strongroom_reader.slots import Secret, wrapping_key

PASSWORD = "correct horse"
FILE = b"hello, strongroom\n"


def _run(start: int, count: int = 32) -> bytes:
    return bytes(range(start, start + count))


SECRET = _run(0x00)
MASTER = _run(0x20)
REPOSITORY = _run(0x40)
SLOT_SALT = _run(0x60)
PACK_NAME, PACK_SALT = _run(0x80, 16), _run(0x90)
INDEX_NAME, INDEX_SALT = _run(0xB0, 16), _run(0xC0)
LOG_SALT = _run(0xE0)
KEYS = Keys(REPOSITORY, MASTER)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([major << 5 | 24 + size.bit_length() - 1]) + number.to_bytes(size, "big")


def encode(value: object) -> bytes:
    """CBOR as writers of the format make it."""
    match value:
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(encode, value))
        case dict():
            return _head(5, len(value)) + b"".join(encode(key) + encode(value[key]) for key in sorted(value))
    raise TypeError(f"no CBOR for {value!r}")


def _seal(key: bytes, name: str, role: Role, number: int, text: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce(role, number), text, associated_data(REPOSITORY, name, role, number))


def _pad(text: bytes, around: int) -> bytes:
    size = padding.padme(around + 4 + len(text)) - around
    return (len(text).to_bytes(4, "little") + text).ljust(size, b"\0")


def _object(magic: bytes, salt: bytes, name: str, role: Role, text: bytes) -> bytes:
    sealed = _seal(KEYS.object(salt), name, role, 0, _pad(text, 40 + TAG))
    return magic + salt + sealed


def _slot(name: str, secret: Secret, cost: dict[int, int] | None) -> bytes:
    key = wrapping_key(secret, SLOT_SALT, cost)
    fields: dict[int, object] = {0: SLOT_SALT, 2: _seal(key, name, Role.KEY_SLOT, 0, MASTER)}
    if cost is not None:
        fields[1] = cost
    text = encode(fields)
    return text + blake3(text).digest()


COST = {0: 64 << 10, 1: 3, 2: 4}
DATA_ID = keyed_hash(KEYS.data, FILE)
TREE = encode(
    {
        0: [
            {
                0: b"file",
                1: {
                    0: 0,
                    1: 0o644,
                    2: 1000,
                    3: 1000,
                    4: b"user",
                    6: len(FILE),
                    7: {0: -1, 1: 999999999},
                    8: {0: 1764000000, 1: 1},
                    9: 12,
                    10: 2049,
                    11: 1,
                    14: [{0: b"user.a", 1: b"\0"}],
                },
                2: [[DATA_ID, len(FILE)]],
            }
        ]
    }
)
TREE_ID = keyed_hash(KEYS.tree, TREE)
PACK = f"packs/80/{PACK_NAME.hex()}"
CONTENTS = [[0, len(FILE), [[0, DATA_ID, len(FILE)]]], [0, len(TREE), [[1, TREE_ID, len(TREE)]]]]
STATISTICS = {0: 1, 1: 0, 2: 0, 3: 0, 4: 18, 5: 18, 6: 18, 7: 512, 8: 1, 9: 1, 10: 1000000}
LOG = encode(
    {
        1: {
            0: {0: 1764000001, 1: 0},
            1: "host",
            2: "user",
            3: [b"/file"],
            4: ["tag"],
            6: TREE_ID,
            7: STATISTICS,
        }
    }
)


def _pack() -> bytes:
    key = KEYS.object(PACK_SALT)
    data = b"SRPACKS1" + PACK_SALT
    for number, plain in enumerate((FILE, TREE)):
        data += _seal(key, PACK, Role.SEGMENT, number, plain)
    contents = _seal(key, PACK, Role.CONTENTS, 0, _pad(encode(CONTENTS), len(data) + TAG + 8))
    return data + contents + len(contents).to_bytes(4, "little") + b"SRPE"


def _config() -> bytes:
    fields = encode({0: "strongroom repository", 1: 1, 2: REPOSITORY, 3: 256 << 10, 4: 1 << 20, 5: 4 << 20})
    return fields + keyed_hash(KEYS.config, fields)


def repository() -> dict[str, bytes]:
    """The objects."""
    by_file, by_password = f"keys/{'00' * 16}", f"keys/{'01' * 16}"
    index, log, pack = f"index/{INDEX_NAME.hex()}", f"log/{1:016}", _pack()
    records = encode([[PACK_NAME, len(pack), PACK_SALT, CONTENTS]])
    return {
        "config": _config(),
        by_file: _slot(by_file, Secret(SECRET, is_password=False), None),
        by_password: _slot(by_password, Secret.password(PASSWORD), COST),
        PACK: pack,
        index: _object(b"SRINDEX1", INDEX_SALT, index, Role.INDEX, records),
        log: _object(b"SRLOGEN1", LOG_SALT, log, Role.LOG, LOG),
    }


def table() -> str:
    """What docs/format.md prints."""
    objects = repository()
    by_file, by_password, index = (name for name in objects if name.startswith(("keys/", "index/")))
    sizes = chunks.Sizes(64, 512, 2048)
    rows = {
        "secret of the key file": SECRET,
        "password": PASSWORD.encode(),
        "master key": MASTER,
        "repository": REPOSITORY,
        "salt of both slots": SLOT_SALT,
        "key of the key file's slot": wrapping_key(Secret(SECRET, is_password=False), SLOT_SALT, None),
        "key of the password's slot": wrapping_key(Secret.password(PASSWORD), SLOT_SALT, COST),
        "key of data ids": KEYS.data,
        "key of tree ids": KEYS.tree,
        "key of snapshot ids": KEYS.snapshot,
        "key of cut points": KEYS.cuts,
        "key of config": KEYS.config,
        "config": objects["config"],
        by_file: objects[by_file],
        by_password: objects[by_password],
        "content of the file": FILE,
        "id of the content": DATA_ID,
        "tree blob": TREE,
        "id of the tree blob": TREE_ID,
        "key of the pack": KEYS.object(PACK_SALT),
        "associated data of segment 1": associated_data(REPOSITORY, PACK, Role.SEGMENT, 1),
        "nonce of segment 1": nonce(Role.SEGMENT, 1),
        "table of contents": encode(CONTENTS),
        PACK: objects[PACK],
        index: objects[index],
        "text of the log entry": LOG,
        "id of the snapshot": keyed_hash(KEYS.snapshot, LOG),
        f"log/{1:016}": objects[f"log/{1:016}"],
    }
    lines = []
    for name, value in rows.items():
        lines.append(name)
        digits = value.hex()
        lines += [f"  {digits[at : at + 96]}" for at in range(0, len(digits), 96)]
    lines.append("cuts of splitmix64(0, 5000) with the key 00 01 .. 1f, min 64, average 512, max 2048")
    lines.append("  " + " ".join(map(str, chunks.cuts(_run(0), sizes, splitmix64(0, 5000)))))
    return "\n".join(lines) + "\n"


def splitmix64(seed: int, length: int) -> bytes:
    """Bytes that any language can make in a line: SplitMix64, words little-endian."""
    mask = (1 << 64) - 1
    out = bytearray()
    while len(out) < length:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        out += (z ^ z >> 31).to_bytes(8, "little")
    return bytes(out[:length])


def write(folder: pathlib.Path) -> None:
    for name, data in repository().items():
        path = folder / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "key-file").write_text(f"strongroom-key-1 {SECRET.hex()}\n")
    (folder / "password").write_text(f"{PASSWORD}\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(pathlib.Path(sys.argv[1]))
    else:
        sys.stdout.write(table())
