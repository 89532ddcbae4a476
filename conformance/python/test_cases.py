"""Runs the tables that all languages share, each case twice: through calls that wait, and through asyncio.

conformance/cases.json is written by hand, and idlc writes conformance/vectors.json. Left out are the rows for what
Python does not have by nature.
"""

import asyncio
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

import aio_cases
import conformance_api
import rows
import sync_cases
from strongroom import Runtime

_FOLDER = pathlib.Path(__file__).absolute().parent.parent


def _read(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    return rows


_TABLES = {name: _read(name) for name in ("cases.json", "vectors.json")}
_PLAN = rows.plan([case for table in _TABLES.values() for case in table], _read("gaps.json"), "python")
_CASES = [pytest.param(case, id=case["name"]) for case in _PLAN.run] + [
    pytest.param(case, id=case["name"], marks=pytest.mark.xfail(strict=True, reason="a known gap, in gaps.json"))
    for case in _PLAN.gaps
]


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime() as made:
        yield made


def _given_back(runtime: Runtime) -> None:
    counts = runtime.statistics()
    assert (counts.in_flight, counts.buffers, counts.buffer_bytes, counts.objects) == (0, 0, 0, 0)


@pytest.mark.parametrize("case", _CASES)
def test_sync(runtime: Runtime, case: dict[str, Any]) -> None:
    run = getattr(sync_cases, case["kind"])
    with conformance_api.Echo.open("table", runtime=runtime) as echo:
        run(echo, case)
    _given_back(runtime)


@pytest.mark.parametrize("case", _CASES)
def test_asyncio(runtime: Runtime, case: dict[str, Any]) -> None:
    run = getattr(aio_cases, case["kind"])

    async def main() -> None:
        async with await conformance_api.AsyncEcho.open("table", runtime=runtime) as echo:
            await run(echo, case)

    asyncio.run(main())
    _given_back(runtime)


def test_all_kinds_are_run() -> None:
    """Both fronts run every kind of the table that is for Python, and know none that the table has not."""
    assert all(_TABLES.values())
    kinds = {case["kind"] for case in (*_PLAN.run, *_PLAN.gaps)}
    print(f"ran {len(_PLAN.run)} rows, {len(_PLAN.gaps)} known gaps, skipped {_PLAN.skipped} of other languages")
    for cases in (sync_cases, aio_cases):
        known = {name for name, value in vars(cases).items() if getattr(value, "__module__", "") == cases.__name__}
        helpers = {"AsyncEar", "Ear", "counted", "filled"}
        assert {name for name in known if name[0] != "_" and not name.startswith("check_")} - helpers == kinds


def test_the_plan_refuses_what_is_not_there() -> None:
    table: list[dict[str, Any]] = [
        {"name": "a"},
        {"name": "b", "languages": ["c", "python"]},
        {"name": "c", "languages": ["go"]},
    ]
    made = rows.plan(table, [], "python")
    assert (len(made.run), len(made.gaps), made.skipped) == (2, 0, 1)
    made = rows.plan(table, [{"row": "b", "language": "python", "why": "?"}], "python")
    assert (len(made.run), len(made.gaps), made.skipped) == (1, 1, 1)
    wrong: list[tuple[str, list[dict[str, Any]], list[dict[str, str]]]] = [
        ("there is no runner of 'cobol'", [{"name": "a", "languages": ["cobol"]}], []),
        ("there is no runner of 'basic'", table, [{"row": "a", "language": "basic", "why": "?"}]),
        ("two rows have the name 'a'", [{"name": "a"}, {"name": "a"}], []),
        ("the gap 'd' names no row", table, [{"row": "d", "language": "go", "why": "?"}]),
        ("the gap 'a' does not say why", table, [{"row": "a", "language": "go"}]),
        ("the gap 'c' is of a row that is not for python", table, [{"row": "c", "language": "python", "why": "?"}]),
    ]
    for why, cases, gaps in wrong:
        with pytest.raises(ValueError, match=why):
            rows.plan(cases, gaps, "python")
