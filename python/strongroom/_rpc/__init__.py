"""The runtime under the generated packages: requests, streams, buffers and objects. It knows nothing of backup.

Generated code uses what is imported here; its users get those of `public` from the generated package.
"""

import pathlib
import platform
import sys

from .unusable import reason

# Before anything else needs it: what the system says of a native part that does not fit tells few what to do.
try:
    from . import _native as _native
except ImportError as failure:
    if failure.path is None or not failure.path.endswith((".so", ".pyd")):
        raise ImportError(
            f"{pathlib.Path(__file__).parent} has no native part for {platform.python_implementation()} "
            f"{platform.python_version()} on {sys.platform} {platform.machine()}; install the wheel for this platform"
        ) from None
    raise ImportError(reason(pathlib.Path(failure.path), failure.msg)) from None

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
