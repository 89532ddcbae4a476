"""The table's kinds of case, run through the classes whose methods wait. The function of a kind has its name."""

import gc
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

import conformance_api
import crossing
import raw
import strongroom
import values
from conformance_api import ConformanceEmptyError, ConformanceError, ConformanceRefusedError, Echo, generated
from strongroom._rpc import frames, methods
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
    echo.client._send(request, generated._M_ECHO_SLEEP, echo._handle(), (case["milliseconds"],), None)
    time.sleep(case["after"] / 1000)
    echo.client._cancel(request)
    assert request.over
    assert time.monotonic() - started < case["milliseconds"] / 1000 / 2
    echo.nothing()


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


def trace(echo: Echo, case: Case) -> None:
    wanted = bytes.fromhex(case["trace"] + case["span"])
    with crossing.traced(echo.client.runtime, case):
        assert echo.trace() == wanted
    assert echo.trace() == bytes(24)


def log(echo: Echo, case: Case) -> None:
    with crossing.lines() as lines, crossing.traced(echo.client.runtime, case):
        echo.log(case["message"])
        crossing.eventually(lambda: bool(lines.told))
        assert lines.told == [crossing.line(case)]


def _sleepers(echo: Echo, count: int) -> Callable[[], list[BaseException]]:
    """Calls that do not end by themselves; the answer cancels them, and gives what they ended with."""
    requests = [_Request() for _ in range(count)]
    for request in requests:
        echo.client._send(request, generated._M_ECHO_SLEEP, echo._handle(), (crossing.FOR_EVER,), None)

    def stop() -> list[BaseException]:
        for request in requests:
            echo.client._submit(frames.cancel(0, request.id))
        ends: list[BaseException] = []
        for request in requests:
            with pytest.raises(strongroom.Error) as caught:
                last = echo.client._wait_for_last(request, generated._M_ECHO_SLEEP, None)
                methods.answer(echo.client.native, echo.client, generated._M_ECHO_SLEEP, last)
            ends.append(caught.value)
        return ends

    return stop


def statistics(echo: Echo, case: Case) -> None:
    client, runtime = echo.client, echo.client.runtime
    before = runtime.statistics()
    assert (before.in_flight, before.buffers, before.buffer_bytes, before.objects) == (0, 0, 0, 1)
    assert before.threads > 0
    for _ in range(case["calls"]):
        echo.nothing()
    requests = before.requests + case["calls"]
    assert runtime.statistics().requests == requests
    buffers = [client.try_alloc(size) for size in case["sizes"]]
    held = runtime.statistics()
    assert held.buffers == len(buffers)
    assert held.buffer_bytes >= crossing.added(case["sizes"])
    children = [echo.child("child") for _ in range(case["children"])]
    stop = _sleepers(echo, case["sleeping"])
    requests += case["children"] + case["sleeping"]
    counts = runtime.statistics()
    assert (counts.requests, counts.in_flight, counts.objects) == (requests, case["sleeping"], 1 + len(children))
    assert {type(end) for end in stop()} == {strongroom.RequestCancelled}
    for child in children:
        child.close()
    for held_one in buffers:
        held_one.close()
    after = runtime.statistics()
    assert (after.in_flight, after.buffers, after.buffer_bytes, after.objects) == (0, 0, 0, 1)
    assert (after.requests, after.stray) == (requests, before.stray)


def buffer(echo: Echo, case: Case) -> None:
    steps = crossing.Steps(filled(echo, bytes.fromhex(case["data"])))
    handle = steps.buffer._handle()
    for step in case["script"]:
        with crossing.failing(step):
            if step["do"] == "move":
                assert echo.sum(steps.buffer) == int(step.get("sum", -1))
            else:
                steps.do(step)
        if step.get("fails") in crossing.REFUSED and step["do"] == "move":
            # The library knows it too.
            with pytest.raises(crossing.REFUSED[step["fails"]]):
                echo.client.call(raw.method("sum"), echo._handle(), (handle.to_bytes(8, "little"),))


def memory(echo: Echo, case: Case) -> None:
    with conformance_api.new_runtime(buffer_memory=case["limit"]) as runtime:
        client = runtime.sync()
        held, request = client.try_alloc(case["held"]), _Request()
        timeout = case["milliseconds"] / 1000 if case["then"] == "deadline" else None
        client._send(request, methods.ALLOC, 0, (case["asked"],), timeout)
        if case["then"] in ("freed", "cancelled"):
            time.sleep(0.02)
            assert crossing.counted(runtime) == (1, 1, 0)
            assert not request.over
        if case["then"] == "freed":
            held.close()
        elif case["then"] == "cancelled":
            client._submit(frames.cancel(0, request.id))
        last = client._wait_for_last(request, methods.ALLOC, None)
        with crossing.ending(case), methods.answer(client.native, client, methods.ALLOC, last) as given:
            assert len(given) == case["asked"]
        held.close()
        # Who gave up stands in nobody's way.
        client.alloc(case["limit"]).close()
        assert crossing.counted(runtime) == (0, 0, 0)


def memory_stream(echo: Echo, case: Case) -> None:
    with conformance_api.new_runtime(buffer_memory=case["limit"]) as runtime, Echo.open("own", runtime=runtime) as own:
        held = runtime.sync().try_alloc(case["limit"])
        stream = own.blocks(case["count"], case["size"])
        time.sleep(case["wait"] / 1000)
        assert own.produced() == 0
        held.close()
        sizes: list[int] = []
        for block in stream:
            sizes.append(len(block))
            block.close()
        assert sizes == [case["size"]] * case["count"]


def won(echo: Echo, case: Case) -> None:
    # Here an exception cancels, and takes the place of the result: so what the library answers is looked at.
    client, request, method = echo.client, _Request(), generated._M_ECHO_COMMIT
    client._send(request, method, echo._handle(), (), None)

    def cancel(tick: conformance_api.Tick) -> None:
        client._submit(frames.cancel(0, request.id))

    last = client._wait_for_last(request, method, cancel)
    assert methods.answer(client.native, client, method, last) == case["result"]


def forged(echo: Echo, case: Case) -> None:
    client, runtime = echo.client, echo.client.runtime
    strays, stray = client._requests.strays, runtime.statistics().stray
    assert echo.forge(*crossing.forged(case))
    strays += case["to"] == "caller"
    crossing.eventually(lambda: client._requests.strays == strays)
    echo.nothing()
    assert client._requests.strays == strays
    assert runtime.statistics().stray == stray + (case["to"] == "library")
    crossing.eventually(lambda: crossing.counted(runtime) == (0, 0, 1))


def close_in_flight(echo: Echo, case: Case) -> None:
    client, request, method = echo.client, _Request(), generated._M_ECHO_COMMIT
    child = echo.child("child")
    child.keep(Ear())
    client._send(request, method, child._handle(), (), None)
    handle = child._handle()

    def close(tick: conformance_api.Tick) -> None:
        child.close()
        with pytest.raises(strongroom.HandleClosed):
            child.nothing()
        with pytest.raises(strongroom.HandleClosed):
            # The library knows it too.
            client.call(raw.method("nothing"), handle, (b"",))
        assert client.runtime.callbacks.count() == 1
        client._submit(frames.cancel(0, request.id))

    last = client._wait_for_last(request, method, close)
    assert methods.answer(client.native, client, method, last) == case["result"]
    check_released(echo)


def full(echo: Echo, case: Case) -> None:
    with conformance_api.new_runtime() as runtime, Echo.open("own", runtime=runtime) as own:
        client, requests = runtime.sync(), [_Request() for _ in range(case["requests"])]
        before = runtime.statistics().requests
        for request in requests:
            client._send(request, generated._M_ECHO_SLEEP, own._handle(), (crossing.FOR_EVER,), None)
        done: list[int] = []

        def wait() -> None:
            own.nothing()
            done.append(1)

        threads = [threading.Thread(target=wait) for _ in range(case["waiting"])]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        counts = runtime.statistics()
        assert (counts.requests - before, counts.in_flight) == (case["requests"], case["requests"])
        assert not done
        # Frames of requests in flight are taken, and what is polled makes room.
        for request in requests[: case["waiting"]]:
            client._submit(frames.cancel(0, request.id))
        for thread in threads:
            thread.join(crossing.PATIENCE)
        assert len(done) == case["waiting"]


def shutdown(echo: Echo, case: Case) -> None:
    runtime = conformance_api.new_runtime()
    own = Echo.open("shutdown", runtime=runtime)
    own.keep(Ear())
    buffers = [filled(own, b"held") for _ in range(case["buffers"])]
    children = [own.child("child") for _ in range(case["children"])]
    ends: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as end:
            ends.append(end)

    calls: list[Callable[[], object]] = [lambda: own.sleep(crossing.FOR_EVER)] * case["sleeping"]
    calls += [lambda: crossing.exhaust(own.count(0xFFFF_FFFF, False))] * case["streams"]
    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    crossing.eventually(lambda: runtime.statistics().in_flight == len(calls))
    runtime.close()
    for thread in threads:
        thread.join(crossing.PATIENCE)
    assert [type(end) for end in ends] == [strongroom.RequestCancelled] * len(calls)
    crossing.check_gone(runtime, buffers, children)
    for refused in (own.nothing, lambda: Echo.open("late", runtime=runtime)):
        with pytest.raises(strongroom.RuntimeClosed):
            refused()


def fork(echo: Echo, case: Case) -> None:
    runtime = echo.client.runtime
    threads = [threading.Thread(target=echo.sleep, args=(case["milliseconds"],)) for _ in range(case["sleeping"])]
    for thread in threads:
        thread.start()
    crossing.eventually(lambda: runtime.statistics().in_flight == case["sleeping"])
    with filled(echo, b"inherited") as inherited:
        crossing.in_a_child(lambda: crossing.refused_in_a_child(runtime, [echo.nothing, echo.name], inherited))
    for thread in threads:
        thread.join(crossing.PATIENCE)
    echo.nothing()


def exec(echo: Echo, case: Case) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(echo.sleep(case["milliseconds"]))) for _ in range(case["sleeping"])
    ]
    for thread in threads:
        thread.start()
    crossing.program(case)
    for thread in threads:
        thread.join(crossing.PATIENCE)
    assert len(found) == case["sleeping"]


def schema(echo: Echo, case: Case) -> None:
    crossing.schema(case)


def lost(echo: Echo, case: Case) -> None:
    runtime = echo.client.runtime
    for make in (lambda: filled(echo, b"lost"), lambda: echo.child("lost")):
        with pytest.warns(ResourceWarning, match="^unclosed <"):
            make()
            gc.collect()
        assert crossing.counted(runtime) == (0, 0, 1)


def buffer_protocol(echo: Echo, case: Case) -> None:
    data = bytes.fromhex(case["data"])
    ours, theirs = socket.socketpair()
    with ours, theirs, filled(echo, data) as source, echo.client.alloc(len(data)) as target:
        with memoryview(source) as first, source.view() as second:
            first[0] ^= 0xFF
            assert second[0] == data[0] ^ 0xFF
            first[0] ^= 0xFF
        assert ours.sendmsg([source]) == len(data)
        with target.view() as view:
            assert theirs.recv_into(view) == len(data)
        assert bytes(target) == data
        with target.view() as view:
            assert crossing.reading(data[::-1]).readinto(view) == len(data)
        assert bytes(target) == data[::-1]


def loops(echo: Echo, case: Case) -> None:
    crossing.loops(echo.client.runtime, case)


vars()["pass"] = _pass
