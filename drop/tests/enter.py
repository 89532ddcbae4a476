#!/usr/bin/env python3
"""enter.py PACKAGES WORK COMMAND...: runs a command in a root that @root_with_... made, of which packages.txt is given.

It sees that root, WORK as /tmp, and of this machine the devices and processes only: no network (the sandbox has none),
no file of the tree, no tool of the environment. The environment has no mount(8), so this calls mount(2).
"""

import ctypes
import os
import pathlib
import sys

_LIBC = ctypes.CDLL(None, use_errno=True)
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 1 << 18


def _mount(source: str, target: str, flags: int) -> None:
    if _LIBC.mount(os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount {source} at {target}: {os.strerror(number)}")


def main() -> None:
    root = str(pathlib.Path(sys.argv[1]).resolve().parent)
    work, command = sys.argv[2], sys.argv[3:]
    user, group = os.getuid(), os.getgid()
    # Mounts of a namespace of users are seen by nobody else, and end with the command.
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        pathlib.Path("/proc/self", name).write_text(text)
    _mount("none", "/", _RECURSIVE | _PRIVATE)
    # The root itself lies where nothing may be written.
    _mount(root, root, _BIND | _RECURSIVE)
    for source, target in (("/dev", "dev"), ("/proc", "proc"), (work, "tmp")):
        _mount(source, f"{root}/{target}", _BIND | _RECURSIVE)
    os.chdir(root)
    os.chroot(".")
    os.chdir("/tmp")
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}
    os.execvpe(command[0], command, environment)


main()
