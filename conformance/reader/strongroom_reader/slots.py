"""Key slots, and the secrets that open them."""

from __future__ import annotations

import os
import pathlib
import re

from blake3 import blake3
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from . import cbor
from .errors import Damaged, ReadError, WrongKey
from .seal import Role, derive, unseal
from .store import Store

_NAME = re.compile(r"keys/[0-9a-f]{32}")


class Secret:
    """A password, or what a key file holds."""

    def __init__(self, value: bytes, *, is_password: bool) -> None:
        self.value = value
        self.is_password = is_password

    @staticmethod
    def password(text: str) -> Secret:
        return Secret(text.encode(), is_password=True)

    @staticmethod
    def key_file(path: str | os.PathLike[str]) -> Secret:
        match = re.fullmatch(rb"strongroom-key-1 ([0-9a-fA-F]{64})\s*", pathlib.Path(path).read_bytes())
        if not match:
            raise ReadError(f"{path} is not a key file")
        return Secret(bytes.fromhex(match[1].decode()), is_password=False)


def wrapping_key(secret: Secret, salt: bytes, cost: dict[int, int] | None) -> bytes:
    """The key that a slot's master key is sealed with."""
    value = secret.value
    if cost is not None:
        stretch = Argon2id(salt=salt, length=32, memory_cost=cost[0], iterations=cost[1], lanes=cost[2])
        value = stretch.derive(value)
    return derive(value, salt, "strongroom key slot 1")


def _is_possible(cost: dict[int, int]) -> bool:
    memory, passes, lanes = cost[0], cost[1], cost[2]
    return memory <= 4 << 20 and memory * passes <= 64 << 20 and lanes <= 64


def master_key(store: Store, repository: bytes, secret: Secret) -> bytes:
    """From the first slot that the secret opens."""
    problem: ReadError = WrongKey("the password or key file opens no key of this repository")
    for name in filter(_NAME.fullmatch, store.list("keys")):
        data = store.get(name)
        if blake3(data[:-32]).digest() != data[-32:]:
            problem = Damaged(name, "its checksum does not match")
            continue
        slot = cbor.decode(data[:-32])
        if secret.is_password != (1 in slot):
            continue
        if secret.is_password and not _is_possible(slot[1]):
            problem = Damaged(name, "it asks for more work than any writer does")
            continue
        key = wrapping_key(secret, slot[0], slot.get(1))
        master = unseal(key, repository, name, Role.KEY_SLOT, 0, slot[2])
        if master is not None:
            return master
    raise problem
