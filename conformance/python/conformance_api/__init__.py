"""The conformance service, as Python sees it."""

from .generated import *  # noqa: F403
from .generated import _PACKAGE as _PACKAGE
from .generated import __all__ as __all__
