"""Builds the native part in place, for work outside Bazel: `python3 python/build_native.py`."""

import os
import pathlib
import subprocess
import sysconfig

HERE = pathlib.Path(__file__).resolve().parent


def build() -> pathlib.Path:
    """Compiles `_native.c` where it, or a header of it, is newer than the extension, whose path is the answer."""
    source = HERE / "strongroom" / "_rpc" / "_native.c"
    include = HERE.parent / "rust" / "rpc" / "include"
    made = source.with_name("_native.abi3.so")
    newest = max(file.stat().st_mtime for file in (source, source.with_name("_system.h"), include / "sr.h"))
    if made.exists() and made.stat().st_mtime >= newest:
        return made
    part = made.with_suffix(f".{os.getpid()}")
    subprocess.run(
        [
            os.environ.get("CC", "cc"),
            *["-O2", "-g", "-std=c11", "-fPIC", "-shared", "-pthread", "-Wall", "-Wextra", "-fvisibility=hidden"],
            f"-I{sysconfig.get_path('include')}",
            f"-I{include}",
            # Debian's Python.h looks for a part of itself from there, and some compilers do not.
            *["-idirafter", "/usr/include"],
            str(source),
            *["-ldl", "-o", str(part)],
        ],
        check=True,
    )
    part.replace(made)
    return made


if __name__ == "__main__":
    print(build())
