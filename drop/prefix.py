"""Writes what C's build tools read about a platform's folder: pkg-config's and CMake's files.

    prefix.py --version VERSION --platform NAME --libraries TEXT --threads TEXT --shared PATH --out FOLDER
        [--file PATH=FILE]... TEMPLATE...

FILE is what will be at PATH of the platform's folder; CMake's file tells where one is missing or cut. PATH of the
shared library is named once more.
"""

import argparse
import pathlib
import re

_PROCESSORS = {"amd64": "x86_64|amd64|AMD64", "arm64": "aarch64|arm64|ARM64"}
# What comes before the file's name in what the library calls itself.
_SONAMES = {"linux": "", "macos": "@rpath/", "windows": ""}
_SYSTEMS = {"linux": "Linux", "macos": "Darwin", "windows": "Windows"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--platform", required=True)
    parser.add_argument("--libraries", required=True)
    parser.add_argument("--threads", required=True)
    parser.add_argument("--shared", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--file", action="append", required=True)
    parser.add_argument("templates", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    system, machine = arguments.platform.split("-")[:2]
    files = dict(file.split("=", 1) for file in arguments.file)
    # CMake links a DLL by its import library, and others by the name that they call themselves.
    imported = [path for path in files if path.endswith(".dll.a")]
    name = pathlib.PurePosixPath(arguments.shared).name
    linked = (
        f'IMPORTED_IMPLIB "${{_strongroom}}/{imported[0]}"'
        if imported
        else f'IMPORTED_SONAME "{_SONAMES[system]}{name}"'
    )
    values = {
        "FILES": " ".join(f'"{path}={pathlib.Path(file).stat().st_size}"' for path, file in sorted(files.items())),
        "MAJOR": arguments.version.split(".")[0],
        "MINOR": arguments.version.split(".")[1],
        "PLATFORM": arguments.platform,
        "PROCESSOR": _PROCESSORS[machine],
        "LINKED": linked,
        "SHARED": arguments.shared,
        "SYSTEM": _SYSTEMS[system],
        "THREADS": f" {arguments.threads}" if arguments.threads else "",
        "VERSION": arguments.version,
    }
    for template in arguments.templates:
        values["LIBRARIES"] = arguments.libraries
        if template.suffix == ".cmake":
            values["LIBRARIES"] = arguments.libraries.replace("-l", "").replace(" ", ";")
        text = re.sub("@([A-Z]+)@", lambda m: values[m[1]], template.read_text(encoding="utf-8"))
        folder = arguments.out / ("cmake/strongroom" if template.suffix == ".cmake" else "pkgconfig")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / template.name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
