"""Keys, identities and seals."""

from __future__ import annotations

import enum

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TAG = 16
SALT = 32


class Role(enum.IntEnum):
    """What a sealed text is."""

    SEGMENT = 1
    CONTENTS = 2
    INDEX = 3
    LOG = 4
    KEY_SLOT = 5


def derive(secret: bytes, salt: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info.encode()).derive(secret)


def nonce(role: Role, number: int) -> bytes:
    return bytes([role]) + bytes(7) + number.to_bytes(4, "little")


def associated_data(repository: bytes, name: str, role: Role, number: int) -> bytes:
    raw = name.encode()
    parts = [b"strongroom", (1).to_bytes(4, "little"), repository, len(raw).to_bytes(4, "little"), raw]
    return b"".join(parts) + bytes([role]) + number.to_bytes(4, "little")


def unseal(key: bytes, repository: bytes, name: str, role: Role, number: int, sealed: bytes) -> bytes | None:
    """The text, or `None`: it is not what was sealed in this role and place."""
    try:
        return AESGCM(key).decrypt(nonce(role, number), sealed, associated_data(repository, name, role, number))
    except (InvalidTag, ValueError):
        return None


class Keys:
    """What follows from the master key."""

    def __init__(self, repository: bytes, master: bytes) -> None:
        self.repository = repository
        self.master = master
        self.data, self.tree, self.snapshot, self.cuts, self.config = (
            derive(master, repository, f"strongroom {use} 1")
            for use in ("data ids", "tree ids", "snapshot ids", "cut points", "config")
        )

    def object(self, salt: bytes) -> bytes:
        return derive(self.master, salt, "strongroom object 1")

    def open(self, salt: bytes, name: str, role: Role, number: int, sealed: bytes) -> bytes | None:
        return unseal(self.object(salt), self.repository, name, role, number, sealed)


def keyed_hash(key: bytes, data: bytes) -> bytes:
    return blake3(data, key=key).digest()
