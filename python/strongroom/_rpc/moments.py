"""`Timestamp` and `Duration`: the interface's own types, exact to the nanosecond, which `datetime` is not."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from typing import Self, TypeAlias, overload

_SECOND = 1_000_000_000
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# A second count of 64 bits with a sign, and a count of nanoseconds that has none of its negative half.
_LAST = (1 << 63) - 1


def _whole(value: object, what: str) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{what} are a whole number, not {value!r}")


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment: seconds since the beginning of 1970 in UTC, and the nanoseconds after that second."""

    seconds: int
    nanos: int = 0

    def __post_init__(self) -> None:
        _whole(self.seconds, "the seconds of a timestamp")
        _whole(self.nanos, "the nanoseconds of a timestamp")
        if not -_LAST - 1 <= self.seconds <= _LAST:
            raise ValueError(f"{self.seconds} seconds do not fit into a timestamp, whose seconds have 64 bits")
        if not 0 <= self.nanos < _SECOND:
            raise ValueError(f"a timestamp has 0 to {_SECOND - 1} nanoseconds after its second, not {self.nanos}")

    @classmethod
    def now(cls) -> Self:
        """This moment, by the system's clock."""
        return cls(*divmod(time.time_ns(), _SECOND))

    @classmethod
    def from_datetime(cls, moment: datetime.datetime) -> Self:
        """The same moment. Raises ValueError where the datetime does not know its time zone."""
        if moment.utcoffset() is None:
            raise ValueError(f"{moment!r} has no time zone and names no moment; give it one: tzinfo=datetime.UTC")
        since = moment - _EPOCH
        return cls(since.days * 86_400 + since.seconds, since.microseconds * 1000)

    def to_datetime(self) -> datetime.datetime:
        """The same moment in UTC, rounded down to the microsecond. Raises OverflowError outside the years 1 to 9999."""
        try:
            return _EPOCH + datetime.timedelta(seconds=self.seconds, microseconds=self.nanos // 1000)
        except OverflowError:
            raise OverflowError(f"{self!r} is outside the years 1 to 9999 that a datetime can name") from None

    def __add__(self, other: DurationLike) -> Timestamp:
        if not isinstance(other, Duration | datetime.timedelta):
            return NotImplemented
        return _timestamp(_nanos(self) + _length(other))

    __radd__ = __add__

    @overload
    def __sub__(self, other: Timestamp) -> Duration: ...
    @overload
    def __sub__(self, other: DurationLike) -> Timestamp: ...
    def __sub__(self, other: Timestamp | DurationLike) -> Duration | Timestamp:
        if isinstance(other, Timestamp):
            if other > self:
                raise ValueError(f"{other!r} is later than {self!r}, and a duration is never negative")
            return Duration(_nanos(self) - _nanos(other))
        if not isinstance(other, Duration | datetime.timedelta):
            return NotImplemented
        return _timestamp(_nanos(self) - _length(other))


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in nanoseconds: never negative, and 292 years at most."""

    nanos: int = 0

    def __post_init__(self) -> None:
        _whole(self.nanos, "the nanoseconds of a duration")
        if self.nanos < 0:
            raise ValueError(f"a duration is never negative, and {self.nanos} nanoseconds are")
        if self.nanos > _LAST:
            raise ValueError(f"{self.nanos} nanoseconds do not fit into a duration, which ends after 292 years")

    @classmethod
    def from_timedelta(cls, length: datetime.timedelta) -> Self:
        """The same length. Raises ValueError where it is negative."""
        return cls(_length(length))

    def to_timedelta(self) -> datetime.timedelta:
        """The same length, rounded down to the microsecond."""
        return datetime.timedelta(microseconds=self.nanos // 1000)

    def total_seconds(self) -> float:
        """The length in seconds, as `timedelta.total_seconds` gives it, and as every `timeout` takes it."""
        return self.nanos / _SECOND

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __add__(self, other: DurationLike) -> Duration:
        if not isinstance(other, Duration | datetime.timedelta):
            return NotImplemented
        return Duration(self.nanos + _length(other))

    __radd__ = __add__

    def __sub__(self, other: DurationLike) -> Duration:
        if not isinstance(other, Duration | datetime.timedelta):
            return NotImplemented
        return Duration(self.nanos - _length(other))

    def __mul__(self, times: int) -> Duration:
        if not isinstance(times, int):
            return NotImplemented
        return Duration(self.nanos * times)

    __rmul__ = __mul__

    @overload
    def __floordiv__(self, other: Duration) -> int: ...
    @overload
    def __floordiv__(self, other: int) -> Duration: ...
    def __floordiv__(self, other: Duration | int) -> int | Duration:
        if isinstance(other, Duration):
            return self.nanos // other.nanos
        if not isinstance(other, int):
            return NotImplemented
        return Duration(self.nanos // other)

    def __truediv__(self, other: Duration) -> float:
        if not isinstance(other, Duration):
            return NotImplemented
        return self.nanos / other.nanos

    def __mod__(self, other: Duration) -> Duration:
        if not isinstance(other, Duration):
            return NotImplemented
        return Duration(self.nanos % other.nanos)


# What an argument may be where the interface says `timestamp` or `duration`.
TimestampLike: TypeAlias = Timestamp | datetime.datetime
DurationLike: TypeAlias = Duration | datetime.timedelta


def _nanos(moment: Timestamp) -> int:
    return moment.seconds * _SECOND + moment.nanos


def _timestamp(nanos: int) -> Timestamp:
    return Timestamp(*divmod(nanos, _SECOND))


def _length(length: DurationLike) -> int:
    if isinstance(length, Duration):
        return length.nanos
    # In whole numbers, because seconds as a float lose microseconds after 285 years.
    return ((length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds) * 1000


def timestamp(value: object) -> Timestamp:
    """What an argument that is a moment means."""
    if isinstance(value, Timestamp):
        return value
    if isinstance(value, datetime.datetime):
        return Timestamp.from_datetime(value)
    raise TypeError(f"{value!r} is no moment; give a Timestamp, or a datetime with a time zone")


def duration(value: object) -> Duration:
    """What an argument that is a length of time means."""
    if isinstance(value, Duration):
        return value
    if isinstance(value, datetime.timedelta):
        return Duration.from_timedelta(value)
    raise TypeError(f"{value!r} is no length of time; give a Duration or a timedelta")
