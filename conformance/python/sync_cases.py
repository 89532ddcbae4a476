"""The table's kinds of case, run through the classes whose methods wait. The function of a kind has its name."""

import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

import raw
import strongroom
import values
from conformance_api import ConformanceEmptyError, ConformanceError, ConformanceRefusedError, Echo
from strongroom._rpc.sync import _Request

Case = dict[str, Any]

VARIANTS: dict[str, type[ConformanceError]] = {"refused": ConformanceRefusedError, "empty": ConformanceEmptyError}


def roundtrip(echo: Echo, case: Case) -> None:
    method = case["method"]
    payload, reply = bytes.fromhex(case["wire"]), bytes.fromhex(case["reply"] if "reply" in case else case["wire"])
    value = values.argument(method, case["value"])
    assert values.comparable(raw.decode(method, payload)) == values.comparable(value)
    assert raw.encode(method, value) == reply
    assert echo.client.call(raw.method(method), echo._handle(), (payload,)) == reply
    assert values.comparable(getattr(echo, method)(value)) == values.comparable(value)


def malformed(echo: Echo, case: Case) -> None:
    payload = bytes.fromhex(case["wire"])
    with pytest.raises(strongroom.Malformed):
        echo.client.call(raw.method(case["method"]), echo._handle(), (payload,))
    with pytest.raises(strongroom.Malformed):
        raw.decode(case["method"], payload)


def error(echo: Echo, case: Case) -> None:
    with pytest.raises(ConformanceError) as caught:
        echo.fail(case["reason"], case["code"])
    check_error(caught.value, case)


def check_error(error: ConformanceError, case: Case) -> None:
    assert type(error) is VARIANTS[case["variant"]]
    assert error.variant == case["variant"]
    assert str(error) == case["message"]
    if isinstance(error, ConformanceRefusedError):
        assert (error.reason, error.code) == (case["reason"], case["code"])


def panic(echo: Echo, case: Case) -> None:
    with pytest.raises(strongroom.PanicError) as caught:
        echo.crash(case["message"])
    assert str(caught.value) == case["message"]
    echo.nothing()


def cancel(echo: Echo, case: Case) -> None:
    started = time.monotonic()
    request = _Request()
    echo.client._send(request, _sleep(), echo._handle(), (case["milliseconds"],), None)
    time.sleep(case["after"] / 1000)
    echo.client._cancel(request)
    assert request.over
    assert time.monotonic() - started < case["milliseconds"] / 1000 / 2
    echo.nothing()


def _sleep() -> Any:
    from conformance_api import generated

    return generated._M_ECHO_SLEEP


def deadline(echo: Echo, case: Case) -> None:
    with pytest.raises(strongroom.DeadlineExceeded):
        echo.sleep(case["milliseconds"], timeout=case["deadline"] / 1000)
    with pytest.raises(TimeoutError):
        echo.sleep(case["milliseconds"], timeout=case["deadline"] / 1000)


def stream(echo: Echo, case: Case) -> None:
    with echo.count(case["count"], case["fail"]) as numbers:
        if case["take"] <= case["count"]:
            assert list(itertools.islice(numbers, case["take"])) == list(range(case["take"]))
            return
        taken = []
        try:
            for number in numbers:
                taken.append(number)
        except ConformanceEmptyError:
            assert case["fail"]
        else:
            assert not case["fail"]
        assert taken == list(range(case["count"]))
        assert next(numbers, None) is None


def blocks(echo: Echo, case: Case) -> None:
    count = 0
    with echo.blocks(case["count"], case["size"]) as found:
        for block in found:
            with block, block.view() as view:
                assert view == bytes([count % 251]) * case["size"]
            count += 1
    assert count == case["count"]


def credit(echo: Echo, case: Case) -> None:
    before = echo.produced()
    with echo.count(case["count"], False) as numbers:
        assert list(itertools.islice(numbers, case["take"])) == list(range(case["take"]))
        time.sleep(case["wait"] / 1000)
        assert case["take"] <= echo.produced() - before <= case["bound"]
    echo.nothing()


def filled(echo: Echo, data: bytes) -> strongroom.Buffer:
    buffer = echo.client.alloc(len(data))
    with buffer.view() as view:
        view[:] = data
    return buffer


def sum(echo: Echo, case: Case) -> None:
    buffer = filled(echo, bytes.fromhex(case["data"]))
    assert echo.sum(buffer) == int(case["sum"])
    assert buffer.closed


def invert(echo: Echo, case: Case) -> None:
    with echo.invert(filled(echo, bytes.fromhex(case["data"]))) as buffer, buffer.view() as view:
        assert view == bytes.fromhex(case["result"])


def closed_object(echo: Echo, case: Case) -> None:
    child = echo.child("child")
    handle = child._handle()
    child.close()
    with pytest.raises(strongroom.HandleClosed):
        child.nothing()
    with pytest.raises(strongroom.HandleClosed):
        # The library knows it too.
        echo.client.call(raw.method("nothing"), handle, (b"",))


def closed_buffer(echo: Echo, case: Case) -> None:
    buffer = filled(echo, b"data")
    handle = buffer._handle()
    buffer.close()
    with pytest.raises(strongroom.HandleClosed):
        echo.sum(buffer)
    with pytest.raises(strongroom.HandleClosed):
        echo.client.call(raw.method("sum"), echo._handle(), (handle.to_bytes(8, "little"),))


def view_lease(echo: Echo, case: Case) -> None:
    buffer = filled(echo, b"\1\2\3")
    handle = buffer._handle()
    with buffer.view() as view:
        with pytest.raises(BufferError):
            echo.sum(buffer)
        with pytest.raises(BufferError):
            buffer.close()
        with pytest.raises(BufferError):
            buffer.shrink(1)
        with pytest.raises(strongroom.BufferBusy):
            # The library knows it too.
            echo.client.call(raw.method("sum"), echo._handle(), (handle.to_bytes(8, "little"),))
        assert view.tolist() == [1, 2, 3]
    assert echo.sum(buffer) == 6


def emit(echo: Echo, case: Case) -> None:
    steps: list[int] = []
    assert echo.ticks(case["steps"], on_tick=lambda tick: steps.append(tick.step)) == case["steps"]
    check_ticks(steps, case)


def check_ticks(steps: list[int], case: Case) -> None:
    assert steps == sorted(set(steps))
    assert all(0 <= step < case["steps"] for step in steps)
    assert bool(steps) == bool(case["steps"])


def concurrent(echo: Echo, case: Case) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(echo.sleep(case["milliseconds"]))) for _ in range(case["calls"])
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == case["calls"]
    assert max(found) > case["calls"] / 10
    assert time.monotonic() - started < case["calls"] * case["milliseconds"] / 1000 / 4


class Ear:
    """The listener of conformance.idl. `heard` counts; what the text asks for goes wrong."""

    def __init__(self) -> None:
        self.count = 0

    def heard(self, text: str) -> int:
        self.count += 1
        if text == "fail":
            raise ConformanceRefusedError(reason=text, code=len(text))
        if text == "crash":
            raise RuntimeError("the listener crashed")
        return len(text.encode())

    def took(self, data: strongroom.Buffer) -> strongroom.Buffer:
        with data.view() as view:
            view[:] = bytes(byte ^ 0xFF for byte in view)
        return data


def check_failure(error: strongroom.Error, case: Case) -> None:
    if "runtime" in case:
        assert type(error) is {"callback": strongroom.CallbackFailed}[case["runtime"]]
        assert str(error) == "the callback failed: RuntimeError: the listener crashed"
        return
    assert isinstance(error, ConformanceError)
    assert type(error) is VARIANTS[case["variant"]]
    assert "message" not in case or str(error) == case["message"]


def total(echo: Echo, case: Case) -> None:
    if "result" in case:
        assert echo.total(case["limit"], case["numbers"]) == int(case["result"])
        return
    with pytest.raises(strongroom.Error) as caught:
        echo.total(case["limit"], iter(case["numbers"]))
    check_failure(caught.value, case)


def counted(count: int, taken: list[int]) -> Iterator[int]:
    for number in range(1, count + 1):
        taken.append(number)
        yield number


def total_credit(echo: Echo, case: Case) -> None:
    taken: list[int] = []
    with echo.double(counted(case["count"], taken)):
        time.sleep(0.2)
        assert 0 < len(taken) <= case["bound"]
    echo.nothing()


def double(echo: Echo, case: Case) -> None:
    found: list[int] = []
    try:
        for number in echo.double(case["numbers"]):
            found.append(number)
    except strongroom.Error as error:
        check_failure(error, case)
    else:
        assert "variant" not in case
    assert found == [int(number) for number in case["result"]]


def total_bytes(echo: Echo, case: Case) -> None:
    parts: list[strongroom.Buffer] = []

    def source() -> Iterable[strongroom.Buffer]:
        for part in case["parts"]:
            parts.append(filled(echo, bytes.fromhex(part)))
            yield parts[-1]

    assert echo.total_bytes(source()) == int(case["result"])
    assert all(part.closed for part in parts)


def ask(echo: Echo, case: Case) -> None:
    ear = Ear()
    if "result" in case:
        assert echo.ask(ear, case["texts"]) == case["result"]
        assert ear.count == len(case["texts"])
    else:
        with pytest.raises(strongroom.Error) as caught:
            echo.ask(ear, case["texts"])
        check_failure(caught.value, case)
        assert ear.count == case["heard"]
    check_released(echo)


def check_released(echo: Echo) -> None:
    until = time.monotonic() + 5
    while echo.client.runtime.callbacks.count() and time.monotonic() < until:
        time.sleep(0.001)
    assert echo.client.runtime.callbacks.count() == 0


def _pass(echo: Echo, case: Case) -> None:
    buffer = filled(echo, bytes.fromhex(case["data"]))
    with echo.pass_(Ear(), buffer) as passed, passed.view() as view:
        assert buffer.closed
        assert view == bytes.fromhex(case["result"])
    check_released(echo)


def keep(echo: Echo, case: Case) -> None:
    ear = Ear()
    echo.keep(ear)
    assert [echo.recall(text) for text in case["texts"]] == case["result"]
    assert ear.count == len(case["texts"])
    assert echo.client.runtime.callbacks.count() == 1
    echo.forget()
    check_released(echo)


def recall_nothing(echo: Echo, case: Case) -> None:
    echo.forget()
    with pytest.raises(strongroom.Error) as caught:
        echo.recall("anything")
    check_failure(caught.value, case)


vars()["pass"] = _pass
