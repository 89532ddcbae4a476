"""What a case prints."""

from collections.abc import Iterable
from typing import NamedTuple


class Figure(NamedTuple):
    metric: str
    value: float
    unit: str


def latencies(nanoseconds: Iterable[int]) -> list[Figure]:
    """The time that half of the requests took at most, and that of all but one in a hundred."""
    times = sorted(nanoseconds)
    return [
        Figure(f"latency_p{percent}_us", times[percent * (len(times) - 1) // 100] / 1e3, "us") for percent in (50, 99)
    ]


def process() -> list[Figure]:
    """How many threads this process has, of which the library ends none while it is open, and its peak memory."""
    with open("/proc/self/status") as status:
        values = dict(line.split(":", 1) for line in status)
    return [
        Figure("os_threads", int(values["Threads"]), "1"),
        Figure("peak_rss_mib", int(values["VmHWM"].split()[0]) / 1024, "MiB"),
    ]
