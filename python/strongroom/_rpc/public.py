"""What the users of a generated package meet of the runtime; each package has these names beside its own."""

from ._native import Buffer
from .aio import AsyncStream
from .errors import (
    BufferBusy,
    BufferMemoryUsedUp,
    CallbackFailed,
    DeadlineExceeded,
    Error,
    ForkError,
    HandleClosed,
    LibraryNotFound,
    Malformed,
    PanicError,
    RequestCancelled,
    RuntimeClosed,
    SchemaMismatch,
    SystemRefused,
    UnknownError,
    UnknownMethod,
    WrongType,
)
from .moments import Duration, DurationLike, Timestamp, TimestampLike
from .runtime import Runtime, RuntimeStatistics
from .sync import Stream
from .wire import PathLike

__all__ = [
    "AsyncStream",
    "Buffer",
    "BufferBusy",
    "BufferMemoryUsedUp",
    "CallbackFailed",
    "DeadlineExceeded",
    "Duration",
    "DurationLike",
    "Error",
    "ForkError",
    "HandleClosed",
    "LibraryNotFound",
    "Malformed",
    "PanicError",
    "PathLike",
    "RequestCancelled",
    "Runtime",
    "RuntimeClosed",
    "RuntimeStatistics",
    "SchemaMismatch",
    "Stream",
    "SystemRefused",
    "Timestamp",
    "TimestampLike",
    "UnknownError",
    "UnknownMethod",
    "WrongType",
]
