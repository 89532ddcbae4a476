"""The front for asyncio: calls as coroutines, on one completion queue for each event loop.

The loop watches the queue's descriptor (`watch`). Calls that are made in one turn of the loop cross in one batch, and a
batch of completions resolves its futures in one turn. There is no thread. Everything here runs on the loop's own
thread: what the library calls is a task of the loop, and so is the reading of a stream's source.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

from . import _native, callbacks, errors, frames, methods, wire
from .sync import call_immediate, try_alloc
from .watch import Watch

if TYPE_CHECKING:
    from .runtime import Runtime

R = TypeVar("R")

# Batches of completions that are taken in one turn of the loop, so that its other callbacks get their share.
_BATCHES = 8
# How long a library that is full is left alone, where no completion says earlier that it has room.
_RETRY = 0.001
# Items of a source that never waits that are taken in one turn of the loop.
_TURN = 64

Source: TypeAlias = AsyncIterable[Any] | Iterable[Any]


class _Request:
    """What a coroutine waits for; several, where they share a stream."""

    __slots__ = ("abandoned", "arrived", "failure", "feed", "id", "last", "on_emit", "waiters")

    def __init__(self, on_emit: Callable[[_native.Frame], None] | None) -> None:
        self.id = 0
        self.waiters: list[asyncio.Future[None]] = []
        self.arrived: deque[_native.Frame] = deque()
        self.last: _native.Frame | None = None
        self.on_emit = on_emit
        self.failure: BaseException | None = None
        self.abandoned = False
        # What the caller streams to the library.
        self.feed: _Feed | None = None

    async def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Until something has come."""
        waiter = loop.create_future()
        self.waiters.append(waiter)
        await waiter

    def wake(self) -> None:
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class InFlight:
    """What is known of a queue's calls. It outlives the loop that used it, and so do the generations of its slots."""

    __slots__ = ("calls", "outgoing", "requests")

    def __init__(self, native: _native.Runtime, queue: int) -> None:
        # Frames that go out at the end of the loop's turn.
        self.outgoing = bytearray()
        # Those that wait for one answer are known to the native part alone; those with streams and progress are here.
        self.calls = native.calls(queue, self.outgoing)
        self.requests: frames.Table[_Request] = frames.Table()


class _Feed:
    """Reads the source of a stream to the library, as far as the credit goes."""

    __slots__ = ("_client", "_codec", "_credit", "_request", "_stopping", "_task", "_waiter")

    def __init__(self, client: LoopClient, request: _Request, codec: wire.Codec[Any], source: Source) -> None:
        self._client = client
        self._request = request
        self._codec = codec
        self._credit = 0
        self._waiter: asyncio.Future[None] | None = None
        self._stopping = False
        self._task = client.loop.create_task(self._run(source))

    def grant(self, credit: int) -> None:
        """The library has room for more."""
        self._credit += credit
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def stop(self) -> None:
        """Nothing more is to be read; where the source is being waited for, that is cancelled."""
        if not self._stopping:
            self._stopping = True
            self._task.cancel()

    async def finish(self) -> None:
        """Stops, and waits for the source's own end."""
        self.stop()
        if not self._task.done():
            await asyncio.wait((self._task,))

    async def _run(self, source: Source) -> None:
        client, request = self._client, self._request
        try:
            async with contextlib.AsyncExitStack() as opened:
                if isinstance(source, AsyncIterable):
                    items = aiter(source)
                else:
                    items = await opened.enter_async_context(contextlib.aclosing(_in_turns(source)))
                while True:
                    while self._credit <= 0:
                        self._waiter = client.loop.create_future()
                        await self._waiter
                    try:
                        item = await anext(items)
                    except StopAsyncIteration:
                        client._submit(frames.end(client.queue, request.id))
                        return
                    self._send(item)
        except BaseException as error:
            if self._stopping:
                raise
            # It surfaces in the caller, when the library has acknowledged.
            request.failure = error
            client._submit(frames.cancel(client.queue, request.id))
            if not isinstance(error, Exception | asyncio.CancelledError):
                raise

    def _send(self, item: Any) -> None:
        client = self._client
        out = methods.encode_item(self._codec, item)
        if self._stopping:
            # The request has ended while the source made up its mind.
            methods.drop(out)
            return
        self._credit -= out.cost()
        frame = frames.item(client.queue, self._request.id, out.data, out.handles())
        methods.detach(out)
        client._submit(frame)


async def _in_turns(source: Iterable[Any]) -> AsyncGenerator[Any, None]:
    """The items of a source that never waits, with a pause now and then for the rest of the loop."""
    for number, item in enumerate(source, 1):
        yield item
        if number % _TURN == 0:
            await asyncio.sleep(0)


class LoopClient:
    """Makes calls from the coroutines of one event loop."""

    asynchronous = True

    def __init__(self, runtime: Runtime, native: _native.Runtime, queue: int, in_flight: InFlight | None) -> None:
        self.runtime = runtime
        self.native = native
        self.loop = asyncio.get_running_loop()
        self.queue = queue
        # Numbers are read without a step of the interpreter; the native part comes back here for all else.
        self.call_immediate = native.getter(self.call_immediate)  # type: ignore[method-assign]
        self.in_flight = InFlight(native, queue) if in_flight is None else in_flight
        self.requests = self.in_flight.requests
        self._plain = self.in_flight.calls
        # Calls from the library that wait for their answers.
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._outgoing = self.in_flight.outgoing
        self._flush_due = False
        self._ended = False
        # What the loop holds of this client: something only while calls are in flight, whose tasks live by it.
        self._kept: list[LoopClient] = []
        here: weakref.ref[LoopClient] = weakref.ref(self)
        self._watch = Watch(self.loop, native.wake(queue), functools.partial(_readable, here, self._kept, native))
        self._receive()

    # ---- calls ----

    async def call(
        self,
        method: methods.Method[R],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None = None,
        on_emit: Callable[[Any], None] | None = None,
        source: Source = (),
    ) -> R:
        """Sends a call and waits for its result.

        Where the method takes a stream, the source's items are sent meanwhile.

        Cancelling the coroutine cancels the call, and takes effect when the library has acknowledged it. Where the
        request had won by then, its result is returned, and the cancellation comes at the coroutine's next wait.
        """
        if on_emit is None and method.input is None:
            # Written out here, because another coroutine would cost as much as the crossing.
            waiter = self.loop.create_future()
            id = self._send_plain(waiter, method, object, arguments, timeout)
            try:
                answer: bytes | _native.Frame = await waiter
            except asyncio.CancelledError as cancelled:
                answer = await self._wait_again(id, waiter, cancelled)
            except BaseException:
                # The coroutine itself is thrown away.
                self._abandon_plain(id)
                raise
            return methods.plain_answer(self.native, self, method, answer)
        request = self._send(method, object, arguments, timeout, self._emitter(method, on_emit), source)
        last = await self._wait_for_last(request)
        if request.failure is not None:
            methods.release(self.native, last[3])
            raise request.failure
        return methods.answer(self.native, self, method, last)

    def stream(
        self,
        method: methods.Method[R],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None = None,
        window: int = methods.WINDOW,
        source: Source = (),
    ) -> AsyncStream[R]:
        """Sends a call that is answered by a stream, and lends it its first credit."""
        request = self._send(method, object, arguments, timeout, None, source)
        return AsyncStream(self, method, request, window)

    def call_immediate(self, method: methods.Method[R], object: int, arguments: Iterable[Any]) -> R:
        """Runs a method that only reads; there is no request and no waiting."""
        return call_immediate(self.native, self, method, object, arguments)

    async def alloc(self, size: int, timeout: float | None = None) -> _native.Buffer:
        """A new buffer; waits until there is memory for it."""
        return await self.call(methods.ALLOC, 0, (size,), timeout)

    def try_alloc(self, size: int) -> _native.Buffer:
        """A new buffer, or `BufferMemoryUsedUp` where that would have to wait."""
        return try_alloc(self.native, size)

    async def fill(self, descriptor: int, size: int, timeout: float | None = None) -> _native.Buffer:
        """A buffer that the library filled from a descriptor: at most `size` bytes, none at the end of the file."""
        return await self.call(methods.FILL, 0, (methods.readable(descriptor), size), timeout)

    # ---- what a decoder asks ----

    def adopt_buffer(self, handle: int) -> _native.Buffer:
        return self.native.adopt(handle)

    # ---- sending ----

    def _check_usable(self) -> None:
        runtime = self.runtime
        if not (self._ended or runtime._closed or runtime._forked) and asyncio.get_running_loop() is self.loop:
            return
        runtime.check_usable()
        if self._ended:
            raise errors.RuntimeClosed("the runtime is closed, or its event loop is")
        raise RuntimeError("this object belongs to another event loop; open one in this loop")

    def _send_plain(
        self,
        waiter: asyncio.Future[bytes | _native.Frame],
        method: methods.Method[Any],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None,
    ) -> int:
        self._check_usable()
        trace = self.runtime.current_trace()
        payload = method.pack(arguments)
        if payload is not None:
            remaining = 0 if timeout is None else frames.nanoseconds(timeout)
            id = self._plain.call(waiter, object, method.id, remaining, payload, trace)
        else:
            out = methods.encode(method, arguments, self.runtime.callbacks)
            try:
                id = self._plain.call(waiter, object, method.id, frames.nanoseconds(timeout), out.data, trace)
            except BaseException:
                methods.take_back(out, self.runtime.callbacks)
                raise
            methods.detach(out)
        if not self._kept:
            self._kept.append(self)
        if not self._flush_due:
            self._flush_due = True
            self.loop.call_soon(self._flush)
        return id

    def _send(
        self,
        method: methods.Method[Any],
        object: int,
        arguments: Iterable[Any],
        timeout: float | None,
        on_emit: Callable[[_native.Frame], None] | None,
        source: Source,
    ) -> _Request:
        self._check_usable()
        if method.input is not None and not isinstance(source, AsyncIterable | Iterable):
            raise TypeError(f"{source!r} cannot be a stream: it is no iterable")
        out = methods.encode(method, arguments, self.runtime.callbacks)
        request = _Request(on_emit)
        self.requests.add(request)
        try:
            remaining, trace = frames.nanoseconds(timeout), self.runtime.current_trace()
            frame = frames.call(self.queue, request.id, object, method.id, remaining, out.data, trace)
        except BaseException:
            self.requests.remove(request.id)
            methods.take_back(out, self.runtime.callbacks)
            raise
        methods.detach(out)
        if not self._kept:
            self._kept.append(self)
        self._submit(frame)
        if method.input is not None:
            request.feed = _Feed(self, request, method.input, source)
        return request

    def _submit(self, frame: bytes) -> None:
        self._outgoing += frame
        if not self._flush_due:
            self._flush_due = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if not self._outgoing:
            return
        try:
            taken = self.native.submit(self._outgoing)
        except _native.Error:
            # The runtime is gone: so are all requests.
            self._outgoing.clear()
            self._fail_all()
            return
        del self._outgoing[:taken]
        if self._outgoing:
            self._flush_due = True
            self.loop.call_later(_RETRY, self._flush)

    def _emitter(
        self, method: methods.Method[Any], on_emit: Callable[[Any], None] | None
    ) -> Callable[[_native.Frame], None] | None:
        emits = method.emits
        if on_emit is None or emits is None:
            return None
        return lambda frame: on_emit(methods.decode(self.native, self, emits, frame))

    # ---- waiting ----

    async def _wait_for_last(self, request: _Request) -> _native.Frame:
        """The request's last frame. Raises CancelledError only when the library has acknowledged the cancellation."""
        cancelled: asyncio.CancelledError | None = None
        try:
            while request.last is None:
                try:
                    await request.wait(self.loop)
                except asyncio.CancelledError as error:
                    if cancelled is None and request.last is None:
                        self._submit(frames.cancel(self.queue, request.id))
                        if request.feed is not None:
                            request.feed.stop()
                    cancelled = error
        except BaseException:
            # The coroutine itself is thrown away.
            self.abandon(request)
            raise
        feed, request.feed = request.feed, None
        if feed is not None:
            try:
                await feed.finish()
            except BaseException:
                methods.release(self.native, request.last[3])
                raise
        if cancelled is not None:
            if _is_cancelled(request.last):
                raise cancelled
            self._cancel_again(cancelled)
        return request.last

    async def _wait_again(
        self, id: int, waiter: asyncio.Future[bytes | _native.Frame], cancelled: asyncio.CancelledError
    ) -> bytes | _native.Frame:
        """The answer of a call whose coroutine was cancelled. Raises that only when the library has acknowledged it."""
        answer: bytes | _native.Frame | None = None
        try:
            if waiter.done() and not waiter.cancelled():
                # The answer was there, and the cancellation came before the coroutine's turn.
                answer = waiter.result()
            else:
                self._submit(frames.cancel(self.queue, id))
            while answer is None:
                waiter = self.loop.create_future()
                answer = self._plain.replace(id, waiter)
                if answer is None:
                    try:
                        answer = await waiter
                    except asyncio.CancelledError as error:
                        cancelled = error
                        if waiter.done() and not waiter.cancelled():
                            answer = waiter.result()
        except BaseException:
            self._abandon_plain(id)
            raise
        if not isinstance(answer, bytes) and _is_cancelled(answer):
            raise cancelled
        self._cancel_again(cancelled)
        return answer

    def _abandon_plain(self, id: int) -> None:
        """Nobody waits any more: cancels, and gives back what has come and what still comes."""
        answer = self._plain.abandon(id)
        if answer is not None and not isinstance(answer, bytes):
            methods.release(self.native, answer[3])
        if answer is None and not self._ended and not self.loop.is_closed():
            self._submit(frames.cancel(self.queue, id))

    def _cancel_again(self, cancelled: asyncio.CancelledError) -> None:
        """Repeats a cancellation that lost against the result, unless what asked for it (a timeout) took it back."""
        task = asyncio.current_task()

        def repeat() -> None:
            if task is not None and not task.done() and task.cancelling():
                task.uncancel()
                task.cancel(*cancelled.args)

        self.loop.call_soon(repeat)

    def abandon(self, request: _Request) -> None:
        """Nobody waits any more: cancels, and gives back what has come and what still comes."""
        request.abandoned = True
        for frame in request.arrived:
            methods.release(self.native, frame[3])
        request.arrived.clear()
        if request.feed is not None and not self.loop.is_closed():
            request.feed.stop()
        if request.last is None and not self._ended and not self.loop.is_closed():
            self._submit(frames.cancel(self.queue, request.id))

    # ---- receiving ----

    def _receive(self) -> None:
        for _ in range(_BATCHES):
            try:
                batch = self._plain.drain()
            except _native.Error:
                self._fail_all()
                return
            if batch is None:
                # An empty poll has armed the descriptor.
                if self._kept and not self._count():
                    self._kept.clear()
                return
            for frame in batch:
                self._deliver(frame)
            if self._outgoing:
                self._flush()
        self.loop.call_soon(self._receive_more)

    def _receive_more(self) -> None:
        if not self._ended:
            self._receive()

    def _deliver(self, frame: _native.Frame) -> None:
        kind = frame[1]
        if kind == frames.CALL:
            self._called(frame)
            return
        if kind == frames.CANCEL:
            task = self._calls.pop(frame[0], None)
            if task is not None:
                task.cancel()
            return
        if kind == frames.RELEASE:
            self.runtime.callbacks.remove(frame[4])
            return
        request = self.requests.find(frame[0])
        if request is None:
            methods.release(self.native, frame[3])
            return
        if kind == frames.CREDIT:
            if request.feed is not None:
                request.feed.grant(frames.lent(frame[2]))
            return
        if frames.is_last(kind):
            self.requests.remove(frame[0])
            request.last = frame
            if request.feed is not None:
                request.feed.stop()
        if request.abandoned:
            methods.release(self.native, frame[3])
            if request.last is not None:
                request.wake()
        elif kind == frames.EMIT:
            if request.on_emit is not None and request.failure is None:
                try:
                    request.on_emit(frame)
                except Exception as error:
                    # It surfaces in the caller, when the library has acknowledged.
                    request.failure = error
                    self._submit(frames.cancel(self.queue, request.id))
        elif kind == frames.ITEM:
            request.arrived.append(frame)
            request.wake()
        else:
            request.wake()

    def _count(self) -> int:
        """The calls in flight."""
        return self.requests.count() + self._plain.count()

    def _ids(self) -> list[int]:
        return [request.id for request in self.requests.all()] + self._plain.ids()

    def _fail_all(self) -> None:
        if self.loop.is_closed():
            for id in self._plain.ids():
                self._plain.abandon(id)
        else:
            self._plain.fail((0, frames.ERROR, methods.CANCELLED, None, 0, 0))
        for request in self.requests.all():
            self.requests.remove(request.id)
            request.last = (request.id, frames.ERROR, methods.CANCELLED, None, 0, 0)
            if not self.loop.is_closed():
                if request.feed is not None:
                    request.feed.stop()
                request.wake()

    # ---- calls from the library ----

    def _called(self, frame: _native.Frame) -> None:
        call = callbacks.receive(self.runtime.callbacks, self.native, self, self.queue, frame)
        if isinstance(call, bytes):
            self._submit(call)
        else:
            self._calls[call.id] = self.loop.create_task(self._run(call), name=call.name)

    async def _run(self, call: callbacks.Call) -> None:
        task, out = asyncio.current_task(), wire.Writer()
        stop: BaseException | None = None
        try:
            value = call.run()
            if inspect.isawaitable(value):
                value = await value
            frame, out = call.reply(self.queue, value)
        except BaseException as error:
            if self._calls.get(call.id) is not task:
                # The library has cancelled it.
                raise
            frame = call.failure(self.queue, error)
            if not isinstance(error, Exception | asyncio.CancelledError):
                stop = error
        if self._calls.get(call.id) is not task:
            methods.drop(out)
            return
        del self._calls[call.id]
        methods.detach(out)
        self._submit(frame)
        if stop is not None:
            raise stop

    # ---- the end ----

    async def end(self, wait: float) -> None:
        """Refuses new calls, waits so long for those in flight, cancels the rest, and leaves the loop."""
        until = self.loop.time() + wait
        while self._count() and self.loop.time() < until:
            await asyncio.sleep(0.002)
        for id in self._ids():
            self._submit(frames.cancel(self.queue, id))
        until = self.loop.time() + methods.ACKNOWLEDGEMENT
        while self._count() and self.loop.time() < until:
            await asyncio.sleep(0.002)
        self.leave()

    def leave(self) -> None:
        """Ends the client: cancels what is in flight, and leaves the loop, which may be closed already."""
        if self._ended:
            return
        self._ended = True
        self._watch.stop()
        # What was not sent yet goes out too: the buffers in it belong to the library.
        for id in self._ids():
            self._outgoing += frames.cancel(self.queue, id)
        with contextlib.suppress(_native.Error):
            while self._outgoing and (taken := self.native.submit(self._outgoing)):
                del self._outgoing[:taken]
        self._outgoing.clear()
        self._fail_all()
        calls, self._calls = self._calls, {}
        if not self.loop.is_closed():
            for task in calls.values():
                task.cancel()

    def leave_from_any_thread(self) -> None:
        """`leave`, on the thread that the loop runs on."""
        if not self.loop.is_running():
            self.leave()
            return
        with contextlib.suppress(RuntimeError):
            if asyncio.get_running_loop() is self.loop:
                self.leave()
                return
        left = threading.Event()

        def leave() -> None:
            self.leave()
            left.set()

        self.loop.call_soon_threadsafe(leave)
        left.wait(methods.ACKNOWLEDGEMENT)

    def leave_alone(self) -> None:
        """The client is thrown away, by a thread that must not wait: the loop is left when it comes to it."""
        self._ended = True
        try:
            self.loop.call_soon_threadsafe(self._watch.stop)
        except RuntimeError:
            # The loop is closed; a thread that watched for it may be left.
            self._watch.stop()


def _readable(here: weakref.ref[LoopClient], kept: list[LoopClient], native: _native.Runtime) -> None:
    """The loop's one reader of a queue. It holds the boundary, whose descriptor it is."""
    client = here()
    if client is not None:
        client._receive()


def _is_cancelled(frame: _native.Frame) -> bool:
    return frame[1] == frames.ERROR and frame[2][:8] == methods.CANCELLED[:8]


class AsyncStream(Generic[R]):
    """The items of a stream, in order. Close it, or use it in `async with`, where it is left before its end.

    Tasks that share a stream get different items. One may close it while others wait: for them, it has ended.
    """

    __slots__ = ("_client", "_credit", "_method", "_request", "_window")

    def __init__(self, client: LoopClient, method: methods.Method[R], request: _Request, window: int) -> None:
        self._client = client
        self._method = method
        self._request: _Request | None = request
        self._window = window
        # What the reader has taken, and the library has not been told yet.
        self._credit = 0
        client._submit(frames.credit(client.queue, request.id, window))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        request, client = self._request, self._client
        if request is None or self._method.result is None:
            raise StopAsyncIteration
        while not request.arrived and request.last is None:
            try:
                await request.wait(client.loop)
            except asyncio.CancelledError:
                await self.close()
                raise
            except BaseException:
                # The coroutine itself is thrown away.
                self._request = None
                client.abandon(request)
                raise
        if self._request is None:
            # Another task has closed it, or taken its end.
            raise StopAsyncIteration
        if request.arrived:
            try:
                item, cost = methods.decode_item(client.native, client, self._method.result, request.arrived.popleft())
            except BaseException:
                self._request = None
                client.abandon(request)
                raise
            self._credit += cost
            if self._credit >= self._window // 2 and request.last is None:
                credit, self._credit = self._credit, 0
                client._submit(frames.credit(client.queue, request.id, credit))
            return item
        self._request = None
        assert request.last is not None
        if request.feed is not None:
            await request.feed.finish()
        if request.failure is not None:
            raise request.failure
        if request.last[1] == frames.END:
            raise StopAsyncIteration
        raise methods.failure(self._method, request.last, client)

    async def close(self) -> None:
        """Cancels what is left, and waits for the library to say so."""
        request, self._request = self._request, None
        if request is None:
            return
        self._client.abandon(request)
        while request.last is None:
            await request.wait(self._client.loop)
        if request.feed is not None:
            await request.feed.finish()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        request = getattr(self, "_request", None)
        if request is None:
            return
        self._request = None
        client = self._client
        # A finalizer may run on any thread; a loop that is closed has left its requests already.
        with contextlib.suppress(RuntimeError):
            client.loop.call_soon_threadsafe(client.abandon, request)
