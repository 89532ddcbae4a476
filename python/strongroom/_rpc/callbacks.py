"""Calls from the library: what both fronts do to find the method that is called, and to write its answer."""

from __future__ import annotations

import logging
import struct
import traceback
from collections.abc import Callable
from typing import Any

from . import _native, errors, frames, methods, wire

_LOG = logging.getLogger(__name__)


class Call:
    """One call of a callback's method, with its arguments."""

    __slots__ = ("_arguments", "_method", "_target", "id", "name")

    def __init__(
        self, id: int, name: str, target: Callable[..., Any], method: methods.Method[Any], arguments: list[Any]
    ) -> None:
        self.id = id
        self.name = name
        self._target = target
        self._method = method
        self._arguments = arguments

    def run(self) -> Any:
        """What the method gives; for asyncio, perhaps something to wait for."""
        # The buffers among them are the method's from now on.
        arguments, self._arguments = self._arguments, []
        return self._target(*arguments)

    def reply(self, queue: int, value: Any) -> tuple[bytes, wire.Writer]:
        """The frame that answers it, and what moves with it."""
        out = wire.Writer()
        if self._method.result is not None:
            self._method.result.write(out, value)
        elif value is not None:
            raise TypeError(f"{self.name} gives nothing, and {value!r} was returned")
        return frames.reply(queue, self.id, out.data, out.handles()), out

    def failure(self, queue: int, error: BaseException) -> bytes:
        """The frame that answers it where the method has failed."""
        out = wire.Writer()
        throws = self._method.throws
        try:
            if throws is not None and throws.write(out, error):
                return frames.error(queue, self.id, out.data)
        except (TypeError, ValueError) as mistake:
            error = mistake
        _LOG.debug("%s failed", self.name, exc_info=error)
        text = traceback.format_exception_only(error)[-1].strip()
        return frames.error(queue, self.id, wire.runtime_error(errors.CALLBACK, text))


def receive(
    callbacks: methods.Callbacks, native: _native.Runtime, receiver: wire.Receiver, queue: int, frame: _native.Frame
) -> Call | bytes:
    """The call in a CALL frame, or the ERROR frame that refuses it: then what it carries is given back."""
    id, _, payload, handles, object, number = frame

    def refuse(variant: int, message: str) -> bytes:
        methods.release(native, handles)
        return frames.error(queue, id, wire.runtime_error(variant, message))

    lent = callbacks.find(object)
    if lent is None:
        return refuse(errors.CLOSED, "the callback was released, or was never given")
    found = lent.kind.method(number)
    if found is None:
        return refuse(errors.UNKNOWN_METHOD, f"{lent.kind.name} has no method with the id {number:#010x}")
    name, method = found
    try:
        arguments = list(method.arguments.read(wire.Reader(payload, receiver)).values())
    except (errors.Error, struct.error) as error:
        return refuse(errors.MALFORMED, f"{method.name}: {error}")
    return Call(id, method.name, getattr(lent.target, name), method, arguments)
