"""Why a native file cannot be loaded here, and what to do about it."""

from __future__ import annotations

import pathlib
import platform
import re

# e_machine of ELF files, as platform.machine() calls it.
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}

_REINSTALL = "reinstall the package"


# The header of an ELF file of 64 bits.
_HEADER = 64


def _head(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER)


def cut(path: pathlib.Path) -> bool:
    """Whether an ELF file ends before its table of sections, which comes last in it, does.

    To be asked before it is opened: the system maps what the file says that it has, and ends the program at the first
    byte beyond.
    """
    head = _head(path)
    # 64 bits, little-endian: what Strongroom is built for.
    if len(head) < _HEADER or head[:6] != b"\x7fELF\x02\x01":
        return False
    start, size, count = (int.from_bytes(head[a:b], "little") for a, b in ((40, 48), (58, 60), (60, 62)))
    return path.stat().st_size < start + size * count


def reason(path: pathlib.Path, why: str) -> str:
    """A sentence for people about the file, of which the system says `why`."""
    try:
        head = _head(path)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}; {_REINSTALL}"
    if needed := re.search(r"version [`']GLIBC_([0-9.]+)'", why):
        _, here = platform.libc_ver()
        return (
            f"{path} needs glibc {needed[1]} or later, and this machine has {here or 'another C library'}; "
            f"install the wheel for musl if the machine has that, or use a newer system ({why})"
        )
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        machine = int.from_bytes(head[18:20], "little")
        made = _MACHINES.get(machine, f"a machine with number {machine}")
        if made != platform.machine():
            return (
                f"{path} is for {made}, and this machine is {platform.machine()}; install the wheel for this platform"
            )
    if "too short" in why or "truncated" in why or len(head) < _HEADER or "file data" in why:
        return f"{path} is not whole ({why}); {_REINSTALL}"
    return f"{path} cannot be opened ({why}); {_REINSTALL}"
