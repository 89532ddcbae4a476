"""The threads on which calls from the library run, where there is no event loop.

The receiver cannot run them: a callback that calls the library waits for an answer that the receiver delivers. So a
runtime has a few threads for them, started when they are needed and ended when nothing has come for a while. A thread
of these that waits for the library itself runs further callbacks meanwhile: however deep callbacks and calls are
nested in each other, the few are enough.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

# How many calls from the library run at the same time.
LIMIT = 8
# Seconds until a thread without work ends.
_IDLE = 5.0


class Waiter(Protocol):
    """One of the threads, while it waits for the library."""

    def open(self) -> None:
        """Makes it look around once."""


class Workers:
    """At most LIMIT threads. No signal handler runs on them, so they may hold locks."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._waiting: set[Waiter] = set()
        self._ended = False

    def add(self, job: Callable[[], None]) -> bool:
        """Has a job done; False where no thread could be started for it."""
        with self._changed:
            self._jobs.append(job)
            if self._idle < len(self._jobs) and self._threads < LIMIT:
                try:
                    threading.Thread(target=self._work, name="strongroom-callback", daemon=True).start()
                    self._threads += 1
                except RuntimeError:
                    if not self._threads:
                        self._jobs.pop()
                        return False
            self._changed.notify()
            for waiter in self._waiting:
                waiter.open()
        return True

    def end(self) -> None:
        """Ends the threads that have nothing to do, now and later. What runs is not waited for."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def run_one(self) -> bool:
        """Runs a job that waits for a thread, on one of the threads; False where there is none."""
        with self._changed:
            if not self._jobs:
                return False
            job = self._jobs.popleft()
        job()
        return True

    def wait(self, waiter: Waiter) -> None:
        """From now on the waiter is opened when there is a job."""
        with self._changed:
            self._waiting.add(waiter)

    def no_wait(self, waiter: Waiter) -> None:
        """The opposite."""
        with self._changed:
            self._waiting.discard(waiter)

    def _work(self) -> None:
        here.workers = self
        while True:
            with self._changed:
                self._idle += 1
                found = self._changed.wait_for(lambda: self._jobs or self._ended, _IDLE)
                self._idle -= 1
                if not self._jobs and (self._ended or not found):
                    self._threads -= 1
                    return
            self.run_one()


class _Here(threading.local):
    """The workers that this thread is one of."""

    workers: Workers | None = None


here = _Here()
