"""The conformance service, as Python sees it."""

from .generated import *  # noqa: F403
from .generated import __all__ as __all__
from .generated import _PACKAGE as _PACKAGE
