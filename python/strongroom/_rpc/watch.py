"""How an event loop is told that a queue has completions: by the queue's descriptor, which becomes readable."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Callable


class Watch:
    """Calls `ready` on the loop's thread while the descriptor is readable, until it is stopped.

    Most loops wait for descriptors themselves. Those that do not, such as asyncio's own on Windows, get one thread that
    does it for them, whatever the number of calls.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, ready: Callable[[], None]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._waiter: _Waiter | None = None
        try:
            loop.add_reader(descriptor, ready)
        except NotImplementedError:
            self._waiter = _Waiter(loop, descriptor, ready)

    def stop(self) -> None:
        """To be called on the loop's thread, or after the loop was closed."""
        if self._waiter is not None:
            self._waiter.stop()
        elif not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)


class _Waiter:
    """The thread. It waits again only when the loop has seen to what it was told."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, ready: Callable[[], None]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._ready = ready
        self._stopped = False
        # What ends a wait from outside: each turn of the loop sends a byte, and so does the end.
        self._ours, self._theirs = socket.socketpair()
        thread = threading.Thread(target=self._wait, name="strongroom-queue", daemon=True)
        thread.start()

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(OSError):
            self._theirs.send(b"0")

    def _wait(self) -> None:
        with self._ours, self._theirs, contextlib.suppress(OSError, ValueError, RuntimeError):
            # The loop may be closed, and the descriptor with its runtime: then nobody waits for this any more.
            while not self._stopped:
                ours = self._ours.fileno()
                readable, _, _ = select.select([self._descriptor, ours], [], [])
                if ours in readable:
                    return
                self._loop.call_soon_threadsafe(self._turn)
                self._ours.recv(1)

    def _turn(self) -> None:
        if self._stopped:
            return
        try:
            self._ready()
        finally:
            with contextlib.suppress(OSError):
                self._theirs.send(b"1")
