"""Values of random interfaces go from Python to Rust and back, and have the bytes of an encoder that is neither."""

import json
import os
import pathlib
from typing import Any

import pytest

os.environ["DIFFERENTIAL_LIBRARY"] = os.path.abspath(os.environ["DIFFERENTIAL_LIBRARY"])

import generated

from strongroom._rpc import Method, wire

METHODS = {known.name: known for known in vars(generated).values() if isinstance(known, Method)}
CASES = json.loads(pathlib.Path(os.environ["DIFFERENTIAL_VECTORS"]).read_text())


def by_interface() -> dict[str, list[dict[str, Any]]]:
    """The cases of each interface; a test for each case would spend its time in the test runner."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for case in CASES:
        grouped.setdefault(case["interface"], []).append(case)
    return grouped


@pytest.mark.parametrize(("name", "cases"), by_interface().items(), ids=by_interface().keys())
def test_values_make_the_round_trip(name: str, cases: list[dict[str, Any]]) -> None:
    with getattr(generated, name).open() as object_:
        for case in cases:
            method = METHODS[f"{name}.{case['method']}"]
            payload, canonical = bytes.fromhex(case["wire"]), bytes.fromhex(case.get("reply", case["wire"]))
            value = method.arguments.read(wire.Reader(payload))["value"]
            assert encoded(method, value) == canonical, f"Python writes {case['name']}"
            back = getattr(object_, case["method"])(value)
            assert encoded(method, back) == canonical, f"Rust gives back {case['name']}"
            assert back == value, f"Python reads another value of Rust's bytes: {case['name']}"


def encoded(method: Any, value: Any) -> bytes:
    out = wire.Writer()
    method.arguments.write(out, (value,))
    return bytes(out.data)
