"""The encoding of docs/boundary.md: a codec for each type of the interface language.

Codecs read what may be damaged or hostile: whatever the bytes are, they give a value or raise `Malformed`, and allocate
no more than the bytes that are there justify.
"""

from __future__ import annotations

import decimal
import enum
import math
import os
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from . import errors, moments
from ._native import Buffer
from .deprecation import quiet
from .errors import Error, Malformed
from .moments import Duration, DurationLike, Timestamp, TimestampLike

T = TypeVar("T")
K = TypeVar("K")
N = TypeVar("N", bound=enum.Enum)

# Types nest at most this deep.
_DEPTH = 64

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_F32 = struct.Struct("<f")
_F64 = struct.Struct("<d")
_TIMESTAMP = struct.Struct("<qI")

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Receiver(Protocol):
    """What a decoder asks to make the owner of a handle."""

    asynchronous: bool

    def adopt_buffer(self, handle: int) -> Buffer: ...


class Lent:
    """An object of the caller whose methods the library may call, until it releases it."""

    __slots__ = ("id", "kind", "target")

    def __init__(self, kind: Callback, target: Any) -> None:
        self.id = 0
        self.kind = kind
        self.target = target


class Lender(Protocol):
    """Where callbacks get their handles."""

    def add(self, entry: Lent, /) -> None: ...


class Writer:
    """Collects bytes, the buffers that move with them, and the callbacks that are lent."""

    __slots__ = ("data", "lender", "lent", "moved")

    def __init__(self, lender: Lender | None = None) -> None:
        self.data = bytearray()
        self.moved: list[Buffer] = []
        self.lender = lender
        self.lent: list[Lent] = []

    def handles(self) -> list[int]:
        """Those of the buffers."""
        return [buffer._handle() for buffer in self.moved]

    def cost(self) -> int:
        """The credit that this takes as a stream's item."""
        return len(self.data) + sum(map(len, self.moved))


class Reader:
    """A position in received bytes; `end` is that of the innermost record."""

    __slots__ = ("at", "carried", "data", "depth", "end", "receiver")

    def __init__(self, data: bytes, receiver: Receiver | None = None) -> None:
        self.data = data
        self.at = 0
        self.end = len(data)
        self.depth = 0
        # Bytes in the buffers that were met.
        self.carried = 0
        self.receiver = receiver

    def skip(self, count: int) -> int:
        """Moves over so many bytes, and answers where they begin."""
        at = self.at
        if count > self.end - at:
            raise Malformed(f"{count} bytes are needed at byte {at}, and {self.end - at} are left")
        self.at = at + count
        return at

    def u32(self) -> int:
        value: int = _U32.unpack_from(self.data, self.skip(4))[0]
        return value

    def block(self) -> bytes:
        """A length, and that many bytes."""
        length = self.u32()
        at = self.skip(length)
        return self.data[at : at + length]

    def nest(self) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            raise Malformed(f"types are nested more than {_DEPTH} deep at byte {self.at}")

    def count(self, least: int) -> int:
        """The count of a list or map whose items have at least so many bytes."""
        count = self.u32()
        if count * least > self.end - self.at:
            raise Malformed(f"{count} items cannot fit into the {self.end - self.at} bytes left at byte {self.at}")
        return count


class Codec(Generic[T]):
    """How the values of one type are written and read."""

    # The bytes that the shortest value takes; at least 1, so that it bounds a count.
    least = 1
    # The letter of `struct` that does the same, where there is one.
    code: str | None = None

    def write(self, out: Writer, value: T) -> None:
        raise NotImplementedError

    def read(self, reader: Reader) -> T:
        raise NotImplementedError

    def default(self) -> T:
        """The value of a field that the writer left out."""
        raise NotImplementedError

    def order(self, key: T) -> Any:
        """What a map sorts by."""
        return key


class _Bool(Codec[bool]):
    def write(self, out: Writer, value: bool) -> None:
        out.data.append(1 if value else 0)

    def read(self, reader: Reader) -> bool:
        at = reader.skip(1)
        byte = reader.data[at]
        if byte > 1:
            raise Malformed(f"byte {at} is {byte}, and a bool is 0 or 1")
        return byte == 1

    def default(self) -> bool:
        return False


class _Integer(Codec[int]):
    def __init__(self, name: str, code: str) -> None:
        self._name = name
        self.code = code
        self._pack = struct.Struct("<" + code)
        self.least = self._pack.size

    def write(self, out: Writer, value: int) -> None:
        try:
            out.data += self._pack.pack(value)
        except struct.error:
            raise ValueError(f"{value!r} is no {self._name}") from None

    def read(self, reader: Reader) -> int:
        value: int = self._pack.unpack_from(reader.data, reader.skip(self.least))[0]
        return value

    def default(self) -> int:
        return 0


class _Double(Codec[float]):
    least = 8
    code = "d"

    def write(self, out: Writer, value: float) -> None:
        out.data += _F64.pack(value)

    def read(self, reader: Reader) -> float:
        value: float = _F64.unpack_from(reader.data, reader.skip(8))[0]
        return value

    def default(self) -> float:
        return 0.0


class _Single(Codec[float]):
    """NaNs are carried bit by bit, because the processor's conversion would change a signalling one."""

    least = 4

    def write(self, out: Writer, value: float) -> None:
        if value != value:
            wide = _U64.unpack(_F64.pack(value))[0]
            fraction = (wide >> 29) & 0x7F_FFFF
            out.data += _U32.pack((wide >> 32) & 0x8000_0000 | 0x7F80_0000 | (fraction or 0x40_0000))
            return
        try:
            out.data += _F32.pack(value)
        except OverflowError:
            raise ValueError(f"{value!r} is no f32") from None

    def read(self, reader: Reader) -> float:
        at = reader.skip(4)
        value: float = _F32.unpack_from(reader.data, at)[0]
        if value != value:
            bits = _U32.unpack_from(reader.data, at)[0]
            wide = (bits & 0x8000_0000) << 32 | 0x7FF << 52 | (bits & 0x7F_FFFF) << 29
            value = _F64.unpack(_U64.pack(wide))[0]
        return value

    def default(self) -> float:
        return 0.0


class _String(Codec[str]):
    least = 4

    def write(self, out: Writer, value: str) -> None:
        encoded = value.encode()
        out.data += _U32.pack(len(encoded))
        out.data += encoded

    def read(self, reader: Reader) -> str:
        at = reader.at
        try:
            return reader.block().decode()
        except UnicodeDecodeError as error:
            raise Malformed(f"the string at byte {at} is not UTF-8: {error.reason}") from None

    def default(self) -> str:
        return ""


class _Bytes(Codec[bytes]):
    least = 4

    def write(self, out: Writer, value: bytes) -> None:
        out.data += _U32.pack(len(value))
        out.data += value

    def read(self, reader: Reader) -> bytes:
        return reader.block()

    def default(self) -> bytes:
        return b""


class _Path(Codec[str]):
    """A path comes back as `str` with surrogate escapes, as from `os.fsdecode`, whatever bytes it is made of."""

    least = 4

    def write(self, out: Writer, value: PathLike) -> None:
        encoded = os.fsencode(value)
        out.data += _U32.pack(len(encoded))
        out.data += encoded

    def read(self, reader: Reader) -> str:
        return os.fsdecode(reader.block())

    def default(self) -> str:
        return ""

    def order(self, key: PathLike) -> bytes:
        return os.fsencode(key)


class _Timestamp(Codec[Timestamp]):
    least = 12

    def write(self, out: Writer, value: TimestampLike) -> None:
        moment = moments.timestamp(value)
        out.data += _TIMESTAMP.pack(moment.seconds, moment.nanos)

    def read(self, reader: Reader) -> Timestamp:
        at = reader.skip(12)
        seconds, nanos = _TIMESTAMP.unpack_from(reader.data, at)
        if nanos >= 1_000_000_000:
            raise Malformed(f"the timestamp at byte {at} has {nanos} nanoseconds, and a second has a billion")
        return Timestamp(seconds, nanos)

    def default(self) -> Timestamp:
        return Timestamp(0)


class _Duration(Codec[Duration]):
    least = 8

    def write(self, out: Writer, value: DurationLike) -> None:
        out.data += _U64.pack(moments.duration(value).nanos)

    def read(self, reader: Reader) -> Duration:
        at = reader.skip(8)
        nanos: int = _U64.unpack_from(reader.data, at)[0]
        if nanos >> 63:
            raise Malformed(f"the duration at byte {at} is negative")
        return Duration(nanos)

    def default(self) -> Duration:
        return Duration(0)


class FixedBytes(Codec[bytes]):
    """`bytes<N>`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.least = max(1, size)

    def write(self, out: Writer, value: bytes) -> None:
        if len(value) != self._size:
            raise ValueError(f"{len(value)} bytes were given where {self._size} belong")
        out.data += value

    def read(self, reader: Reader) -> bytes:
        at = reader.skip(self._size)
        return reader.data[at : at + self._size]

    def default(self) -> bytes:
        return bytes(self._size)


class Optional(Codec[T | None]):
    """`optional<T>`: None where it is absent."""

    def __init__(self, item: Codec[T]) -> None:
        self._item = item

    def write(self, out: Writer, value: T | None) -> None:
        if value is None:
            out.data.append(0)
        else:
            out.data.append(1)
            self._item.write(out, value)

    def read(self, reader: Reader) -> T | None:
        if not BOOL.read(reader):
            return None
        reader.nest()
        value = self._item.read(reader)
        reader.depth -= 1
        return value

    def default(self) -> T | None:
        return None


class List(Codec[list[T]]):
    """`list<T>`."""

    least = 4

    def __init__(self, item: Codec[T]) -> None:
        self._item = item

    def write(self, out: Writer, value: Sequence[T]) -> None:
        if isinstance(value, str):
            raise TypeError("a list was expected, and a string was given")
        out.data += _U32.pack(len(value))
        for item in value:
            self._item.write(out, item)

    def read(self, reader: Reader) -> list[T]:
        count = reader.count(self._item.least)
        reader.nest()
        read = self._item.read
        items = [read(reader) for _ in range(count)]
        reader.depth -= 1
        return items

    def default(self) -> list[T]:
        return []


class Map(Codec[dict[K, T]]):
    """`map<K, V>`."""

    least = 4

    def __init__(self, key: Codec[K], item: Codec[T]) -> None:
        self._key = key
        self._item = item

    def write(self, out: Writer, value: Mapping[K, T]) -> None:
        out.data += _U32.pack(len(value))
        for key in sorted(value, key=self._key.order):
            self._key.write(out, key)
            self._item.write(out, value[key])

    def read(self, reader: Reader) -> dict[K, T]:
        count = reader.count(self._key.least + self._item.least)
        reader.nest()
        items: dict[K, T] = {}
        for _ in range(count):
            at = reader.at
            key = self._key.read(reader)
            if key in items:
                raise Malformed(f"the key at byte {at} comes twice")
            items[key] = self._item.read(reader)
        reader.depth -= 1
        return items

    def default(self) -> dict[K, T]:
        return {}


class _Buffer(Codec[Buffer]):
    least = 8

    def write(self, out: Writer, value: Buffer) -> None:
        if any(value is other for other in out.moved):
            raise ValueError("one buffer cannot be moved twice in one call")
        out.data += _U64.pack(value._handle())
        out.moved.append(value)

    def read(self, reader: Reader) -> Buffer:
        handle = _U64.unpack_from(reader.data, reader.skip(8))[0]
        if reader.receiver is None:
            raise Malformed(f"there is a buffer at byte {reader.at - 8}, and nobody to own it")
        buffer = reader.receiver.adopt_buffer(handle)
        reader.carried += len(buffer)
        return buffer

    def default(self) -> Buffer:
        raise Malformed("a buffer was left out")


class Interface(Codec[Any]):
    """An object: of the class for plain calls, or of the one for asyncio."""

    least = 8

    def __init__(self, classes: Callable[[], tuple[Any, Any]]) -> None:
        self._classes = classes

    def write(self, out: Writer, value: Any) -> None:
        if not isinstance(value, self._classes()):
            raise TypeError(f"{value!r} is no {self._classes()[0].__name__}")
        out.data += _U64.pack(value._handle())

    def read(self, reader: Reader) -> Any:
        handle = _U64.unpack_from(reader.data, reader.skip(8))[0]
        if reader.receiver is None:
            raise Malformed(f"there is an object at byte {reader.at - 8}, and nobody to own it")
        return self._classes()[1 if reader.receiver.asynchronous else 0]._adopt(reader.receiver, handle)

    def default(self) -> Any:
        raise Malformed("an object was left out")


class Callback(Codec[Any]):
    """An object of the caller, with these methods by their names in Python."""

    least = 8

    def __init__(self, name: str, methods: Callable[[], Mapping[str, Any]]) -> None:
        self.name = name
        self._methods = methods
        self._by_id: Mapping[int, tuple[str, Any]] | None = None

    def method(self, id: int) -> tuple[str, Any] | None:
        """A method's name in Python, and what it takes and gives."""
        if self._by_id is None:
            self._by_id = {method.id: (name, method) for name, method in self._methods().items()}
        return self._by_id.get(id)

    def write(self, out: Writer, value: Any) -> None:
        for name in self._methods():
            if not callable(getattr(value, name, None)):
                raise TypeError(f"{value!r} is no {self.name}: it has no method {name}")
        if out.lender is None:
            raise TypeError(f"a {self.name} can only be an argument of a call")
        lent = Lent(self, value)
        # Noted before it gets its handle, so that an interrupt in between leaves nothing behind.
        out.lent.append(lent)
        out.lender.add(lent)
        out.data += _U64.pack(lent.id)

    def read(self, reader: Reader) -> Any:
        raise Malformed(f"there is a {self.name} at byte {reader.at}, and the library has none to give")

    def default(self) -> Any:
        raise Malformed(f"a {self.name} was left out")


BOOL = _Bool()
U8 = _Integer("u8", "B")
U16 = _Integer("u16", "H")
U32 = _Integer("u32", "I")
U64 = _Integer("u64", "Q")
I8 = _Integer("i8", "b")
I16 = _Integer("i16", "h")
I32 = _Integer("i32", "i")
I64 = _Integer("i64", "q")
F32 = _Single()
F64 = _Double()
STRING = _String()
BYTES = _Bytes()
PATH = _Path()
TIMESTAMP = _Timestamp()
DURATION = _Duration()
BUFFER = _Buffer()


class Field:
    """A field of a record or variant, or an argument."""

    __slots__ = ("codec", "default", "name")

    def __init__(self, name: str, codec: Codec[Any], default: Callable[[], Any] | None = None) -> None:
        self.name = name
        self.codec = codec
        self.default = default or codec.default


class Fields:
    """Fields in the order of the interface; a reader may find fewer, or more, than it knows."""

    __slots__ = ("_fields", "_make")

    def __init__(self, make: Callable[[], Sequence[Field]]) -> None:
        # Made at the first use, because types may name each other in any order.
        self._make = make
        self._fields: Sequence[Field] | None = None

    def all(self) -> Sequence[Field]:
        if self._fields is None:
            self._fields = self._make()
        return self._fields

    def write(self, out: Writer, values: Iterable[Any]) -> None:
        for field, value in zip(self.all(), values, strict=True):
            try:
                field.codec.write(out, value)
            except (TypeError, AttributeError, struct.error) as error:
                raise TypeError(f"{field.name}: {error}") from error
            except (ValueError, OverflowError) as error:
                raise ValueError(f"{field.name}: {error}") from error

    def write_attributes(self, out: Writer, value: Any) -> None:
        self.write(out, [getattr(value, field.name) for field in self.all()])

    def read(self, reader: Reader) -> dict[str, Any]:
        return {
            field.name: field.codec.read(reader) if reader.at < reader.end else field.default() for field in self.all()
        }

    def defaults(self) -> dict[str, Any]:
        return {field.name: field.default() for field in self.all()}


def _write_sized(out: Writer, fields: Fields, value: Any) -> None:
    at = len(out.data)
    out.data += b"\0\0\0\0"
    fields.write_attributes(out, value)
    _U32.pack_into(out.data, at, len(out.data) - at - 4)


def _read_sized(reader: Reader, fields: Fields) -> dict[str, Any]:
    length = reader.u32()
    at = reader.skip(length)
    outer = reader.end
    reader.at, reader.end = at, at + length
    reader.nest()
    values = fields.read(reader)
    reader.depth -= 1
    reader.at, reader.end = at + length, outer
    return values


class Record(Codec[T]):
    """A dataclass."""

    least = 4

    def __init__(self, make: type[T], fields: Callable[[], Sequence[Field]]) -> None:
        self._class = make
        self._make = quiet(make)
        self._fields = Fields(fields)

    def write(self, out: Writer, value: T) -> None:
        if not isinstance(value, self._class):
            raise TypeError(f"{value!r} is no {self._class.__name__}")
        _write_sized(out, self._fields, value)

    def read(self, reader: Reader) -> T:
        return self._make(**_read_sized(reader, self._fields))

    def default(self) -> T:
        return self._make(**self._fields.defaults())


class PlainEnum(Codec[N]):
    """An `enum.Enum`; its members stand in the order of the variants."""

    least = 8

    def __init__(self, make: type[N]) -> None:
        self._make = make
        self._members = tuple(make)
        self._numbers = {member: number for number, member in enumerate(self._members)}

    def write(self, out: Writer, value: N) -> None:
        if not isinstance(value, self._make):
            raise TypeError(f"{value!r} is no {self._make.__name__}")
        out.data += _U32.pack(self._numbers[value]) + b"\0\0\0\0"

    def read(self, reader: Reader) -> N:
        number = reader.u32()
        reader.skip(reader.u32())
        if number >= len(self._members):
            raise Malformed(f"{self._make.__name__} has no variant {number}")
        return self._members[number]

    def default(self) -> N:
        return self._members[0]

    def order(self, key: N) -> int:
        return self._numbers[key]


class TaggedEnum(Codec[T]):
    """A dataclass for each variant."""

    least = 8

    def __init__(self, name: str, variants: Sequence[tuple[type[T], Callable[[], Sequence[Field]]]]) -> None:
        self._name = name
        self._variants = [(quiet(make), Fields(fields)) for make, fields in variants]
        self._numbers: dict[type, int] = {make: number for number, (make, _) in enumerate(variants)}

    def write(self, out: Writer, value: T) -> None:
        number = self._numbers.get(type(value))
        if number is None:
            raise TypeError(f"{value!r} is no {self._name}")
        out.data += _U32.pack(number)
        _write_sized(out, self._variants[number][1], value)

    def read(self, reader: Reader) -> T:
        number = reader.u32()
        if number >= len(self._variants):
            raise Malformed(f"{self._name} has no variant {number}")
        make, fields = self._variants[number]
        return make(**_read_sized(reader, fields))

    def default(self) -> T:
        return self.variant(0)

    def variant(self, number: int) -> T:
        """This variant, with the defaults of its fields."""
        make, fields = self._variants[number]
        return make(**fields.defaults())


class ErrorSet:
    """The variants of an error type: exception classes that take the message and their fields."""

    def __init__(
        self,
        domain: int,
        base: type[Error],
        variants: Sequence[tuple[type[Error], Callable[[], Sequence[Field]]]],
    ) -> None:
        self.domain = domain
        self._base = base
        self._variants: list[tuple[Callable[..., Error], Fields]] = [
            (quiet(make), Fields(fields)) for make, fields in variants
        ]
        self._numbers: dict[type, int] = {make: number for number, (make, _) in enumerate(variants)}

    def write(self, out: Writer, error: BaseException) -> bool:
        """The payload of an ERROR frame, where the exception is one of these."""
        number = next((self._numbers[kind] for kind in type(error).__mro__ if kind in self._numbers), None)
        if number is None:
            return False
        out.data += _U32.pack(self.domain) + _U32.pack(number)
        STRING.write(out, str(error))
        _write_sized(out, self._variants[number][1], error)
        return True

    def read(self, reader: Reader, variant: int, message: str) -> Error:
        if variant >= len(self._variants):
            return self._base(message)
        make, fields = self._variants[variant]
        return make(message, **_read_sized(reader, fields))


def shown(value: object) -> str:
    """A field in an error's text, as the library writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = format(decimal.Decimal(repr(value)), "f") if math.isfinite(value) else str(value).replace("nan", "NaN")
        return text.removesuffix(".0")
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return os.fsencode(str(value)).decode(errors="replace")


def runtime_error(variant: int, message: str) -> bytes:
    """The payload of an ERROR frame of domain 0."""
    out = Writer()
    out.data += _U32.pack(0) + _U32.pack(variant)
    # A text may hold half a character, from a path for instance.
    STRING.write(out, message.encode(errors="replace").decode())
    return bytes(out.data + _U32.pack(0))


def read_error(payload: bytes, throws: ErrorSet | None, receiver: Receiver | None = None) -> Error:
    """The exception of an ERROR frame. Where the frame itself is malformed, that is the exception."""
    reader = Reader(payload, receiver)
    try:
        domain = reader.u32()
        variant = reader.u32()
        message = STRING.read(reader)
        if domain == 0:
            return errors.of_runtime(variant, message)
        if throws is None or throws.domain != domain:
            return errors.UnknownError(message)
        return throws.read(reader, variant, message)
    except Malformed as malformed:
        return malformed
