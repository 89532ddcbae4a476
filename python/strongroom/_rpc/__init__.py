"""The runtime under the generated packages: requests, streams, buffers and objects. It knows nothing of backup.

Generated code uses what is imported here; its users get the same names from the generated package.
"""

from . import wire
from ._native import Buffer
from .aio import AsyncStream, LoopClient
from .deprecation import deprecated
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
from .methods import WINDOW, Method
from .moments import Duration, DurationLike, Timestamp, TimestampLike
from .objects import AsyncObject, Object
from .runtime import Package, Runtime, RuntimeStatistics
from .sync import Stream, SyncClient
from .wire import PathLike

__all__ = [
    "WINDOW",
    "AsyncObject",
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
    "LoopClient",
    "Malformed",
    "Method",
    "Object",
    "Package",
    "PanicError",
    "PathLike",
    "RequestCancelled",
    "Runtime",
    "RuntimeClosed",
    "RuntimeStatistics",
    "SchemaMismatch",
    "Stream",
    "SyncClient",
    "SystemRefused",
    "Timestamp",
    "TimestampLike",
    "UnknownError",
    "UnknownMethod",
    "WrongType",
    "deprecated",
    "wire",
]
