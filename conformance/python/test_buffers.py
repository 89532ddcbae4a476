"""Buffers by the buffer protocol: everybody looks at the library's own memory, and each view is a lease."""

import asyncio
import ctypes
import gc
import hashlib
import os
import pathlib
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest

import conformance_api
import strongroom
from conformance_api import AsyncEcho, Echo
from strongroom import Buffer, Runtime

_SIZE = 4 << 20
_PATTERN = bytes(range(256)) * (_SIZE // 256)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with conformance_api.new_runtime() as made:
        yield made
        counts = made.statistics()
        assert (counts.in_flight, counts.buffers, counts.objects) == (0, 0, 0)


@pytest.fixture
def buffer(runtime: Runtime) -> Iterator[Buffer]:
    with runtime.sync().alloc(_SIZE) as made:
        with made.view() as view:
            view[:] = _PATTERN
        yield made


def _array(buffer: Buffer) -> Any:
    # What numpy says of its argument to type checkers does not name the buffer protocol.
    protocol: Any = buffer
    return numpy.frombuffer(protocol, dtype=numpy.uint8)


def _address(buffer: Buffer) -> int:
    """Where its bytes are."""
    with buffer.view() as view:
        return ctypes.addressof(ctypes.c_char.from_buffer(view))


def _busy(buffer: Buffer) -> None:
    """An open view forbids what would change bytes under it."""
    for refused in (buffer.close, lambda: buffer.shrink(1), buffer._detach, lambda: buffer.__exit__(None, None, None)):
        with pytest.raises(BufferError, match="of this buffer are open; release them before"):
            refused()
    assert not buffer.closed


class _NoCopy:
    """Python allocates next to nothing meanwhile."""

    def __enter__(self) -> None:
        gc.collect()
        tracemalloc.start()

    def __exit__(self, *error: object) -> None:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < _SIZE // 8


def test_a_memoryview_is_the_memory(buffer: Buffer) -> None:
    with _NoCopy():
        whole = buffer.view()
        other = memoryview(buffer)
        part = whole[256:512]
        words = part.cast("Q")
    assert (whole.format, whole.itemsize, whole.shape, whole.contiguous, whole.readonly) == (
        "B",
        1,
        (_SIZE,),
        True,
        False,
    )
    part[0] = 77
    assert other[256] == 77
    words[1] = 0
    assert other[264:272] == bytes(8)
    assert part.obj is buffer
    # The lease is that of the last view, in whichever order they go.
    for view in (whole, other, part):
        view.release()
        _busy(buffer)
    words.release()
    buffer.close()
    assert buffer.closed


def test_numpy_looks_at_the_memory(runtime: Runtime, buffer: Buffer) -> None:
    address = _address(buffer)
    with _NoCopy():
        array = _array(buffer)
        words = array.view(numpy.uint64).reshape(-1, 32)
        row = words[1]
    assert array.ctypes.data == address
    assert row.ctypes.data == address + 256
    array[:] = 1
    # An array of an array keeps the lease when all others have gone.
    del array, words
    _busy(buffer)
    with Echo.open("numpy", runtime=runtime) as echo:
        with pytest.raises(BufferError):
            echo.sum(buffer)
        del row
        # What was written there is what the library has.
        assert echo.sum(buffer) == _SIZE
    assert buffer.closed


def test_a_view_outlives_the_buffer_and_keeps_its_lease(runtime: Runtime) -> None:
    array = _array(runtime.sync().alloc(1000))
    gc.collect()
    assert runtime.statistics().buffers == 1
    with pytest.raises(BufferError, match="1 view"):
        runtime.close()
    array[:] = 5
    assert int(array.sum()) == 5000
    with pytest.warns(ResourceWarning, match=r"unclosed <strongroom\.Buffer of 1000 bytes>"):
        del array
    assert runtime.statistics().buffers == 0


def test_moving_in_and_out_moves_no_byte(runtime: Runtime, buffer: Buffer) -> None:
    """The same memory goes into the library, comes back, and goes through a callback."""
    places: list[int] = []

    class Ear:
        def heard(self, text: str) -> int:
            return 0

        def took(self, data: Buffer) -> Buffer:
            places.append(_address(data))
            return data

    places.append(_address(buffer))
    with Echo.open("moving", runtime=runtime) as echo:
        with _NoCopy():
            inverted = echo.invert(buffer)
        assert buffer.closed
        places.append(_address(inverted))
        passed = echo.pass_(Ear(), inverted)
        places.append(_address(passed))
        assert passed.view()[:256] == bytes(range(255, -1, -1))
        gc.collect()
        passed.close()
    assert len(set(places)) == 1


def test_files_read_into_it_and_write_from_it(buffer: Buffer, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    address = _address(buffer)
    with path.open("wb", buffering=0) as raw, _NoCopy():
        assert raw.write(buffer) == _SIZE
    assert path.read_bytes() == _PATTERN
    for buffering in (0, -1):
        with buffer.view() as view:
            view[:] = bytes(_SIZE)
        with path.open("rb", buffering=buffering) as file, _NoCopy():
            assert file.readinto(buffer) == _SIZE  # type: ignore[attr-defined]
        assert _address(buffer) == address
        assert bytes(buffer) == _PATTERN
    with path.open("rb") as file, buffer.view() as view, _NoCopy():
        # Two parts in another order, in one system call.
        half = _SIZE // 2
        assert os.preadv(file.fileno(), [view[half:], view[:half]], 0) == _SIZE
    assert bytes(buffer) == _PATTERN[_SIZE // 2 :] + _PATTERN[: _SIZE // 2]
    expected = hashlib.sha256(bytes(buffer)).digest()
    with _NoCopy():
        assert hashlib.sha256(buffer).digest() == expected


def _receive(receiver: socket.socket, into: memoryview) -> None:
    while into:
        into = into[receiver.recv_into(into) :]


def test_sockets_send_from_it_and_receive_into_it(buffer: Buffer) -> None:
    ours, theirs = socket.socketpair()
    received, backwards = bytearray(_SIZE), _PATTERN[::-1]
    with ours, theirs:
        thread = threading.Thread(target=_receive, args=(theirs, memoryview(received)))
        with buffer.view() as view, _NoCopy():
            thread.start()
            sent = 0
            while sent < _SIZE:
                sent += ours.sendmsg([view[sent : sent + 1000], view[sent + 1000 :]])
            thread.join()
        assert received == _PATTERN
        address = _address(buffer)
        thread = threading.Thread(target=theirs.sendall, args=(backwards,))
        with buffer.view() as view, _NoCopy():
            thread.start()
            got = 0
            while got < _SIZE:
                count, *_ = ours.recvmsg_into([view[got : got + 1000], view[got + 1000 :]])
                got += count
            thread.join()
        assert _address(buffer) == address
        assert bytes(buffer) == backwards


def test_a_system_call_in_another_thread_holds_the_lease(runtime: Runtime, buffer: Buffer) -> None:
    """While sendmsg waits for room, the buffer can be neither moved nor closed."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Echo.open("busy", runtime=runtime) as echo:
        sent: list[int] = []
        thread = threading.Thread(target=lambda: sent.append(ours.sendmsg([buffer])))
        thread.start()
        # It has begun when something has come, and cannot end: nobody reads on.
        theirs.recv(1)
        _busy(buffer)
        with pytest.raises(BufferError):
            echo.sum(buffer)
        with pytest.raises(BufferError, match="1 view"):
            runtime.close()
        _receive(theirs, memoryview(bytearray(_SIZE - 1)))
        thread.join()
        assert sent == [_SIZE]
        assert echo.sum(buffer) == sum(_PATTERN)


def test_asyncio_sockets(runtime: Runtime) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        with ours, theirs:
            async with await AsyncEcho.open("sockets", runtime=runtime) as echo:
                with await echo.client.alloc(_SIZE) as source, await echo.client.alloc(_SIZE) as target:
                    with source.view() as view:
                        view[:] = _PATTERN

                    async def receive() -> None:
                        with target.view() as view:
                            got = 0
                            while got < _SIZE:
                                got += await loop.sock_recv_into(theirs, view[got:])

                    with source.view() as view, _NoCopy():
                        receiving = asyncio.create_task(receive())
                        sending = asyncio.create_task(loop.sock_sendall(ours, view))
                        await asyncio.sleep(0)
                        _busy(source)
                        await asyncio.gather(receiving, sending)
                    assert bytes(target) == _PATTERN

    asyncio.run(main())


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda buffer: buffer.view(), id="view"),
        pytest.param(lambda buffer: memoryview(buffer), id="memoryview"),
        pytest.param(_array, id="numpy"),
        pytest.param(lambda buffer: buffer.shrink(1), id="shrink"),
        pytest.param(lambda buffer: buffer.__enter__(), id="with"),
        pytest.param(lambda buffer: bytes(buffer), id="bytes"),
    ],
)
def test_a_buffer_that_is_closed_or_moved_is_an_error(runtime: Runtime, use: Callable[[Buffer], Any]) -> None:
    closed = runtime.sync().alloc(10)
    closed.close()
    with pytest.raises(strongroom.HandleClosed, match="closed, or was moved"):
        use(closed)
    moved = runtime.sync().alloc(10)
    with Echo.open("moved", runtime=runtime) as echo:
        echo.sum(moved)
        with pytest.raises(strongroom.HandleClosed, match="closed, or was moved"):
            use(moved)
        with pytest.raises(strongroom.HandleClosed):
            echo.sum(moved)
    assert "closed" in repr(moved)


def test_an_empty_buffer(runtime: Runtime) -> None:
    with runtime.sync().alloc(10) as buffer:
        buffer.shrink(0)
        with buffer.view() as view:
            assert (len(view), bytes(view)) == (0, b"")
            _busy(buffer)
