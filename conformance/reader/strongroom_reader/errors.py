"""Why a repository cannot be read."""


class ReadError(Exception):
    """Any of the errors of this package."""


class NotARepository(ReadError):
    """The folder holds no repository of this program."""


class NewerFormat(ReadError):
    """The repository needs a newer reader."""


class WrongKey(ReadError):
    """The password or key file opens no key slot."""


class Damaged(ReadError):
    """An object is not what was written; the message begins with its name in the store."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} is damaged: {why}")
        self.what = what
