"""What holds for plain calls beyond the table: threads, signals, leases, forks, the end."""

import contextlib
import gc
import itertools
import logging
import os
import pathlib
import queue
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

import conformance_api
import strongroom
from conformance_api import Echo
from strongroom import Runtime
from strongroom._rpc import Package


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime(buffer_memory=8 << 20) as made:
        yield made


def test_one_thread_receives_for_all(runtime: Runtime) -> None:
    with Echo.open("threads", runtime=runtime) as echo:
        before = threading.active_count()
        threads = [threading.Thread(target=echo.sleep, args=(200,)) for _ in range(200)]
        for thread in threads:
            thread.start()
        assert threading.active_count() <= before + 200
        for thread in threads:
            thread.join()
        assert threading.active_count() == before


def test_ctrl_c_cancels_and_waits_for_the_library(runtime: Runtime) -> None:
    with Echo.open("interrupted", runtime=runtime) as echo, runtime.sync().alloc(8 << 20):
        old = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            # The second waits for memory that is all held, the third for an item that needs it.
            for call in (
                lambda: echo.sleep(60_000),
                lambda: runtime.sync().alloc(1 << 20),
                lambda: next(echo.blocks(5, 1 << 20)),
            ):
                started = time.monotonic()
                signal.setitimer(signal.ITIMER_REAL, 0.1)
                with pytest.raises(KeyboardInterrupt):
                    call()
                assert time.monotonic() - started < 50
                assert runtime.statistics().in_flight == 0
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        echo.nothing()


# One that comes in a finalizer is lost there.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_moment_leaks_nothing(runtime: Runtime) -> None:
    """Ctrl-C may come between any two steps of a call: what the library answered is given back all the same."""
    moments = random.Random(1)
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    interrupts = 0
    try:
        with Echo.open("interrupted", runtime=runtime) as echo:
            client, ear = runtime.sync(), _Ear(len)
            client.alloc(1).close()

            def some_calls() -> None:
                for _ in range(3):
                    echo.invert(client.alloc(100))
                    echo.total_bytes([client.alloc(10), client.alloc(20)])
                    echo.pass_(ear, client.alloc(100)).close()
                    for block in echo.blocks(3, 10):
                        block.close()

            until = time.monotonic() + 3
            while time.monotonic() < until:
                with contextlib.suppress(KeyboardInterrupt):
                    signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.00001, 0.001))
                    some_calls()
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    continue
                interrupts += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            gc.collect()
            until = time.monotonic() + 5
            while runtime.statistics().in_flight and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(0.05)
            counts = runtime.statistics()
            assert (counts.in_flight, counts.buffers, counts.objects) == (0, 0, 1)
            assert (client._requests.count(), runtime.callbacks.count(), len(client._calls)) == (0, 0, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert interrupts > 100


def test_a_failing_callback_cancels_the_call(runtime: Runtime) -> None:
    def fail(tick: conformance_api.Tick) -> None:
        raise ZeroDivisionError(tick.step)

    with Echo.open("callback", runtime=runtime) as echo:
        with pytest.raises(ZeroDivisionError):
            echo.ticks(1_000_000, on_tick=fail)
        assert runtime.statistics().in_flight == 0


class _Ear:
    """A listener whose answer is the test's."""

    def __init__(self, heard: Callable[[str], int]) -> None:
        self.heard = heard

    def took(self, data: strongroom.Buffer) -> strongroom.Buffer:
        return data


def _settles(runtime: Runtime, objects: int = 0) -> bool:
    """Everything is given back, though perhaps a moment later."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        counts = runtime.statistics()
        if (counts.in_flight, counts.buffers, counts.objects, runtime.callbacks.count()) == (0, 0, objects, 0):
            return True
        time.sleep(0.01)
    return False


def test_a_failing_source_cancels_the_call(runtime: Runtime) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("no more")

    with Echo.open("source", runtime=runtime) as echo:
        with pytest.raises(ZeroDivisionError, match="no more"):
            echo.total(10, source())
        assert runtime.statistics().in_flight == 0
        with pytest.raises(ZeroDivisionError, match="no more"):
            list(echo.double(source()))
        mistake: list[Any] = ["no number"]
        with pytest.raises(ValueError, match="an item of the stream: 'no number' is no u32"):
            echo.total(10, mistake)
        with pytest.raises(TypeError, match="an item of the stream"):
            echo.total_bytes(mistake)
        with pytest.raises(ValueError, match="an item of the stream: -1 is no u32"):
            list(echo.double([-1]))
        none: Any = 7
        with pytest.raises(TypeError, match="not iterable"):
            echo.total(10, none)
        assert _settles(runtime, objects=1)


def test_a_source_is_read_no_further_than_the_call_goes(runtime: Runtime) -> None:
    """An error in the middle, a deadline, a stream that is left: the source is left too, and its buffers are freed."""
    taken: list[int] = []
    with Echo.open("source", runtime=runtime) as echo:
        with pytest.raises(conformance_api.ConformanceRefusedError):
            echo.total(10, (taken.append(number) or number for number in itertools.count(11)))  # type: ignore[func-returns-value]
        assert len(taken) < 1_000_000

        def slowly() -> Iterator[int]:
            while True:
                yield 1
                time.sleep(0.01)

        with pytest.raises(strongroom.DeadlineExceeded):
            echo.total(1, slowly(), timeout=0.1)
        with echo.double(slowly()) as numbers:
            assert next(numbers) == 2

        def parts() -> Iterator[strongroom.Buffer]:
            while True:
                yield runtime.sync().alloc(1000)

        with pytest.raises(strongroom.DeadlineExceeded):
            echo.total_bytes(parts(), timeout=0.1)
        for _ in range(20):
            echo.double(slowly())
        gc.collect()
        assert _settles(runtime, objects=1)
        assert echo.total(3, [1, 2]) == 3


def test_a_source_may_wait_for_what_comes_back(runtime: Runtime) -> None:
    """A conversation: each number is made of the answer to the one before."""
    answers: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers.put(1)

    def source() -> Iterator[int]:
        for _ in range(10):
            yield answers.get(timeout=5)

    with Echo.open("conversation", runtime=runtime) as echo:
        for number in echo.double(source()):
            answers.put(number)
        assert number == 1 << 10


def test_callbacks_run_on_a_few_threads(runtime: Runtime) -> None:
    names: set[str] = set()

    def heard(text: str) -> int:
        names.add(threading.current_thread().name)
        time.sleep(0.02)
        return 1

    with Echo.open("callbacks", runtime=runtime) as echo:
        before = threading.active_count()
        threads = [threading.Thread(target=echo.ask, args=(_Ear(heard), ["a"] * 3)) for _ in range(30)]
        for thread in threads:
            thread.start()
        most = threading.active_count()
        assert _ends(threads)
        assert names == {"strongroom-callback"}
        assert most <= before + 30 + 8
        assert threading.active_count() <= before + 8
        assert _settles(runtime, objects=1)


def test_a_callback_calls_back_into_the_library(runtime: Runtime) -> None:
    """Deeper than there are threads for callbacks, also where each level is a thread's wait for the next one."""
    depth = 3 * 8
    with Echo.open("nested", runtime=runtime) as echo:

        def heard(text: str) -> int:
            left = int(text)
            return 0 if left == 0 else echo.recall(str(left - 1)) + 1

        echo.keep(_Ear(heard))
        assert echo.recall(str(depth)) == depth
        echo.forget()

        def own(text: str) -> int:
            left = int(text)
            return 0 if left == 0 else echo.ask(_Ear(own), [str(left - 1)])[0] + 1

        assert echo.ask(_Ear(own), [str(depth)]) == [depth]
        assert _settles(runtime, objects=1)


def test_a_cancelled_callback_is_not_answered(runtime: Runtime) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(_Ear):
        def took(self, data: strongroom.Buffer) -> strongroom.Buffer:
            entered.set()
            leave.wait(5)
            return data

    with Echo.open("cancelled", runtime=runtime) as echo:
        with pytest.raises(strongroom.DeadlineExceeded):
            echo.pass_(Slow(len), runtime.sync().alloc(10), timeout=0.1)
        assert entered.wait(5)
        leave.set()
        # What it answers belongs to nobody: its buffer is freed.
        assert _settles(runtime, objects=1)
        echo.nothing()


def test_what_a_callback_gives_must_fit(runtime: Runtime) -> None:
    with Echo.open("wrong", runtime=runtime) as echo:
        wrong: Any = "many"
        for answer, text in ((-1, "ValueError: -1 is no u32"), (wrong, "'many' is no u32")):
            with pytest.raises(strongroom.CallbackFailed, match=text):
                echo.ask(_Ear(lambda text, answer=answer: answer), ["a"])  # type: ignore[misc]
        half = "\udc80"
        with pytest.raises(strongroom.CallbackFailed, match="half"):
            echo.ask(_Ear(lambda text: int(f"half {half}")), ["a"])
        assert _settles(runtime, objects=1)


def test_a_mistake_in_the_arguments_lends_no_callback(runtime: Runtime) -> None:
    with Echo.open("mistake", runtime=runtime) as echo:
        deaf: Any = object()
        with pytest.raises(TypeError, match="no method heard"):
            echo.keep(deaf)
        with pytest.raises(ValueError, match="texts"):
            echo.ask(_Ear(len), ["\udc80"])
        with pytest.raises(ValueError, match="NaN"):
            echo.keep(_Ear(len), timeout=float("nan"))
        assert runtime.callbacks.count() == 0
        echo.keep(_Ear(len))
        assert runtime.callbacks.count() == 1
    # The object that kept it has ended.
    assert _settles(runtime)


def test_a_runtime_that_closes_forgets_callbacks() -> None:
    runtime = conformance_api.new_runtime()
    echo = Echo.open("closing", runtime=runtime)
    entered, leave = threading.Event(), threading.Event()

    def heard(text: str) -> int:
        entered.set()
        leave.wait(5)
        return 1

    ear = _Ear(heard)
    gone = weakref.ref(ear)
    echo.keep(ear)
    del ear
    cancelled = threading.Event()

    def recall() -> None:
        try:
            echo.recall("a")
        except strongroom.RequestCancelled:
            cancelled.set()

    call = threading.Thread(target=recall)
    call.start()
    assert entered.wait(5)
    started = time.monotonic()
    runtime.close()
    assert cancelled.wait(5)
    call.join()
    assert time.monotonic() - started < 50
    leave.set()
    until = time.monotonic() + 5
    while gone() is not None and time.monotonic() < until:
        time.sleep(0.01)
        gc.collect()
    assert gone() is None


def test_a_part_of_a_view_is_a_lease(runtime: Runtime) -> None:
    buffer = runtime.sync().alloc(100)
    view = buffer.view()
    part = view[10:20]
    view.release()
    for refused in (buffer.close, runtime.close):
        with pytest.raises(BufferError):
            refused()
    part[0] = 7
    assert bytes(buffer)[10] == 7
    part.release()
    buffer.close()


def test_a_mistake_in_the_arguments_moves_no_buffer(runtime: Runtime) -> None:
    with Echo.open("mistake", runtime=runtime) as echo, runtime.sync().alloc(10) as buffer:
        with pytest.raises(TypeError):
            echo.client.call(conformance_api.generated._M_ECHO_SUM, echo._handle(), ("no buffer",))
        with pytest.raises(ValueError, match="milliseconds"):
            echo.sleep(-1)
        with pytest.raises(ValueError, match="NaN"):
            echo.sum(buffer, timeout=float("nan"))
        assert not buffer.closed
        view = memoryview(buffer)
        with pytest.raises(BufferError):
            echo.sum(buffer)
        view.release()
        assert not buffer.closed


def test_a_buffer_that_is_dropped_is_freed_with_its_last_view(runtime: Runtime) -> None:
    client = runtime.sync()
    view = client.alloc(10).view()
    assert runtime.statistics().buffers == 1
    view.release()
    assert runtime.statistics().buffers == 0


def test_try_alloc_does_not_wait(runtime: Runtime) -> None:
    client = runtime.sync()
    with client.alloc(8 << 20), pytest.raises(strongroom.BufferMemoryUsedUp):
        client.try_alloc(1 << 20)
    client.try_alloc(8 << 20).close()


def test_the_library_fills_from_a_descriptor(runtime: Runtime, tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").write_bytes(bytes(range(256)) * 10)
    with (tmp_path / "data").open("rb") as file:
        client = runtime.sync()
        read = b""
        while True:
            with client.fill(file.fileno(), 1000) as buffer:
                if not len(buffer):
                    break
                read += bytes(buffer)
    assert read == bytes(range(256)) * 10
    for no_descriptor in (-1, 9999):
        with pytest.raises(strongroom.SystemRefused):
            client.fill(no_descriptor, 10)


def test_streams_that_are_left_are_cancelled(runtime: Runtime) -> None:
    with Echo.open("left", runtime=runtime) as echo:
        for _ in range(20):
            for block in echo.blocks(1000, 4096):
                block.close()
                break
        until = time.monotonic() + 10
        while (runtime.statistics().in_flight or runtime.statistics().buffers) and time.monotonic() < until:
            time.sleep(0.01)
    counts = runtime.statistics()
    assert (counts.in_flight, counts.buffers, counts.objects) == (0, 0, 0)


def _ends(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(5)
    return not any(thread.is_alive() for thread in threads)


def test_a_stream_is_closed_while_others_wait_for_its_items(runtime: Runtime) -> None:
    with Echo.open("shared", runtime=runtime) as echo, runtime.sync().alloc(8 << 20):
        # Its items need memory that is all held.
        stream = echo.blocks(5, 1 << 20)
        threads = [threading.Thread(target=lambda: list(stream), daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        stream.close()
        assert _ends(threads)
        assert runtime.statistics().in_flight == 0


def test_threads_share_a_stream(runtime: Runtime) -> None:
    with Echo.open("shared", runtime=runtime) as echo:
        for _ in range(20):
            stream, seen = echo.count(500, False), list[int]()

            def take(stream: strongroom.Stream[int] = stream, seen: list[int] = seen) -> None:
                seen.extend(stream)

            threads = [threading.Thread(target=take, daemon=True) for _ in range(4)]
            for thread in threads:
                thread.start()
            assert _ends(threads)
            assert sorted(seen) == list(range(500))


def test_a_receiver_that_cannot_start_is_started_by_the_next_call(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            runtime.sync().alloc(1)
    runtime.sync().alloc(1, timeout=5).close()


def _in_the_child(runtime: Runtime, echo: Echo, buffer: strongroom.Buffer, view: memoryview) -> bytes:
    text = b"no error"
    try:
        echo.nothing()
    except strongroom.ForkError as error:
        text = str(error).encode()
    # Its pages are there; its owner is not.
    assert len(bytes(view)) == 3
    view.release()
    try:
        buffer.shrink(1)
    except strongroom.ForkError:
        text += b"; no buffer"
    echo.close()
    buffer.close()
    runtime.close()
    return text


def test_a_view_outlives_a_fork(runtime: Runtime) -> None:
    with Echo.open("forked", runtime=runtime) as echo, runtime.sync().alloc(3) as buffer:
        view = buffer.view()
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                os.write(writer, _in_the_child(runtime, echo, buffer, view))
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            text = pipe.read()
        assert os.waitpid(child, 0)[1] == 0
        assert text.startswith(b"this process was forked")
        assert text.endswith(b"; no buffer")
        view.release()
        echo.nothing()


def _close_all(blocks: Iterable[strongroom.Buffer]) -> None:
    for block in blocks:
        block.close()


def test_a_fork_while_a_thread_is_inside(runtime: Runtime) -> None:
    """What the child drops and closes does not wait for threads that stayed behind."""
    with Echo.open("forked", runtime=runtime) as echo:
        held = runtime.sync().alloc(8 << 20)
        dropped, closed = echo.count(100, False), echo.blocks(5, 1 << 20)
        next(dropped)
        # It waits for memory, which is all held.
        thread = threading.Thread(target=_close_all, args=(closed,))
        thread.start()
        time.sleep(0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            signal.alarm(5)
            try:
                del dropped
                closed.close()
                for call in (echo.nothing, runtime.sync):
                    with pytest.raises(strongroom.ForkError):
                        call()
            except BaseException:
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        held.close()
        thread.join()
        dropped.close()


def test_a_view_that_opens_while_the_runtime_closes_keeps_its_memory() -> None:
    runtime = conformance_api.new_runtime()
    buffer = runtime.sync().alloc(5)
    views: list[memoryview] = []
    end = runtime.sync().end

    def end_late(wait: float) -> None:
        end(wait)
        views.append(buffer.view())

    runtime.sync().end = end_late  # type: ignore[method-assign]
    with pytest.raises(BufferError):
        runtime.close()
    views[0][:] = b"alive"
    assert bytes(views[0]) == b"alive"
    views.pop().release()
    runtime._sync.end = end  # type: ignore[union-attr, method-assign]
    runtime.close()
    with pytest.raises(strongroom.Error):
        buffer.view()


def test_the_library_logs_into_logging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        conformance_api.deliver_log(logging.DEBUG)
        with conformance_api.new_runtime() as own, Echo.open("log", runtime=own) as echo:
            for number in range(50):
                echo.log(f"line {number}")
            until = time.monotonic() + 10
            while time.monotonic() < until and not any("line 49" in record.message for record in caplog.records):
                time.sleep(0.01)
    lines = [record for record in caplog.records if record.name == "conformance.conformance"]
    assert [record.message for record in lines] == [f"line {number}" for number in range(50)]
    assert {record.levelno for record in lines} == {logging.INFO}


def test_a_process_ends_with_calls_in_flight() -> None:
    """Neither the receiver nor the log keeps the interpreter from ending, and none of them crashes it."""
    script = """
import threading, time, logging, conformance_api
conformance_api.deliver_log(logging.DEBUG)
echo = conformance_api.Echo.open("end")
threading.Thread(target=lambda: echo.sleep(60_000), daemon=True).start()
stream = echo.blocks(1000, 1000)
block = next(stream)
view = block.view()
time.sleep(0.1)
print("end")
"""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def _package(text: str) -> Package:
    return Package("conformance", __file__, "00" * 16, text)


def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    text = conformance_api.generated._TEXT
    # The error of one that does not fit says which it is.
    with pytest.raises(strongroom.SchemaMismatch, match=r"libconformance\.so: .*use those of one release:\n"):
        _package("method Echo.added()\n" + text).library()
    monkeypatch.setenv("CONFORMANCE_LIBRARY", "/nowhere/libconformance.so")
    with pytest.raises(strongroom.LibraryNotFound, match="/nowhere"):
        _package(text).library()
    monkeypatch.setenv("CONFORMANCE_LIBRARY", __file__)
    with pytest.raises(strongroom.Error, match="cannot be opened"):
        _package(text).library()
