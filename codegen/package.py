"""The package of an interface: what idlc generated of it, and what its users meet of the runtime."""

from strongroom._rpc import public
from strongroom._rpc.public import *  # noqa: F403

from . import generated
from .generated import *  # noqa: F403
from .generated import __doc__ as __doc__

__all__: list[str] = []
__all__ += public.__all__
__all__ += generated.__all__
