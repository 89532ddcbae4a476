"""The `config` object."""

from __future__ import annotations

import dataclasses

from . import cbor
from .chunks import Sizes
from .errors import Damaged, NewerFormat, NotARepository
from .seal import Keys, keyed_hash

FORMAT = 1
NAME = "config"
MAGIC = "strongroom repository"


@dataclasses.dataclass(frozen=True)
class Config:
    repository: bytes
    sizes: Sizes

    @staticmethod
    def decode(data: bytes) -> Config:
        """The fields, not to be trusted before `verify`."""
        try:
            fields = cbor.decode(data[:-32])
        except cbor.CborError as error:
            raise NotARepository(f"its config cannot be decoded: {error}") from None
        if not isinstance(fields, dict) or fields.get(0) != MAGIC:
            raise NotARepository("its config is of another program")
        if fields.get(1, 0) > FORMAT:
            raise NewerFormat(f"it has format {fields[1]}, and this reader knows {FORMAT}")
        try:
            return Config(fields[2], Sizes(fields[3], fields[4], fields[5]))
        except KeyError as missing:
            raise Damaged(NAME, f"field {missing} is missing") from None

    @staticmethod
    def verify(data: bytes, keys: Keys) -> None:
        if keyed_hash(keys.config, data[:-32]) != data[-32:]:
            raise Damaged(NAME, "it is not what init wrote")
