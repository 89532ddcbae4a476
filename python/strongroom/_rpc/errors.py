"""What can go wrong at the boundary itself. The errors of an interface are in the generated package."""

from . import _native
from ._native import Error, ForkError, HandleClosed

__all__ = [
    "BufferBusy",
    "BufferMemoryUsedUp",
    "CallbackFailed",
    "DeadlineExceeded",
    "Error",
    "ForkError",
    "HandleClosed",
    "LibraryNotFound",
    "Malformed",
    "PanicError",
    "RequestCancelled",
    "RuntimeClosed",
    "SchemaMismatch",
    "SystemRefused",
    "UnknownError",
    "UnknownMethod",
    "WrongType",
]


class RequestCancelled(Error):
    """The request was cancelled, or the runtime was closed while it was in flight."""


class DeadlineExceeded(Error, TimeoutError):
    """The timeout of the call was over before its result was there."""


class Malformed(Error, ValueError):
    """Bytes that crossed the boundary are not what the interface says."""


class UnknownMethod(Error):
    """The library does not have this method."""


class BufferBusy(Error, BufferError):
    """A view is open on a buffer that was to be moved or closed."""


class BufferMemoryUsedUp(Error, MemoryError):
    """More buffer memory was asked for than callers may ever hold."""


class SystemRefused(Error, OSError):
    """The operating system refused: a descriptor could not be read, and the like."""

    # OSError has its own idea of arguments and text.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class WrongType(Error, TypeError):
    """The object that was called has another interface."""


class CallbackFailed(Error):
    """A callback of the caller's failed in a way that the interface does not name."""


class UnknownError(Error):
    """An error that a newer library knows, and this package does not."""


class PanicError(Error):
    """The library hit a bug in itself. The request is over; the library and its other requests go on."""


class RuntimeClosed(Error):
    """The runtime was closed before the call."""


class LibraryNotFound(Error):
    """The shared library is not where it was looked for."""


class SchemaMismatch(Error):
    """The library does not understand this package: they are of releases that do not go together."""


# The variants of domain 0, from 1.
_OF_RUNTIME: tuple[type[Error], ...] = (
    RequestCancelled,
    DeadlineExceeded,
    HandleClosed,
    Malformed,
    UnknownMethod,
    BufferBusy,
    BufferMemoryUsedUp,
    SystemRefused,
    WrongType,
    CallbackFailed,
)

# Those that this side answers to calls of the library's.
CLOSED = 3
MALFORMED = 4
UNKNOWN_METHOD = 5
CALLBACK = 10


def of_runtime(variant: int, message: str) -> Error:
    """The error of domain 0 with this number."""
    if 1 <= variant <= len(_OF_RUNTIME):
        return _OF_RUNTIME[variant - 1](message)
    return UnknownError(message)


def of_failure(failure: _native.Failure) -> Error:
    """What a refusal of a boundary function means to a caller."""
    status, text = failure.args
    if status == -6:
        return RuntimeClosed("the runtime is closed; make a new one")
    if status == -4:
        return BufferMemoryUsedUp(text)
    if status == -7:
        return SystemRefused(text)
    return Malformed(text) if status == -1 else Error(text)
