"""What a generated method tells the runtime, and the work that both fronts share: encode a call, decode its answer."""

from __future__ import annotations

import contextlib
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

from . import _native, errors, frames, wire

if sys.platform == "win32":
    import msvcrt

R = TypeVar("R")

# What a stream may have on its way before the reader takes it.
WINDOW = 1 << 20

# Seconds that the end of a runtime waits for cancelled requests to be acknowledged.
ACKNOWLEDGEMENT = 5.0

# The error payload of domain 0, variant 1.
_CANCELLED_TEXT = b"the runtime was closed while the call was in flight"
CANCELLED = (
    (0).to_bytes(4, "little")
    + (1).to_bytes(4, "little")
    + len(_CANCELLED_TEXT).to_bytes(4, "little")
    + _CANCELLED_TEXT
    + bytes(4)
)


class Method(Generic[R]):
    """A method of an interface, as the boundary knows it."""

    __slots__ = ("arguments", "emits", "getter", "id", "input", "name", "pack", "result", "throws", "unpack")

    def __init__(
        self,
        name: str,
        id: int,
        arguments: wire.Fields,
        result: wire.Codec[R] | None = None,
        throws: wire.ErrorSet | None = None,
        emits: wire.Codec[Any] | None = None,
        input: wire.Codec[Any] | None = None,
    ) -> None:
        self.name = name
        self.id = id
        self.arguments = arguments
        self.result = result
        self.throws = throws
        self.emits = emits
        # The items of the argument that is a stream.
        self.input = input
        # The same as `arguments` and `result`, where that is a matter of one format string of `struct`.
        self.pack: Callable[[Iterable[Any]], bytes | None] = self._pack_first
        code = None if result is None else result.code
        self.unpack = None if code is None else struct.Struct("<" + code).unpack_from
        # For the native part, after the first call of a method without arguments: its id, and the letter of its result.
        self.getter: int | None = None

    def _pack_first(self, arguments: Iterable[Any]) -> bytes | None:
        # The fields may name what comes later in the generated module: they are looked at when the method is called.
        self.pack = _packer(self.arguments)
        if not self.arguments.all() and self.result is not None and self.result.code is not None:
            self.getter = ord(self.result.code) << 32 | self.id
        return self.pack(arguments)


def _packer(fields: wire.Fields) -> Callable[[Iterable[Any]], bytes | None]:
    """Makes the payload in one step, or answers None where the codecs must: also to say what is wrong with which."""
    codes = [field.codec.code for field in fields.all()]
    if None in codes:
        return lambda arguments: None
    pack = struct.Struct("<" + "".join(map(str, codes))).pack

    def packed(arguments: Iterable[Any]) -> bytes | None:
        try:
            return pack(*arguments)
        except (struct.error, OverflowError):
            return None

    return packed


ALLOC: Method[_native.Buffer] = Method(
    "alloc", frames.METHOD_ALLOC, wire.Fields(lambda: (wire.Field("size", wire.U64),)), wire.BUFFER
)
FILL: Method[_native.Buffer] = Method(
    "fill",
    frames.METHOD_FILL,
    wire.Fields(lambda: (wire.Field("descriptor", wire.I32), wire.Field("size", wire.U64))),
    wire.BUFFER,
)


def readable(descriptor: int) -> int:
    """What the library knows a descriptor by: on Windows, by the handle that Python has given a number of its own."""
    if sys.platform == "win32":
        return msvcrt.get_osfhandle(descriptor)
    return descriptor


Callbacks: TypeAlias = frames.Table[wire.Lent]


def encode(method: Method[Any], arguments: Iterable[Any], callbacks: Callbacks | None = None) -> wire.Writer:
    """The arguments' payload. Nothing is moved yet, so that a mistake in the arguments costs no buffer."""
    out = wire.Writer(callbacks)
    try:
        method.arguments.write(out, arguments)
    except BaseException:
        take_back(out, callbacks)
        raise
    return out


def take_back(out: wire.Writer, callbacks: Callbacks | None) -> None:
    """Forgets the callbacks of a call that the library never saw."""
    if callbacks is not None:
        for lent in out.lent:
            callbacks.remove(lent.id)


def encode_item(codec: wire.Codec[Any], item: Any) -> wire.Writer:
    """The payload of an item of a stream from here."""
    out = wire.Writer()
    try:
        codec.write(out, item)
    except (TypeError, AttributeError, struct.error) as error:
        raise TypeError(f"an item of the stream: {error}") from error
    except (ValueError, OverflowError) as error:
        raise ValueError(f"an item of the stream: {error}") from error
    return out


def detach(out: wire.Writer) -> None:
    """The buffers have moved."""
    for buffer in out.moved:
        # Where another thread has opened a view meanwhile, the library refuses the buffer.
        with contextlib.suppress(BufferError, _native.Error):
            buffer._detach()


def drop(out: wire.Writer) -> None:
    """Gives back the buffers that were to move, where nobody takes them any more."""
    for buffer in out.moved:
        # Where a view is open, its owner gives it back.
        with contextlib.suppress(BufferError):
            buffer.close()


def release(native: _native.Runtime, handles: tuple[int, ...] | None) -> None:
    """Gives back what a frame carries to nobody."""
    for handle in handles or ():
        # The handle may have found its owner before the frame turned out to be damaged.
        with contextlib.suppress(_native.Error):
            if handle & frames.OBJECT_HANDLE:
                native.object_close(handle & ~frames.OBJECT_HANDLE)
            else:
                native.buffer_free(handle)


def decode_item(
    native: _native.Runtime, receiver: wire.Receiver, codec: wire.Codec[R], frame: _native.Frame
) -> tuple[R, int]:
    """A stream's item, and the credit that it took: its payload, and the bytes of its buffers."""
    reader = wire.Reader(frame[2], receiver)
    try:
        item = codec.read(reader)
    except (errors.Error, struct.error):
        release(native, frame[3])
        raise
    return item, len(frame[2]) + reader.carried


def decode(native: _native.Runtime, receiver: wire.Receiver, codec: wire.Codec[R], frame: _native.Frame) -> R:
    """The value of a REPLY, ITEM or EMIT frame; where it is malformed, what it carries is given back."""
    return decode_item(native, receiver, codec, frame)[0]


def answer(native: _native.Runtime, receiver: wire.Receiver, method: Method[R], frame: _native.Frame) -> R:
    """The result of a request, from its last frame; raises what the library answered instead."""
    kind = frame[1]
    if kind == frames.REPLY:
        if method.result is None:
            return None  # type: ignore[return-value]
        return decode(native, receiver, method.result, frame)
    raise failure(method, frame, receiver)


def plain_answer(
    native: _native.Runtime, receiver: wire.Receiver, method: Method[R], answered: bytes | _native.Frame
) -> R:
    """`answer`, for what the native part gives a waiter: the payload of a plain reply, or a frame."""
    if not isinstance(answered, bytes):
        return answer(native, receiver, method, answered)
    if method.result is None:
        return None  # type: ignore[return-value]
    if method.unpack is not None and len(answered) >= method.result.least:
        value: R = method.unpack(answered)[0]
        return value
    return method.result.read(wire.Reader(answered, receiver))


def failure(method: Method[Any], frame: _native.Frame, receiver: wire.Receiver) -> errors.Error:
    """The exception for an ERROR or PANIC frame."""
    if frame[1] == frames.ERROR:
        return wire.read_error(frame[2], method.throws, receiver)
    if frame[1] == frames.PANIC:
        try:
            return errors.PanicError(wire.STRING.read(wire.Reader(frame[2])))
        except errors.Malformed as malformed:
            return malformed
    return errors.Malformed(f"{method.name} was answered by a frame of kind {frame[1]}")
