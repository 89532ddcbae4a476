"""`Timestamp` and `Duration`: exact, ordered, and at home with datetime."""

import datetime
import pickle
from datetime import UTC, timedelta
from typing import Any

import pytest

from strongroom import Duration, Timestamp
from strongroom._rpc import wire

_LAST = (1 << 63) - 1


@pytest.mark.parametrize(
    ("moment", "seconds", "nanos"),
    [
        (datetime.datetime(1970, 1, 1, tzinfo=UTC), 0, 0),
        (datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1, 999_999_000),
        (
            datetime.datetime(2023, 11, 14, 23, 13, 20, 5, tzinfo=datetime.timezone(timedelta(hours=1))),
            1_700_000_000,
            5000,
        ),
        (datetime.datetime.max.replace(tzinfo=UTC), 253_402_300_799, 999_999_000),
        (datetime.datetime.min.replace(tzinfo=UTC), -62_135_596_800, 0),
    ],
)
def test_datetimes(moment: datetime.datetime, seconds: int, nanos: int) -> None:
    made = Timestamp.from_datetime(moment)
    assert made == Timestamp(seconds, nanos)
    assert made.to_datetime() == moment
    assert made.to_datetime().tzinfo is UTC
    assert Timestamp(seconds, nanos + 999).to_datetime() == moment


def test_moments_that_are_none() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Timestamp.from_datetime(datetime.datetime(2020, 1, 1))
    for seconds in (253_402_300_800, -62_135_596_801, _LAST, -_LAST - 1):
        with pytest.raises(OverflowError, match="years 1 to 9999"):
            Timestamp(seconds).to_datetime()
    for wrong in ((0, -1), (0, 1_000_000_000), (_LAST + 1, 0), (-_LAST - 2, 0)):
        with pytest.raises(ValueError):
            Timestamp(*wrong)
    floating: Any = 1.5
    with pytest.raises(TypeError, match="whole number"):
        Timestamp(floating)


def test_order_hash_and_repr() -> None:
    moments = [Timestamp(-1, 999_999_999), Timestamp(0), Timestamp(0, 1), Timestamp(1)]
    assert sorted(set(moments)) == moments
    assert len({*moments, Timestamp(0)}) == 4
    assert eval(repr(moments[0])) == moments[0]
    assert pickle.loads(pickle.dumps(moments)) == moments
    lengths = [Duration(0), Duration(1), Duration(_LAST)]
    assert sorted(set(lengths)) == lengths
    assert eval(repr(lengths[2])) == lengths[2]
    assert hash(Duration(7)) == hash(Duration(7))
    assert not Duration()
    assert Timestamp.now() > Timestamp.from_datetime(datetime.datetime(2024, 1, 1, tzinfo=UTC))


def test_lengths() -> None:
    assert Duration.from_timedelta(timedelta(days=1, microseconds=1)) == Duration(86_400_000_001_000)
    assert Duration(1999).to_timedelta() == timedelta(microseconds=1)
    # A float of seconds would lose these microseconds.
    long = timedelta(days=106_751, microseconds=1)
    assert Duration.from_timedelta(long).to_timedelta() == long
    assert Duration(1_500_000_000).total_seconds() == 1.5
    for wrong in (-1, _LAST + 1):
        with pytest.raises(ValueError):
            Duration(wrong)
    with pytest.raises(ValueError, match="never negative"):
        Duration.from_timedelta(timedelta(microseconds=-1))


def test_arithmetic() -> None:
    assert Duration(5) + Duration(3) == Duration(8)
    assert Duration(5_000) - timedelta(microseconds=3) == Duration(2_000)
    assert timedelta(microseconds=1) + Duration(1) == Duration(1001)
    assert 2 * Duration(5) // 3 == Duration(3)
    assert (Duration(7) // Duration(2), Duration(7) % Duration(2), Duration(7) / Duration(2)) == (3, Duration(1), 3.5)
    assert Timestamp(0) + Duration(1_000_000_001) == Timestamp(1, 1)
    assert Timestamp(0) - Duration(1) == Timestamp(-1, 999_999_999)
    assert Timestamp(1, 1) - Timestamp(-1, 999_999_999) == Duration(1_000_000_002)
    assert Timestamp(0) + timedelta(days=-1) == Timestamp(-86_400)
    with pytest.raises(ValueError, match="is later than"):
        Timestamp(0) - Timestamp(1)
    with pytest.raises(ValueError, match="never negative"):
        Duration(1) - Duration(2)
    one: Any = 1
    for value in (Duration(1), Timestamp(1)):
        with pytest.raises(TypeError):
            value + one
        with pytest.raises(TypeError):
            value - one
        with pytest.raises(TypeError):
            assert value < one


def test_datetime_is_an_argument_too() -> None:
    for given, meant in (
        (datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), Timestamp(1)),
        (Timestamp(-5, 7), Timestamp(-5, 7)),
    ):
        out = wire.Writer()
        wire.TIMESTAMP.write(out, given)
        assert wire.TIMESTAMP.read(wire.Reader(bytes(out.data))) == meant
    for length, means in ((timedelta(seconds=1), Duration(1_000_000_000)), (Duration(_LAST), Duration(_LAST))):
        out = wire.Writer()
        wire.DURATION.write(out, length)
        assert wire.DURATION.read(wire.Reader(bytes(out.data))) == means
    wrong: Any = 12.5
    with pytest.raises(TypeError, match="no moment"):
        wire.TIMESTAMP.write(wire.Writer(), wrong)
    with pytest.raises(TypeError, match="no length of time"):
        wire.DURATION.write(wire.Writer(), wrong)
