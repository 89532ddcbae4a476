"""Runs one case of the crossing's benchmark in a process of its own, and prints its figures as lines of JSON."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable

import figures
import immediate
import load
import uvloop


def _buffers(requests: int) -> list[figures.Figure]:
    # It takes numpy in, which would count in the memory of the other cases.
    import buffers

    return buffers.there_and_back(requests, 1 << 20)


_CASES: dict[str, Callable[[int, int], list[figures.Figure]]] = {
    "asyncio/echo": lambda in_flight, requests: asyncio.run(load.library(in_flight, requests)),
    "uvloop/echo": lambda in_flight, requests: uvloop.run(load.library(in_flight, requests)),
    "call_soon_threadsafe/echo": lambda in_flight, requests: asyncio.run(load.called_back(in_flight, requests)),
    "pyo3/delete": lambda in_flight, requests: asyncio.run(load.object_store(in_flight, requests)),
    "python/immediate": lambda _, requests: immediate.method(requests),
    "ctypes/immediate": lambda _, requests: immediate.getter(requests),
    "python/buffer": lambda _, requests: _buffers(requests),
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", required=True)
    parser.add_argument("--requests", type=int, default=1000)
    arguments = parser.parse_args()
    group, _, last = arguments.case.rpartition("/")
    run = _CASES.get(arguments.case) or _CASES.get(group)
    if run is None:
        print(f"there is no case {arguments.case}", file=sys.stderr)
        return 1
    for figure in run(int(last) if last.isdigit() else 0, arguments.requests) + figures.process():
        print(json.dumps(figure._asdict()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
