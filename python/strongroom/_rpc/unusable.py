"""Why a native file cannot be loaded here, and what to do about it."""

from __future__ import annotations

import pathlib
import platform
import re

# The processor in the header of a file for Linux, macOS and Windows.
_ELF = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_MACH = {0x01000007: "x86_64", 0x0100000C: "aarch64"}
_PE = {0x014C: "i686", 0x8664: "x86_64", 0xAA64: "aarch64"}

# Other names that systems have for a processor.
_SAME = {"amd64": "x86_64", "arm64": "aarch64"}

_REINSTALL = "reinstall the package"


# The header of an ELF file of 64 bits.
_HEADER = 64
# As much as tells what a file is for: the header of a PE file stands behind a small program for DOS.
_START = 4096


def _head(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)


def cut(path: pathlib.Path) -> bool:
    """Whether a file of ELF or PE ends before what its header says that it has.

    To be asked before it is opened: Linux maps what the file says that it has, and ends the program at the first byte
    beyond, and what Windows says of such a file is what it says of any that it does not take.
    """
    head = _head(path)
    return path.stat().st_size < max(_end_of_elf(head), _end_of_pe(head))


def _end_of_elf(head: bytes) -> int:
    """Where its table of sections ends, which comes last; 0 where it is no such file."""
    # 64 bits, little-endian: what Strongroom is built for.
    if len(head) < _HEADER or head[:6] != b"\x7fELF\x02\x01":
        return 0
    return _number(head, 40, 8) + _number(head, 58, 2) * _number(head, 60, 2)


def _end_of_pe(head: bytes) -> int:
    """Where its last section ends; 0 where it is no such file."""
    at = _pe(head)
    if at is None:
        return 0
    first = at + 24 + _number(head, at + 20, 2)
    sections = range(first, first + _number(head, at + 6, 2) * 40, 40)
    return max((_number(head, section + 16, 4) + _number(head, section + 20, 4) for section in sections), default=0)


def _pe(head: bytes) -> int | None:
    """Where the header of a PE file is, which stands behind a small program for DOS."""
    if len(head) < _HEADER or head[:2] != b"MZ":
        return None
    at = _number(head, 60, 4)
    return at if head[at : at + 4] == b"PE\0\0" else None


def _number(head: bytes, at: int, size: int) -> int:
    return int.from_bytes(head[at : at + size], "little")


def _made_for(head: bytes) -> tuple[str, str] | None:
    """The system, as platform.system() calls it, and the processor of a native file; None where it is none."""
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        system, known, number = "Linux", _ELF, _number(head, 18, 2)
    elif head[:4] == b"\xcf\xfa\xed\xfe" and len(head) >= 8:
        system, known, number = "Darwin", _MACH, _number(head, 4, 4)
    elif (at := _pe(head)) is not None:
        system, known, number = "Windows", _PE, _number(head, at + 4, 2)
    else:
        return None
    return system, known.get(number, f"a machine with number {number}")


def reason(path: pathlib.Path, why: str) -> str:
    """A sentence for people about the file, of which the system says `why`."""
    try:
        head = _head(path)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}; {_REINSTALL}"
    if needed := re.search(r"version [`']GLIBC_([0-9.]+)'", why):
        _, libc = platform.libc_ver()
        return (
            f"{path} needs glibc {needed[1]} or later, and this machine has {libc or 'another C library'}; "
            f"install the wheel for musl if the machine has that, or use a newer system ({why})"
        )
    made, machine = _made_for(head), platform.machine().lower()
    here = platform.system(), _SAME.get(machine, machine)
    if made is not None and made != here:
        names = [f"{machine} ({system})" if made[0] != here[0] else machine for system, machine in (made, here)]
        return f"{path} is for {names[0]}, and this machine is {names[1]}; install the wheel for this platform"
    if "too short" in why or "truncated" in why or len(head) < _HEADER or "file data" in why or cut(path):
        return f"{path} is not whole ({why}); {_REINSTALL}"
    return f"{path} cannot be opened ({why}); {_REINSTALL}"
