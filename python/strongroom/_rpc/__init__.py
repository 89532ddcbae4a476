"""The runtime under the generated packages: requests, streams, buffers and objects. It knows nothing of backup.

Generated code uses what is imported here; its users get those of `public` from the generated package.
"""

from . import public, wire
from .aio import LoopClient
from .deprecation import deprecated
from .methods import WINDOW, Method
from .objects import AsyncObject, Object
from .public import *  # noqa: F403
from .runtime import Package
from .sync import SyncClient

__all__ = [
    "WINDOW",
    "AsyncObject",
    "LoopClient",
    "Method",
    "Object",
    "Package",
    "SyncClient",
    "deprecated",
    "wire",
]
__all__ += public.__all__
