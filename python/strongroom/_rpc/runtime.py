"""Opening the library, and the runtime that calls go to."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import dataclasses
import logging
import os
import pathlib
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from . import _native, errors, frames
from .aio import InFlight, LoopClient
from .methods import Callbacks
from .sync import SyncClient
from .unusable import cut, reason

# Queue 0 is that of plain calls; each event loop that is in use takes one of the others.
_QUEUES = 16

# The library's levels, 1 error to 5 trace.
_LEVELS: Mapping[int, int] = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG, 5: 5}


@dataclasses.dataclass(frozen=True, slots=True)
class RuntimeStatistics:
    """What the library counts: `buffers` and `objects` are 0 when everything was given back."""

    requests: int
    in_flight: int
    buffers: int
    buffer_bytes: int
    objects: int
    stray: int
    threads: int


class Runtime:
    """Threads, memory and queues of one library. Usually there is one in a process, made at the first call."""

    def __init__(self, library: _native.Library, workers: int = 0, buffer_memory: int = 0) -> None:
        try:
            self.native = library.runtime(_QUEUES, workers, buffer_memory)
        except _native.Failure as failure:
            raise errors.of_failure(failure) from None
        self._lock = threading.Lock()
        self._closed = False
        self._freed = False
        self._forked = False
        self._sync: SyncClient | None = None
        self._loops: dict[int, LoopClient] = {}
        # What loops that were closed have left, by queue.
        self._left: dict[int, InFlight] = {}
        # Answers what a call of this moment belongs to: 16 bytes of W3C trace id, 8 of span id; or None.
        self.trace: Callable[[], bytes | None] | None = None
        # What the library may call; it says when it no longer does.
        self.callbacks: Callbacks = frames.Table()
        _runtimes.add(self)

    def check_usable(self) -> None:
        """Raises where the runtime is closed, or belongs to the process that this one was forked from."""
        if self._forked:
            raise errors.ForkError(_native.FORKED)
        if self._closed:
            raise errors.RuntimeClosed("the runtime is closed; make a new one")

    def current_trace(self) -> bytes | None:
        """The trace that a call of this moment carries."""
        if self.trace is None:
            return None
        trace = self.trace()
        if trace is not None and len(trace) != 24:
            raise ValueError(f"a trace has 16 bytes, and a span 8: {trace!r} has {len(trace)}")
        return trace

    @property
    def usable(self) -> bool:
        """Whether it is open, in the process that opened it."""
        return not (self._closed or self._forked)

    def sync(self) -> SyncClient:
        """The client for plain calls."""
        self.check_usable()
        if self._sync is None:
            with self._lock:
                if self._sync is None:
                    self._sync = SyncClient(self, self.native)
        return self._sync

    def for_loop(self) -> LoopClient:
        """The client of the running event loop."""
        self.check_usable()
        loop = asyncio.get_running_loop()
        with self._lock:
            client = self._loops.get(id(loop))
            if client is not None and client.loop is loop:
                return client
            made = self._take_queue()
            self._loops[id(loop)] = made
            return made

    def _take_queue(self) -> LoopClient:
        # Here it is noticed that a loop was closed; the calls that it left end with it.
        for key, client in list(self._loops.items()):
            if client.loop.is_closed():
                client.leave()
                del self._loops[key]
                self._left[client.queue] = client.in_flight
        used = {client.queue for client in self._loops.values()}
        for queue in range(1, _QUEUES):
            if queue not in used:
                return LoopClient(self, self.native, queue, self._left.pop(queue, None))
        raise errors.Error(f"{_QUEUES - 1} event loops use this runtime already; make another runtime")

    def statistics(self) -> RuntimeStatistics:
        """The library's own counts."""
        self.check_usable()
        return RuntimeStatistics(*self.native.statistics())

    def close(self, wait: float = 0.0) -> None:
        """Waits so many seconds for calls in flight, cancels the rest, and frees everything.

        Raises BufferError where a view of a buffer is open: its memory would vanish under it. From within an event loop
        that has calls in flight, use `aclose`.
        """
        if self._freed or self._forked:
            return
        if views := self.native.views():
            raise BufferError(f"{views} view(s) of the runtime's buffers are open; release them first")
        self._closed = True
        if self._sync is not None:
            self._sync.end(wait)
        for client in self._loops.values():
            client.leave_from_any_thread()
        try:
            # A view may have opened meanwhile; when it is released, `close` can be called again.
            self.native.free(int(wait * 1e9))
        except _native.Failure as failure:
            raise errors.of_failure(failure) from None
        self._freed = True
        for lent in self.callbacks.all():
            self.callbacks.remove(lent.id)

    async def aclose(self, wait: float = 0.0) -> None:
        """`close`, while the running event loop goes on."""
        if self._freed or self._forked:
            return
        client = self._loops.get(id(asyncio.get_running_loop()))
        if client is not None:
            await client.end(wait)
        await asyncio.get_running_loop().run_in_executor(None, self.close, wait)

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        # Where `__init__` has failed there is nothing to close.
        if not hasattr(self, "callbacks") or not self.usable:
            return
        _warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
        self._closed = True
        # A finalizer may run on any thread, also on one that the end would wait for. The native part frees everything
        # when the last of those that receive has left it.
        if self._sync is not None:
            self._sync.leave_alone()
        for client in self._loops.values():
            client.leave_alone()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


_runtimes: weakref.WeakSet[Runtime] = weakref.WeakSet()
_packages: weakref.WeakSet[Package] = weakref.WeakSet()


def _leave_behind() -> None:
    """What was opened before the fork is of no use in the child, which may open the library itself."""
    for runtime in _runtimes:
        runtime._forked = True
    for package in _packages:
        package._begin()


def _close_all() -> None:
    for runtime in list(_runtimes):
        # With a view open, the process ends with the runtime as it is.
        with contextlib.suppress(BufferError, errors.Error):
            runtime.close()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_leave_behind)
# The receivers must have left the library before the interpreter goes.
atexit.register(_close_all)


def _file(name: str) -> str:
    """What a library is called on this system."""
    if sys.platform == "win32":
        return f"{name}.dll"
    return f"lib{name}.dylib" if sys.platform == "darwin" else f"lib{name}.so"


class Package:
    """What a generated package knows about its library."""

    def __init__(self, name: str, file: str, schema: str, text: str) -> None:
        self._name = name
        self._folder = pathlib.Path(file).absolute().parent
        # The hash of the interface that the package was made from, and the text that it is the hash of.
        self._schema = bytes.fromhex(schema)
        self._text = text
        self._begin()
        _packages.add(self)

    def _begin(self) -> None:
        """Nothing is open in this process."""
        self._lock = threading.Lock()
        self._library: _native.Library | None = None
        self._default: Runtime | None = None
        self._logging = False

    def path(self) -> pathlib.Path:
        """Where the library is: where STRONGROOM_LIBRARY (or the like, by the package's name) says, or beside us."""
        variable = f"{self._name.upper()}_LIBRARY"
        told = os.environ.get(variable)
        path = pathlib.Path(told).absolute() if told else self._folder / _file(self._name)
        if not path.is_file():
            raise errors.LibraryNotFound(
                f"there is no library at {path}; reinstall the package, or set {variable} to the library's path"
            )
        return path

    def library(self) -> _native.Library:
        """The library, opened and compared at the first use."""
        with self._lock:
            if self._library is None:
                path = self.path()
                try:
                    if cut(path):
                        raise OSError("it is truncated")
                    library = _native.Library(path)
                except OSError as failure:
                    raise errors.Error(reason(path, str(failure))) from None
                except errors.Error as failure:
                    raise errors.SchemaMismatch(f"{path}: {failure}; take both from one release") from None
                self._check(library)
                self._library = library
            return self._library

    def _check(self, library: _native.Library) -> None:
        _, schema = library.abi()
        # Another interface may be one that has grown, or one that this package has grown from.
        if schema != self._schema and (differs := library.check(self._text)) is not None:
            raise errors.SchemaMismatch(f"{self.path()}: {differs}")

    def runtime(self, workers: int = 0, buffer_memory: int = 0) -> Runtime:
        """A new runtime."""
        return Runtime(self.library(), workers, buffer_memory)

    def default(self) -> Runtime:
        """The runtime that calls use where none is given."""
        if self._default is None:
            library = self.library()
            with self._lock:
                if self._default is None:
                    self._default = Runtime(library)
        return self._default

    def client(self, runtime: Runtime | None) -> SyncClient:
        """For generated constructors."""
        return (runtime or self.default()).sync()

    def loop_client(self, runtime: Runtime | None) -> LoopClient:
        """For generated constructors."""
        return (runtime or self.default()).for_loop()

    def log(self, level: int) -> None:
        """Delivers the library's lines of this level and above into `logging`, as loggers below the package's name."""
        wanted = max((theirs for theirs, ours in _LEVELS.items() if ours >= level), default=1)
        library = self.library()
        with self._lock:
            library.log_open(wanted)
            if self._logging:
                return
            self._logging = True
        thread = threading.Thread(target=self._deliver_log, args=(library,), name="strongroom-log", daemon=True)
        thread.start()

        def stop() -> None:
            with contextlib.suppress(errors.ForkError):
                library.log_close()
                thread.join()

        atexit.register(stop)

    def _deliver_log(self, library: _native.Library) -> None:
        while (read := library.log_read()) is not None:
            lines, lost = read
            for level, target, message in lines:
                logger = logging.getLogger(f"{self._name}.{target.replace('::', '.')}")
                logger.log(_LEVELS.get(level, logging.DEBUG), "%s", message)
            if lost:
                logging.getLogger(self._name).warning(
                    "%d log lines came faster than they were taken, and were lost", lost
                )
