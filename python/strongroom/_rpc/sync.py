"""The front for plain code: calls that wait.

One thread receives for all: it blocks in the library's poll without the GIL, appends each frame to its request and
opens the request's gate, a lock that the caller waits at. A caller's thread sends its own frames. Waiting at a lock
can be interrupted by a signal, so that Ctrl-C cancels the request and waits for the library to say so.

An interrupt may come between any two steps of the interpreter, also between a lock's `__enter__` and the `with` that
would release it. So callers hold no lock that the receiver needs: what they share are single operations of dicts and
deques, in an order that leaves no gap.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from . import _native, errors, frames, methods

if TYPE_CHECKING:
    from .runtime import Runtime

R = TypeVar("R")

_FOREVER = (1 << 64) - 1
_QUEUE = 0
# How long a library that is full is left alone.
_RETRY = 0.0005


class _Request:
    """What one caller waits for. Only the receiver adds frames."""

    __slots__ = ("abandoned", "arrived", "gate", "id", "over", "taken")

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

    @property
    def sent(self) -> bool:
        return any(self.taken)

    def add(self, frame: _native.Frame) -> None:
        self.arrived.append(frame)
        # After the frame: who sees that it is over has it before the eyes.
        self.over = frames.is_last(frame[1])
        # The gate may stand open already: nobody has come through since the last frame.
        with contextlib.suppress(RuntimeError):
            self.gate.release()

    def wait(self) -> _native.Frame | None:
        """The next frame, or None where no more come. It stays in `arrived`, so that an interrupt does not lose it."""
        while True:
            over = self.over
            if self.arrived:
                return self.arrived[0]
            if over:
                return None
            self.gate.acquire()


class SyncClient:
    """Makes calls and waits for them, from any thread."""

    asynchronous = False

    def __init__(self, runtime: Runtime, native: _native.Runtime) -> None:
        self.runtime = runtime
        self.native = native
        self._requests: frames.Requests[_Request] = frames.Requests()
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
    ) -> R:
        """Sends a call and waits for its result. An exception that comes while it waits cancels the call."""
        request = _Request()
        try:
            self._send(request, method, object, arguments, timeout)
            return methods.answer(self.native, self, method, self._wait_for_last(request, method, on_emit))
        except BaseException:
            # An interrupt may come at any moment; what had come by then is given back.
            self._cancel(request)
            raise

    def stream(
        self,
        method: methods.Method[R],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None = None,
        window: int = methods.WINDOW,
    ) -> Stream[R]:
        """Sends a call that is answered by a stream, and lends it its first credit."""
        request = _Request()
        stream = Stream(self, method, request, window)
        try:
            self._send(request, method, object, arguments, timeout)
            self._submit(frames.credit(_QUEUE, request.id, window))
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
        return self.call(methods.FILL, 0, (descriptor, size), timeout)

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
        out = methods.encode(method, arguments)
        if self._receiver is None:
            threading.Thread(target=self._receive, name="strongroom-receiver", daemon=True).start()
        self._requests.add(request)
        # After that: either it is seen here, or the request is seen by who ends the client.
        if self._ending:
            raise errors.RuntimeClosed("the runtime is closed; make a new one")
        frame = frames.call(_QUEUE, request.id, object, method.id, frames.nanoseconds(timeout), out.data)
        try:
            # A library that is full takes nothing until some completions have been polled, which the receiver does.
            while not request.sent:
                if request.taken:
                    time.sleep(_RETRY)
                # One step of the interpreter: no interrupt comes between the sending and the note of it.
                request.taken[:] = map(self.native.submit, (frame,))
        except _native.Failure as failure:
            raise errors.of_failure(failure) from None
        for buffer in out.moved:
            # Where another thread has opened a view meanwhile, the library refuses the buffer.
            with contextlib.suppress(BufferError):
                buffer._detach()

    def _submit(self, frame: bytes) -> None:
        """Sends a cancellation or credit, which a full library takes too."""
        try:
            self.native.submit(frame)
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
        while (frame := request.wait()) is not None:
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

    def _receive(self) -> None:
        if not self._receiving.acquire(blocking=False):
            # Several first calls came at once, and another one's thread was faster.
            return
        self._receiver = threading.current_thread()
        while not self._ending or (self._requests.count() and not 0 < self._give_up < time.monotonic()):
            wait = _FOREVER
            if self._give_up:
                wait = int(max(0.0, self._give_up - time.monotonic()) * 1e9)
            try:
                batch = self.native.poll(_QUEUE, wait)
            except _native.Error:
                break
            for frame in batch:
                self._deliver(frame)
        # Whoever still waits learns that no more comes.
        self._ending = True
        for request in self._requests.in_flight():
            self._deliver((request.id, frames.ERROR, methods.CANCELLED, None))

    def _deliver(self, frame: _native.Frame) -> None:
        request = self._requests.find(frame[0])
        if request is None:
            methods.release(self.native, frame[3])
            return
        if frames.is_last(frame[1]):
            self._requests.remove(frame[0])
        request.add(frame)
        # After that: either it is seen here, or the frame is seen by who abandons the request.
        if request.abandoned:
            self._give_back(request)

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
        left = self._requests.in_flight()
        self._give_up = time.monotonic() + methods.ACKNOWLEDGEMENT
        with contextlib.suppress(errors.Error):
            call = frames.call(_QUEUE, waker.id, 0, methods.ALLOC.id, 0, (1).to_bytes(8, "little"))
            while not self.native.submit(call):
                time.sleep(_RETRY)
            for request in left:
                self._submit(frames.cancel(_QUEUE, request.id))
        receiver.join()


def call_immediate(
    native: _native.Runtime, receiver: Any, method: methods.Method[R], object: int, arguments: Iterable[Any]
) -> R:
    """Runs an immediate method on the calling thread."""
    out = methods.encode(method, arguments)
    try:
        frame = native.call_immediate(frames.call(0, 1, object, method.id, 0, out.data))
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
