"""The front for plain code: calls that wait.

One thread receives for all: it blocks in the library's poll without the GIL, appends each frame to its request and
opens the request's gate, a lock that the caller waits at. A caller's thread sends its own frames. Waiting at a lock
can be interrupted by a signal, so that Ctrl-C cancels the request and waits for the library to say so.
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


class _Request:
    """What one caller waits for. Only the receiver appends and opens; only the caller takes and waits."""

    __slots__ = ("abandoned", "arrived", "gate", "id", "over")

    def __init__(self) -> None:
        self.id = 0
        self.arrived: deque[_native.Frame] = deque()
        self.gate = threading.Lock()
        self.gate.acquire()
        self.over = False
        self.abandoned = False

    def open(self) -> None:
        # It may stand open already: nobody has come through since the last frame.
        with contextlib.suppress(RuntimeError):
            self.gate.release()


class SyncClient:
    """Makes calls and waits for them, from any thread."""

    asynchronous = False

    def __init__(self, runtime: Runtime, native: _native.Runtime) -> None:
        self.runtime = runtime
        self.native = native
        # Reentrant, because a finalizer may abandon a stream while its own thread is in here.
        self._lock = threading.RLock()
        self._requests: frames.Requests[_Request] = frames.Requests()
        self._receiver: threading.Thread | None = None
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
        request = self._send(method, object, arguments, timeout)
        try:
            last = self._wait_for_last(request, method, on_emit)
        except BaseException:
            self._cancel(request)
            raise
        return methods.answer(self.native, self, method, last)

    def stream(
        self,
        method: methods.Method[R],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None = None,
        window: int = methods.WINDOW,
    ) -> Stream[R]:
        """Sends a call that is answered by a stream, and lends it its first credit."""
        request = self._send(method, object, arguments, timeout)
        return Stream(self, method, request, window)

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
        self, method: methods.Method[Any], object: int, arguments: Iterable[Any], timeout: float | None
    ) -> _Request:
        self.runtime.check_usable()
        out = methods.encode(method, arguments)
        request = _Request()
        with self._lock:
            if self._ending:
                raise errors.RuntimeClosed("the runtime is closed; make a new one")
            if self._receiver is None:
                self._receiver = threading.Thread(target=self._receive, name="strongroom-receiver", daemon=True)
                self._receiver.start()
            request.id = self._requests.add(request)
        try:
            frame = frames.call(_QUEUE, request.id, object, method.id, frames.nanoseconds(timeout), out.data)
            for buffer in out.moved:
                buffer._detach()
            self._submit(frame)
        except BaseException:
            with self._lock:
                request.abandoned = True
                if not request.over:
                    request.over = True
                    self._requests.remove(request.id)
            raise
        return request

    def _submit(self, frame: bytes) -> None:
        try:
            # A library that is full takes nothing until some completions have been polled, which the receiver does.
            while not self.native.submit(frame):
                time.sleep(0.0005)
        except _native.Failure as failure:
            raise errors.of_failure(failure) from None

    def _abandon(self, request: _Request) -> None:
        """Cancels without waiting."""
        self._forget(request)
        if not request.over:
            self.native.submit(frames.cancel(_QUEUE, request.id))

    def _forget(self, request: _Request) -> None:
        """Nobody waits any more: the receiver gives back what still comes."""
        with self._lock:
            request.abandoned = True
            arrived = list(request.arrived)
            request.arrived.clear()
        for frame in arrived:
            methods.release(self.native, frame[3])

    # ---- waiting ----

    def _take(self, request: _Request) -> _native.Frame:
        while not request.arrived:
            request.gate.acquire()
        return request.arrived.popleft()

    def _wait_for_last(
        self, request: _Request, method: methods.Method[Any], on_emit: Callable[[Any], None] | None
    ) -> _native.Frame:
        while True:
            frame = self._take(request)
            if frames.is_last(frame[1]):
                return frame
            if frame[1] == frames.EMIT and method.emits is not None and on_emit is not None:
                on_emit(methods.decode(self.native, self, method.emits, frame))
            else:
                methods.release(self.native, frame[3])

    def _cancel(self, request: _Request) -> None:
        """Cancels and waits for the acknowledgement; what comes is given back. A second Ctrl-C stops the wait."""
        try:
            if not request.over:
                self._submit(frames.cancel(_QUEUE, request.id))
            while not request.over or request.arrived:
                frame = self._take(request)
                methods.release(self.native, frame[3])
        except errors.Error:
            pass
        finally:
            self._forget(request)

    # ---- receiving ----

    def _receive(self) -> None:
        while True:
            wait = _FOREVER
            if self._give_up:
                wait = int(max(0.0, self._give_up - time.monotonic()) * 1e9)
            try:
                batch = self.native.poll(_QUEUE, wait)
            except _native.Error:
                break
            stray: list[_native.Frame] = []
            with self._lock:
                for frame in batch:
                    request = self._requests.find(frame[0])
                    if request is None:
                        stray.append(frame)
                        continue
                    if frames.is_last(frame[1]):
                        self._requests.remove(frame[0])
                        request.over = True
                    if request.abandoned:
                        stray.append(frame)
                    else:
                        request.arrived.append(frame)
                        request.open()
            for frame in stray:
                methods.release(self.native, frame[3])
            if self._ending and (self._requests.count == 0 or (self._give_up and time.monotonic() > self._give_up)):
                break
        self._fail_all()

    def _fail_all(self) -> None:
        """The receiver ends: whoever still waits learns it."""
        with self._lock:
            self._ending = True
            for id, request in self._requests.in_flight():
                self._requests.remove(id)
                request.over = True
                request.arrived.append((id, frames.ERROR, methods.CANCELLED, None))
                request.open()

    # ---- the end ----

    def end(self, wait: float) -> None:
        """Refuses new calls, waits so long for those in flight, cancels the rest, and ends the receiver."""
        with self._lock:
            self._ending = True
            receiver = self._receiver
        if receiver is None:
            return
        until = time.monotonic() + wait
        while self._requests.count and time.monotonic() < until:
            time.sleep(0.002)
        with self._lock:
            left = [id for id, _ in self._requests.in_flight()]
            # One more request, so that the receiver is woken by its answer and sees that it is the last.
            waker = _Request()
            waker.abandoned = True
            waker.id = self._requests.add(waker)
            self._give_up = time.monotonic() + methods.ACKNOWLEDGEMENT
        with contextlib.suppress(errors.Error):
            for id in left:
                self._submit(frames.cancel(_QUEUE, id))
            self._submit(frames.call(_QUEUE, waker.id, 0, methods.ALLOC.id, 0, (1).to_bytes(8, "little")))
            self._submit(frames.cancel(_QUEUE, waker.id))
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
    """The items of a stream, in order. Close it, or use it in `with`, where it is left before its end."""

    __slots__ = ("_client", "_credit", "_method", "_request", "_window")

    def __init__(self, client: SyncClient, method: methods.Method[R], request: _Request, window: int) -> None:
        self._client = client
        self._method = method
        self._request: _Request | None = request
        self._window = window
        # What the reader has taken, and the library has not been told yet.
        self._credit = 0
        client._submit(frames.credit(_QUEUE, request.id, window))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> R:
        request = self._request
        if request is None:
            raise StopIteration
        try:
            frame = self._client._take(request)
        except BaseException:
            self.close()
            raise
        if frame[1] == frames.ITEM and self._method.result is not None:
            try:
                item, cost = methods.decode_item(self._client.native, self._client, self._method.result, frame)
            except BaseException:
                self.close()
                raise
            self._credit += cost
            if self._credit >= self._window // 2 and not request.over:
                credit, self._credit = self._credit, 0
                self._client._submit(frames.credit(_QUEUE, request.id, credit))
            return item
        self._request = None
        if frame[1] == frames.END:
            raise StopIteration
        raise methods.failure(self._method, frame, self._client)

    def close(self) -> None:
        """Cancels what is left, and waits for the library to say so."""
        request, self._request = self._request, None
        if request is not None:
            self._client._cancel(request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Without waiting: a finalizer may run on any thread, at any moment.
        request, client = getattr(self, "_request", None), self._client
        if request is not None:
            self._request = None
            with contextlib.suppress(errors.Error, _native.Error):
                client._abandon(request)
