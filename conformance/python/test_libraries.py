"""What a program sees whose library is of another version of the boundary, of another platform, or none of ours."""

import ctypes
import os
import pathlib
from collections.abc import Callable

import pytest

import conformance_api
import strongroom
from strongroom._rpc import Package, _native

LIBRARY = pathlib.Path(os.environ["CONFORMANCE_LIBRARY"])


def _table() -> int:
    """Where in the file the table of functions begins, with its size and its version."""
    library = ctypes.CDLL(str(LIBRARY))
    library.sr_table.restype = ctypes.c_void_p
    address: int = library.sr_table()
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        area, _, offset, _, _, *path = line.split()
        start, end = (int(part, 16) for part in area.split("-"))
        if start <= address < end and path:
            return address - start + int(offset, 16)
    raise AssertionError("the table is not in a file")


def _changed(tmp_path: pathlib.Path, at: int, before: bytes, after: bytes) -> str:
    data = bytearray(LIBRARY.read_bytes())
    assert data[at : at + len(before)] == before
    data[at : at + len(after)] = after
    path = tmp_path / "libchanged.so"
    path.write_bytes(data)
    return str(path)


def _of_another_version(tmp_path: pathlib.Path) -> str:
    return _changed(tmp_path, _table() + 4, (1).to_bytes(4, "little"), (2).to_bytes(4, "little"))


def _that_lacks_functions(tmp_path: pathlib.Path) -> str:
    return _changed(tmp_path, _table(), b"", (16).to_bytes(4, "little"))


def _of_another_platform(tmp_path: pathlib.Path) -> str:
    # The machine that an ELF file is for: here one that nobody has.
    return _changed(tmp_path, 18, b"", (0x1234).to_bytes(2, "little"))


def _that_is_torn(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "libtorn.so"
    path.write_bytes(LIBRARY.read_bytes()[:100])
    return str(path)


def _that_is_none_of_ours(_: pathlib.Path) -> str:
    return str(_native.__file__)


@pytest.mark.parametrize(
    ("library", "why"),
    [
        (_of_another_version, "another version of the boundary: 2, and this package speaks 1"),
        (_that_lacks_functions, "another version of the boundary"),
        (
            _of_another_platform,
            "libchanged.so is for a machine with number 4660, and this machine is .*; install the wheel for this",
        ),
        (_that_is_torn, "libtorn.so is not whole .*; reinstall the package"),
        (_that_is_none_of_ours, "another version of the boundary: 0"),
    ],
)
def test_a_library_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, library: Callable[[pathlib.Path], str], why: str
) -> None:
    monkeypatch.setenv("CONFORMANCE_LIBRARY", library(tmp_path))
    with pytest.raises(strongroom.Error, match=why):
        Package("conformance", __file__, "00" * 16, conformance_api.generated._TEXT).library()
