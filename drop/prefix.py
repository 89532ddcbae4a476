"""Writes what C's build tools read about a platform's folder: pkg-config's and CMake's files.

    prefix.py --version VERSION --platform NAME --libraries TEXT --out FOLDER [--file PATH=FILE]... TEMPLATE...

FILE is what will be at PATH of the platform's folder; CMake's file tells where one is missing or cut.
"""

import argparse
import pathlib
import re

_PROCESSORS = {"amd64": "x86_64|amd64|AMD64", "arm64": "aarch64|arm64|ARM64"}
_SYSTEMS = {"linux": "Linux", "macos": "Darwin", "windows": "Windows"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--platform", required=True)
    parser.add_argument("--libraries", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--file", action="append", required=True)
    parser.add_argument("templates", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    system, machine = arguments.platform.split("-")[:2]
    files = dict(file.split("=", 1) for file in arguments.file)
    (shared,) = (path for path in files if not path.endswith(".a"))
    values = {
        "FILES": " ".join(f'"{path}={pathlib.Path(file).stat().st_size}"' for path, file in sorted(files.items())),
        "MAJOR": arguments.version.split(".")[0],
        "MINOR": arguments.version.split(".")[1],
        "PLATFORM": arguments.platform,
        "PROCESSOR": _PROCESSORS[machine],
        "SHARED": shared,
        "SONAME": pathlib.PurePosixPath(shared).name,
        "SYSTEM": _SYSTEMS[system],
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
