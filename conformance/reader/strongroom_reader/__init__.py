"""Reads Strongroom repositories, written from docs/format.md alone: no code of the engine is in it, none that it uses.

It is for checking the format and what writes it, and for the day on which nothing else is left to read a backup with.

    from strongroom_reader import Repository, Secret

    repository = Repository("/backup", Secret.key_file("/home/me/strongroom.key"))
    for path, node in repository.walk(repository.snapshots()[-1]):
        print(path, node.metadata.size)
"""

from .errors import Damaged, NewerFormat, NotARepository, ReadError, WrongKey
from .objects import Snapshot
from .repository import Repository
from .slots import Secret
from .tree import FileKind, Metadata, Node

__all__ = [
    "Damaged",
    "FileKind",
    "Metadata",
    "NewerFormat",
    "Node",
    "NotARepository",
    "ReadError",
    "Repository",
    "Secret",
    "Snapshot",
    "WrongKey",
]
