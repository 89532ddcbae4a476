"""Strongroom: backup and restore in one library.

`Repository` and `Ingest` have methods that wait; `AsyncRepository` and `AsyncIngest` have coroutines for asyncio. Data
is moved in buffers that the library owns: a `Buffer` supports the buffer protocol, and each open `memoryview` of it is
a lease.

    import strongroom

    at = strongroom.Location("/srv/backup", strongroom.CredentialsPassword("correct horse"))
    with strongroom.Repository.open(at) as repository:
        report = repository.backup(strongroom.BackupOptions(paths=["/home"]))
        print(report.snapshot.id.hex(), report.snapshot.statistics.files)

Paths are given as `str`, `bytes` or `os.PathLike`, and come back as `str` from `os.fsdecode`: bytes that are no UTF-8
become surrogate escapes, and `os.fsencode` gives them back.
"""

from . import generated
from ._rpc import public
from ._rpc.public import *  # noqa: F403
from .generated import *  # noqa: F403

__all__: list[str] = []
__all__ += public.__all__
__all__ += generated.__all__
