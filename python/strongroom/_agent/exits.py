"""How a run ends: exit codes (docs/exit-codes.md) and the names of errors in JSON output."""

from __future__ import annotations

import strongroom

OK = 0
FAILURE = 1
USAGE = 2
INCOMPLETE = 3
NO_REPOSITORY = 10
EXISTS = 11
WRONG_KEY = 12
NEWER_FORMAT = 13
DAMAGED = 14
NO_SPACE = 15
STORE = 16
NOT_FOUND = 17
INTERRUPTED = 130


class UsageError(Exception):
    """A mistake on the command line."""


class Outcome(Exception):
    """A run that did what it could."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


class Interrupted(Exception):
    """Somebody interrupted the run."""


_CODES: dict[type[BaseException], int] = {
    UsageError: USAGE,
    Interrupted: INTERRUPTED,
    strongroom.RepositoryNotFoundError: NO_REPOSITORY,
    strongroom.RepositoryNotARepositoryError: NO_REPOSITORY,
    strongroom.RepositoryAlreadyExistsError: EXISTS,
    strongroom.RepositoryWrongKeyError: WRONG_KEY,
    strongroom.RepositoryNewerFormatError: NEWER_FORMAT,
    strongroom.RepositoryDamagedError: DAMAGED,
    strongroom.RepositoryNoSpaceError: NO_SPACE,
    strongroom.RepositoryStoreError: STORE,
    strongroom.RepositoryStoreNotSafeError: STORE,
    strongroom.RepositoryNoSuchSnapshotError: NOT_FOUND,
    strongroom.RepositoryNoSuchPathError: NOT_FOUND,
    strongroom.RepositoryInvalidError: USAGE,
}

_NAMES = {USAGE: "usage", INCOMPLETE: "incomplete", DAMAGED: "damaged", INTERRUPTED: "interrupted"}


def exit_code(error: BaseException) -> int:
    """What a run that ended with this error exits with."""
    if isinstance(error, Outcome):
        return error.code
    return _CODES.get(type(error), FAILURE)


def error_name(error: BaseException) -> str:
    """The error's name in JSON output: that of the interface, or of this program."""
    if isinstance(error, strongroom.RepositoryError) and error.variant:
        return error.variant
    return _NAMES.get(exit_code(error), "failure")
