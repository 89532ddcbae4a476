"""`@deprecated`: that of the standard library (PEP 702), which has it since Python 3.13."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

__all__ = ["deprecated", "quiet"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from typing_extensions import deprecated

    T = TypeVar("T")
elif sys.version_info >= (3, 13):
    from warnings import deprecated
else:

    def deprecated(message):
        """Says so to type checkers and readers; releases of Python before 3.13 warn of nothing."""

        def mark(item):
            item.__deprecated__ = message
            return item

        return mark


def quiet(make: type[T]) -> Callable[..., T]:
    """What makes values of a class without the warning: that is for those who write it, and not for a decoder."""
    if "__deprecated__" not in vars(make):
        return make
    base: Any = BaseException if issubclass(make, BaseException) else object
    initialise = vars(make)["__init__"]

    def made(*arguments: Any, **fields: Any) -> T:
        value: T = base.__new__(make)
        initialise(value, *arguments, **fields)
        return value

    return made
