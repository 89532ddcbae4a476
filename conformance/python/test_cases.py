"""Runs the tables that all languages share, each case twice: through calls that wait, and through asyncio.

conformance/cases.json is written by hand, and idlc writes conformance/vectors.json. No case of either is left out.
"""

import asyncio
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

import aio_cases
import conformance_api
import sync_cases
from strongroom import Runtime

_TABLES: dict[str, list[dict[str, Any]]] = {
    name: json.loads((pathlib.Path(__file__).absolute().parent.parent / name).read_text(encoding="utf-8"))
    for name in ("cases.json", "vectors.json")
}
_CASES = [case for table in _TABLES.values() for case in table]
_NAMES = [case["name"] for case in _CASES]


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime() as made:
        yield made


def _given_back(runtime: Runtime) -> None:
    counts = runtime.statistics()
    assert (counts.in_flight, counts.buffers, counts.buffer_bytes, counts.objects) == (0, 0, 0, 0)


@pytest.mark.parametrize("case", _CASES, ids=_NAMES)
def test_sync(runtime: Runtime, case: dict[str, Any]) -> None:
    run = getattr(sync_cases, case["kind"])
    with conformance_api.Echo.open("table", runtime=runtime) as echo:
        run(echo, case)
    _given_back(runtime)


@pytest.mark.parametrize("case", _CASES, ids=_NAMES)
def test_asyncio(runtime: Runtime, case: dict[str, Any]) -> None:
    run = getattr(aio_cases, case["kind"])

    async def main() -> None:
        async with await conformance_api.AsyncEcho.open("table", runtime=runtime) as echo:
            await run(echo, case)

    asyncio.run(main())
    _given_back(runtime)


def test_all_kinds_are_run() -> None:
    """Both fronts run every kind of the table, and know none that the table has not."""
    assert all(_TABLES.values())
    kinds = {case["kind"] for case in _CASES}
    for cases in (sync_cases, aio_cases):
        known = {name for name, value in vars(cases).items() if getattr(value, "__module__", "") == cases.__name__}
        helpers = {"AsyncEar", "Ear", "counted", "filled"}
        assert {name for name in known if name[0] != "_" and not name.startswith("check_")} - helpers == kinds
