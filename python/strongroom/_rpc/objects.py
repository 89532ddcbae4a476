"""The bases of the generated classes: an object of the library, named by a handle."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from ._native import Error
from .errors import HandleClosed

if TYPE_CHECKING:
    from .aio import LoopClient
    from .sync import SyncClient

    Client = TypeVar("Client", SyncClient, LoopClient)
else:
    Client = TypeVar("Client")


class _Handle(Generic[Client]):
    __slots__ = ("__weakref__", "_client", "_number")

    _client: Client
    _number: int

    def __init__(self) -> None:
        raise TypeError(
            f"{type(self).__name__} objects come from the library: use a constructor method, such as open()"
        )

    @classmethod
    def _adopt(cls, client: Client, handle: int) -> Self:
        # That of `object`: a deprecated class warns those who name it, and not the decoder.
        made = object.__new__(cls)
        made._client = client
        made._number = handle
        return made

    @property
    def client(self) -> Client:
        """What makes this object's calls: it makes buffers, and answers statistics."""
        return self._client

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._number == 0

    def _handle(self) -> int:
        if self._number == 0:
            raise HandleClosed(f"the {type(self).__name__} is closed")
        return self._number

    def close(self) -> None:
        """Gives the object back; it ends when its last request is over. Never waits. A second call does nothing."""
        number, self._number = self._number, 0
        if number:
            # Where the runtime has gone, so has the object.
            with contextlib.suppress(Error):
                self._client.native.object_close(number)

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        # An object that _adopt did not finish has no number.
        if getattr(self, "_number", 0):
            if self._client.runtime.usable:
                _warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self.close()


class Object(_Handle["SyncClient"]):
    """An object whose methods wait for their results."""

    __slots__ = ()

    def __enter__(self) -> Self:
        self._handle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncObject(_Handle["LoopClient"]):
    """An object whose methods are coroutines of one event loop."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        self._handle()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
