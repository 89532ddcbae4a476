"""The front for plain code: calls that wait.

One thread receives for all: it blocks in the library's poll without the GIL, appends each frame to its request and
opens the request's gate, a lock that the caller waits at. A caller's thread sends its own frames. Waiting at a lock
can be interrupted by a signal (`_pass`), so that Ctrl-C cancels the request and waits for the library to say so.

An interrupt may come between any two steps of the interpreter, also between a lock's `__enter__` and the `with` that
would release it. So callers hold no lock that the receiver needs: what they share are single operations of dicts and
deques, in an order that leaves no gap.

What the library calls runs on the threads of `workers`. The source of a stream to the library is read by the thread
that makes the call, while it waits; where the answer is a stream too, whose reader comes and goes, by a thread of its
own that ends with the stream.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from . import _native, callbacks, errors, frames, methods, wire, workers

if TYPE_CHECKING:
    from .runtime import Runtime

R = TypeVar("R")

_FOREVER = (1 << 64) - 1
_QUEUE = 0
# How long a library that is full is left alone.
_RETRY = 0.0005
# Seconds between two looks for a signal, where none ends a wait.
_LOOK = 0.1


def _pass(gate: threading.Lock) -> None:
    """Waits until the gate is open, and leaves it shut. A signal ends the wait."""
    if sys.platform == "win32" and threading.current_thread() is threading.main_thread():
        # Windows tells no thread of a signal that waits at a lock, and Python runs handlers on this thread alone.
        while not gate.acquire(timeout=_LOOK):
            pass
    else:
        gate.acquire()


class _Request:
    """What one caller waits for. Only the receiver adds frames."""

    __slots__ = ("abandoned", "arrived", "failure", "feed", "gate", "id", "over", "taken")

    def __init__(self) -> None:
        self.id = 0
        # What the library answered to the call's frame: nothing yet, or how much of it it took.
        self.taken: list[int] = []
        self.arrived: deque[_native.Frame] = deque()
        self.gate = threading.Lock()
        self.gate.acquire()
        # The last frame has arrived.
        self.over = False
        self.abandoned = False
        # What the caller streams to the library, and why that failed on a thread of its own.
        self.feed: _Feed | None = None
        self.failure: BaseException | None = None

    @property
    def sent(self) -> bool:
        return any(self.taken)

    def add(self, frame: _native.Frame) -> None:
        self.arrived.append(frame)
        # After the frame: who sees that it is over has it before the eyes.
        self.over = frames.is_last(frame[1])
        self.open()

    def open(self) -> None:
        """Lets whoever waits look again."""
        # The gate may stand open already: nobody has come through since the last time.
        with contextlib.suppress(RuntimeError):
            self.gate.release()

    def wait(self, feed: _Feed | None = None) -> _native.Frame | None:
        """The next frame, or None where no more come. It stays in `arrived`, so that an interrupt does not lose it.

        Until then the feed's source is read, and a thread for callbacks runs those that come.
        """
        helped = workers.here.workers
        if helped is not None:
            helped.wait(self)
        try:
            while True:
                over = self.over
                if self.arrived:
                    return self.arrived[0]
                if over:
                    return None
                if feed is not None and feed.push():
                    continue
                if helped is None or not helped.run_one():
                    _pass(self.gate)
        finally:
            if helped is not None:
                helped.no_wait(self)


class _Feed:
    """The items of a stream to the library, which go as far as its credit."""

    __slots__ = ("_client", "_codec", "_credit", "_gate", "_granted", "_items", "_method", "_over", "_request")

    def __init__(self, client: SyncClient, request: _Request, method: methods.Method[Any], source: Iterable[Any]):
        assert method.input is not None
        self._client = client
        self._request = request
        self._method = method
        self._codec = method.input
        self._items = iter(source)
        self._credit = 0
        # What the receiver adds to the credit.
        self._granted: deque[int] = deque()
        # The source has no more.
        self._over = False
        # Where a thread of its own waits for credit; otherwise the request's gate is enough.
        self._gate: threading.Lock | None = None

    def grant(self, credit: int) -> None:
        """The library has room for more."""
        self._granted.append(credit)
        self.open()

    def open(self) -> None:
        """Lets whoever reads the source look again."""
        if self._gate is None:
            self._request.open()
            return
        with contextlib.suppress(RuntimeError):
            self._gate.release()

    def push(self) -> bool:
        """Sends the next item; False where there is no credit, or nothing to send any more."""
        while self._granted:
            self._credit += self._granted.popleft()
        if self._over or self._credit <= 0:
            return False
        try:
            item = next(self._items)
        except StopIteration:
            self._over = True
            self._client._send_all(frames.end(_QUEUE, self._request.id))
            return False
        out = methods.encode_item(self._codec, item)
        if self._request.over or self._request.abandoned:
            # The request has ended while the source made up its mind.
            self._over = True
            methods.drop(out)
            return False
        self._credit -= out.cost()
        self._client._send_all(frames.item(_QUEUE, self._request.id, out.data, out.handles()))
        methods.detach(out)
        return True

    def start(self) -> None:
        """From now on a thread reads the source."""
        self._gate = threading.Lock()
        self._gate.acquire()
        threading.Thread(target=self._run, args=(self._gate,), name="strongroom-source", daemon=True).start()

    def _run(self, gate: threading.Lock) -> None:
        try:
            while not (self._request.over or self._request.abandoned or self._over):
                if not self.push() and not self._over:
                    gate.acquire()
        except BaseException as error:
            # It surfaces in the reader, when the library has acknowledged.
            self._request.failure = error
            with contextlib.suppress(errors.Error):
                self._client._submit(frames.cancel(_QUEUE, self._request.id))
        finally:
            self._request.feed = None


class SyncClient:
    """Makes calls and waits for them, from any thread."""

    asynchronous = False

    def __init__(self, runtime: Runtime, native: _native.Runtime) -> None:
        self.runtime = runtime
        self.native = native
        # Numbers are read without a step of the interpreter; the native part comes back here for all else.
        self.call_immediate = native.getter(self.call_immediate)  # type: ignore[method-assign]
        self._requests: frames.Table[_Request] = frames.Table()
        self._workers = workers.Workers()
        # Calls from the library that wait for their answers.
        self._calls: dict[int, callbacks.Call] = {}
        self._receiver: threading.Thread | None = None
        self._receiving = threading.Lock()
        self._ending = False
        # When the receiver stops waiting for requests that no cancellation ends.
        self._give_up = 0.0

    # ---- calls ----

    def call(
        self,
        method: methods.Method[R],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None = None,
        on_emit: Callable[[Any], None] | None = None,
        source: Iterable[Any] = (),
    ) -> R:
        """Sends a call and waits for its result. An exception that comes while it waits cancels the call.

        Where the method takes a stream, the source's items are sent meanwhile.
        """
        request = _Request()
        try:
            if method.input is not None:
                request.feed = _Feed(self, request, method, source)
            self._send(request, method, object, arguments, timeout)
            return methods.answer(self.native, self, method, self._wait_for_last(request, method, on_emit))
        except BaseException:
            # An interrupt may come at any moment; what had come by then is given back.
            self._cancel(request)
            raise
        finally:
            # The two hold each other, and the source.
            request.feed = None

    def stream(
        self,
        method: methods.Method[R],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None = None,
        window: int = methods.WINDOW,
        source: Iterable[Any] = (),
    ) -> Stream[R]:
        """Sends a call that is answered by a stream, and lends it its first credit."""
        request = _Request()
        stream = Stream(self, method, request, window)
        try:
            if method.input is not None:
                request.feed = _Feed(self, request, method, source)
            self._send(request, method, object, arguments, timeout)
            self._submit(frames.credit(_QUEUE, request.id, window))
            if request.feed is not None:
                request.feed.start()
        except BaseException:
            stream.close()
            raise
        return stream

    def call_immediate(self, method: methods.Method[R], object: int, arguments: Iterable[Any]) -> R:
        """Runs a method that only reads; there is no request and no waiting."""
        return call_immediate(self.native, self, method, object, arguments)

    def alloc(self, size: int, timeout: float | None = None) -> _native.Buffer:
        """A new buffer; waits until there is memory for it."""
        return self.call(methods.ALLOC, 0, (size,), timeout)

    def try_alloc(self, size: int) -> _native.Buffer:
        """A new buffer, or `BufferMemoryUsedUp` where that would have to wait."""
        return try_alloc(self.native, size)

    def fill(self, descriptor: int, size: int, timeout: float | None = None) -> _native.Buffer:
        """A buffer that the library filled from a descriptor: at most `size` bytes, none at the end of the file."""
        return self.call(methods.FILL, 0, (methods.readable(descriptor), size), timeout)

    # ---- what a decoder asks ----

    def adopt_buffer(self, handle: int) -> _native.Buffer:
        return self.native.adopt(handle)

    # ---- sending ----

    def _send(
        self,
        request: _Request,
        method: methods.Method[Any],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None,
    ) -> None:
        self.runtime.check_usable()
        out = methods.encode(method, arguments, self.runtime.callbacks)
        try:
            self._send_encoded(request, method, object, out, timeout)
        except BaseException:
            if not request.sent:
                methods.take_back(out, self.runtime.callbacks)
            raise
        methods.detach(out)

    def _send_encoded(
        self, request: _Request, method: methods.Method[Any], object: int, out: wire.Writer, timeout: float | None
    ) -> None:
        if self._receiver is None:
            threading.Thread(
                target=_receive, args=(weakref.ref(self), self.native), name="strongroom-receiver", daemon=True
            ).start()
        self._requests.add(request)
        # After that: either it is seen here, or the request is seen by who ends the client.
        if self._ending:
            raise errors.RuntimeClosed("the runtime is closed; make a new one")
        trace = self.runtime.current_trace()
        frame = frames.call(_QUEUE, request.id, object, method.id, frames.nanoseconds(timeout), out.data, trace)
        try:
            # A library that is full takes nothing until some completions have been polled, which the receiver does.
            while not request.sent:
                if request.taken:
                    time.sleep(_RETRY)
                # One step of the interpreter: no interrupt comes between the sending and the note of it.
                request.taken[:] = map(self.native.submit, (frame,))
        except _native.Failure as failure:
            raise errors.of_failure(failure) from None

    def _submit(self, frame: bytes) -> None:
        """Sends a cancellation or credit, which a full library takes too."""
        try:
            self.native.submit(frame)
        except _native.Failure as failure:
            raise errors.of_failure(failure) from None

    def _send_all(self, frame: bytes) -> None:
        """Sends a frame that a full library may not take at once."""
        try:
            while not self.native.submit(frame):
                time.sleep(_RETRY)
        except _native.Failure as failure:
            raise errors.of_failure(failure) from None

    def _abandon(self, request: _Request) -> None:
        """Cancels without waiting."""
        self._forget(request)
        if request.sent and not request.over:
            self._submit(frames.cancel(_QUEUE, request.id))

    def _forget(self, request: _Request) -> None:
        """Nobody waits any more: the receiver gives back what still comes."""
        request.abandoned = True
        feed, request.feed = request.feed, None
        if feed is not None:
            feed.open()
        if not request.sent:
            self._requests.remove(request.id)
        self._give_back(request)

    def _give_back(self, request: _Request) -> None:
        with contextlib.suppress(IndexError):
            while True:
                methods.release(self.native, request.arrived.popleft()[3])

    # ---- waiting ----

    def _wait_for_last(
        self, request: _Request, method: methods.Method[Any], on_emit: Callable[[Any], None] | None
    ) -> _native.Frame:
        while (frame := request.wait(request.feed)) is not None:
            if frames.is_last(frame[1]):
                return frame
            if frame[1] == frames.EMIT and method.emits is not None and on_emit is not None:
                on_emit(methods.decode(self.native, self, method.emits, frame))
            else:
                methods.release(self.native, frame[3])
            request.arrived.popleft()
        raise errors.RequestCancelled("the call has ended already")

    def _cancel(self, request: _Request) -> None:
        """Cancels, waits for the acknowledgement, and gives back what has come. A second Ctrl-C stops the wait."""
        try:
            if request.sent and not request.over:
                self._submit(frames.cancel(_QUEUE, request.id))
                while (frame := request.wait()) is not None:
                    methods.release(self.native, frame[3])
                    request.arrived.popleft()
        except errors.Error:
            pass
        finally:
            self._forget(request)

    # ---- receiving ----

    def _patience(self) -> int | None:
        """How long the receiver waits for frames, in nanoseconds; None where it has come to its end."""
        if self._ending and (not self._requests.count() or 0 < self._give_up < time.monotonic()):
            return None
        if not self._give_up:
            return _FOREVER
        return int(max(0.0, self._give_up - time.monotonic()) * 1e9)

    def _no_more(self) -> None:
        """Whoever still waits learns that no more comes."""
        self._ending = True
        for request in self._requests.all():
            self._deliver((request.id, frames.ERROR, methods.CANCELLED, None, 0, 0))
        self._calls.clear()
        self._workers.end()

    def _deliver(self, frame: _native.Frame) -> None:
        kind = frame[1]
        if kind == frames.CALL:
            self._called(frame)
            return
        if kind == frames.CANCEL:
            self._calls.pop(frame[0], None)
            return
        if kind == frames.RELEASE:
            self.runtime.callbacks.remove(frame[4])
            return
        request = self._requests.find(frame[0])
        if request is None:
            methods.release(self.native, frame[3])
            return
        # It may go at any moment.
        feed = request.feed
        if kind == frames.CREDIT:
            if feed is not None:
                feed.grant(frames.lent(frame[2]))
            return
        if frames.is_last(kind):
            self._requests.remove(frame[0])
        request.add(frame)
        if request.over and feed is not None:
            feed.open()
        # After that: either it is seen here, or the frame is seen by who abandons the request.
        if request.abandoned:
            self._give_back(request)

    # ---- calls from the library ----

    def _called(self, frame: _native.Frame) -> None:
        call = callbacks.receive(self.runtime.callbacks, self.native, self, _QUEUE, frame)
        if isinstance(call, bytes):
            self._workers.add(lambda: self._answer(call))
            return
        self._calls[call.id] = call
        if not self._workers.add(lambda: self._run(call)):
            self._calls.pop(call.id)
            failure = RuntimeError("no thread can be started for the callback")
            with contextlib.suppress(errors.Error):
                self._submit(call.failure(_QUEUE, failure))

    def _run(self, call: callbacks.Call) -> None:
        if call.id not in self._calls:
            # The library has cancelled it before a thread was free.
            return
        out = wire.Writer()
        try:
            frame, out = call.reply(_QUEUE, call.run())
        except BaseException as error:
            frame = call.failure(_QUEUE, error)
        if self._calls.pop(call.id, None) is None:
            methods.drop(out)
            return
        self._answer(frame)
        methods.detach(out)

    def _answer(self, frame: bytes) -> None:
        # Where the runtime has gone, nobody waits for it.
        with contextlib.suppress(errors.Error):
            self._send_all(frame)

    # ---- the end ----

    def end(self, wait: float) -> None:
        """Refuses new calls, waits so long for those in flight, cancels the rest, and ends the receiver."""
        self._ending = True
        receiver = self._receiver
        if receiver is None or not receiver.is_alive():
            return
        until = time.monotonic() + wait
        while self._requests.count() and time.monotonic() < until:
            time.sleep(0.002)
        # One more request, so that the receiver is woken by its answer and sees that it is the last.
        waker = _Request()
        waker.abandoned = True
        self._requests.add(waker)
        left = self._requests.all()
        self._give_up = time.monotonic() + methods.ACKNOWLEDGEMENT
        with contextlib.suppress(errors.Error):
            call = frames.call(_QUEUE, waker.id, 0, methods.ALLOC.id, 0, (1).to_bytes(8, "little"))
            while not self.native.submit(call):
                time.sleep(_RETRY)
            for request in left:
                self._submit(frames.cancel(_QUEUE, request.id))
        receiver.join()

    def leave_alone(self) -> None:
        """The client is thrown away, by a thread that must not wait: the receiver ends by itself."""
        self._ending = True
        self._workers.end()
        if self._receiver is not None:
            with contextlib.suppress(errors.Error):
                self._submit(_wake_up())


def _wake_up() -> bytes:
    """A request of nobody and its cancellation: one of them is answered at once, also where no memory is left."""
    nobody = (1 << 64) - 1
    call = frames.call(_QUEUE, nobody, 0, methods.ALLOC.id, 0, (1).to_bytes(8, "little"))
    return call + frames.cancel(_QUEUE, nobody)


def _receive(here: weakref.ref[SyncClient], native: _native.Runtime) -> None:
    """What the receiver's thread does. While it waits it holds the boundary, not the client."""
    client = here()
    if client is None or not client._receiving.acquire(blocking=False):
        # Several first calls came at once, and another one's thread was faster.
        return
    client._receiver = threading.current_thread()
    while client is not None and (patience := client._patience()) is not None:
        client = None
        try:
            batch = native.poll(_QUEUE, patience)
        except _native.Error:
            client = here()
            break
        client = here()
        for frame in batch:
            if client is None:
                methods.release(native, frame[3])
            else:
                client._deliver(frame)
    if client is not None:
        client._no_more()


def call_immediate(
    native: _native.Runtime, receiver: Any, method: methods.Method[R], object: int, arguments: Iterable[Any]
) -> R:
    """Runs an immediate method on the calling thread."""
    payload = method.pack(arguments)
    if payload is None:
        payload = bytes(methods.encode(method, arguments).data)
    try:
        frame = native.call_immediate(frames.call(0, 1, object, method.id, 0, payload))
    except _native.Failure as failure:
        raise errors.of_failure(failure) from None
    return methods.answer(native, receiver, method, frame)


def try_alloc(native: _native.Runtime, size: int) -> _native.Buffer:
    """A new buffer without waiting."""
    try:
        return native.try_alloc(size)
    except _native.Failure as failure:
        raise errors.of_failure(failure) from None


class Stream(Generic[R]):
    """The items of a stream, in order. Close it, or use it in `with`, where it is left before its end.

    Threads that share a stream get different items. One may close it while others wait: for them, it has ended.
    """

    __slots__ = ("_client", "_credit", "_method", "_reading", "_request", "_window")

    def __init__(self, client: SyncClient, method: methods.Method[R], request: _Request, window: int) -> None:
        self._client = client
        self._method = method
        self._request: _Request | None = request
        self._window = window
        # What the reader has taken, and the library has not been told yet.
        self._credit = 0
        self._reading = threading.RLock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> R:
        with self._reading:
            request = self._request
            if request is None:
                raise StopIteration
            try:
                frame = request.wait()
                if self._request is None:
                    raise StopIteration
                if frame is not None and frame[1] == frames.ITEM and self._method.result is not None:
                    item, cost = methods.decode_item(self._client.native, self._client, self._method.result, frame)
                    request.arrived.popleft()
                    self._lend(request, cost)
                    return item
            except BaseException:
                self.close()
                raise
            self._request = None
        if request.failure is not None:
            raise request.failure
        if frame is None or frame[1] == frames.END:
            raise StopIteration
        raise methods.failure(self._method, frame, self._client)

    def _lend(self, request: _Request, taken: int) -> None:
        self._credit += taken
        if self._credit >= self._window // 2 and not request.over:
            credit, self._credit = self._credit, 0
            self._client._submit(frames.credit(_QUEUE, request.id, credit))

    def close(self) -> None:
        """Cancels what is left, and waits for the library to say so."""
        request, self._request = self._request, None
        if request is None:
            return
        if not self._reading.acquire(blocking=False):
            # The reader that waits for the next item gets the acknowledgement.
            try:
                self._client._submit(frames.cancel(_QUEUE, request.id))
            except errors.ForkError:
                # The reader stayed behind.
                return
            except errors.Error:
                pass
            self._reading.acquire()
        try:
            self._client._cancel(request)
        finally:
            self._reading.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Without waiting: a finalizer may run on any thread, at any moment.
        request = getattr(self, "_request", None)
        if request is not None:
            self._request = None
            with contextlib.suppress(errors.Error):
                self._client._abandon(request)
