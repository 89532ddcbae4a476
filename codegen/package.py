"""The package of an interface: what idlc generated of it, and what its users meet of the runtime."""

from strongroom._rpc import (
    AsyncStream,
    Buffer,
    BufferBusy,
    BufferMemoryUsedUp,
    CallbackFailed,
    DeadlineExceeded,
    Duration,
    Error,
    ForkError,
    HandleClosed,
    LibraryNotFound,
    Malformed,
    PanicError,
    RequestCancelled,
    Runtime,
    RuntimeClosed,
    RuntimeStatistics,
    SchemaMismatch,
    Stream,
    SystemRefused,
    Timestamp,
    UnknownError,
    UnknownMethod,
    WrongType,
)

from .generated import *  # noqa: F403
from .generated import __all__ as _generated
from .generated import __doc__ as __doc__

__all__ = [
    "AsyncStream",
    "Buffer",
    "BufferBusy",
    "BufferMemoryUsedUp",
    "CallbackFailed",
    "DeadlineExceeded",
    "Duration",
    "Error",
    "ForkError",
    "HandleClosed",
    "LibraryNotFound",
    "Malformed",
    "PanicError",
    "RequestCancelled",
    "Runtime",
    "RuntimeClosed",
    "RuntimeStatistics",
    "SchemaMismatch",
    "Stream",
    "SystemRefused",
    "Timestamp",
    "UnknownError",
    "UnknownMethod",
    "WrongType",
]
__all__ += _generated
