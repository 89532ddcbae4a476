"""Makes the wheel: a zip of the package and what installers want to know, the same bytes from the same files.

    make_wheel.py --licence FILE --notices FILE --readme FILE NAME-VERSION-PYTHON-ABI-PLATFORM.whl FILE...

The platform in the name is what the native files really need: where the name says otherwise, this fails and says
what it should be.
"""

import argparse
import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import zipfile

# Of what PEP 600 lets the files of a manylinux wheel take from the machine, the libraries that come with glibc.
_OF_THE_MACHINE = {"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"}
# musl is one library; its loader knows this name, whatever a distribution calls it. Since 1.2 its interface only grows.
_MUSL = {"libc.so"}
# What readelf calls a processor: what wheels call it, and the loader of its programs.
_MACHINES = {
    "Advanced Micro Devices X86-64": ("x86_64", "ld-linux-x86-64.so.2"),
    "AArch64": ("aarch64", "ld-linux-aarch64.so.1"),
}

_METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: {version}
Summary: Backup and restore in one library
License-Expression: Apache-2.0
License-File: LICENSE
License-File: THIRD-PARTIES
Requires-Python: >=3.11
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3 :: Only
Classifier: Programming Language :: Python :: Implementation :: CPython
Classifier: Topic :: System :: Archiving :: Backup
Classifier: Typing :: Typed
Description-Content-Type: text/markdown

"""

_WHEEL = """\
Wheel-Version: 1.0
Generator: strongroom
Root-Is-Purelib: false
Tag: {tag}
"""

_ENTRY_POINTS = """\
[console_scripts]
strongroom = strongroom._agent.command_line:main
"""


def _readelf(*arguments: str) -> str:
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=True).stdout


def platform(native: list[pathlib.Path]) -> str:
    """The oldest platform that these files run on: where they need glibc, that of the newest symbol of one of them."""
    newest = (0, 0)
    machines, libraries = set(), set()
    for path in native:
        machine, loader = _MACHINES[re.findall(r"Machine: +(.*)", _readelf("-h", str(path)))[0]]
        machines.add(machine)
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", _readelf("-d", str(path))))
        if needed == _MUSL:
            libraries.add("musl")
            continue
        libraries.add("glibc")
        if others := needed - _OF_THE_MACHINE - {loader}:
            sys.exit(
                f"make_wheel: {path} needs {', '.join(sorted(others))}, which not every Linux has; link it statically"
            )
        for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", _readelf("-V", str(path))):
            newest = max(newest, (int(major), int(minor)))
    if len(machines) != 1:
        sys.exit(f"make_wheel: the files are for {' and '.join(sorted(machines))}; a wheel is for one processor")
    if len(libraries) != 1:
        sys.exit("make_wheel: some files need glibc and some musl; a wheel is for one of them")
    if libraries == {"musl"}:
        return f"musllinux_1_2_{machines.pop()}"
    return f"manylinux_{newest[0]}_{newest[1]}_{machines.pop()}"


def _inside(path: pathlib.Path) -> str:
    """Where a file of the tree belongs: below the folder that holds the package."""
    parts = path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("strongroom") :])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--licence", type=pathlib.Path, required=True)
    parser.add_argument("--notices", type=pathlib.Path, required=True)
    parser.add_argument("--readme", type=pathlib.Path, required=True)
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("files", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    name, version, tag = arguments.wheel.stem.split("-", 2)
    native = [path for path in arguments.files if path.suffix == ".so"]
    needed = platform(native)
    if not tag.endswith(f"-{needed}"):
        sys.exit(f"make_wheel: the files need {needed}, and the name says {tag.rpartition('-')[2]}; change the name")

    about = f"{name}-{version}.dist-info"
    entries = {_inside(path): path.read_bytes() for path in arguments.files}
    metadata = _METADATA.format(name=name, version=version) + arguments.readme.read_text(encoding="utf-8")
    entries[f"{about}/METADATA"] = metadata.encode()
    entries[f"{about}/WHEEL"] = _WHEEL.format(tag=tag).encode()
    entries[f"{about}/entry_points.txt"] = _ENTRY_POINTS.encode()
    entries[f"{about}/licenses/LICENSE"] = arguments.licence.read_bytes()
    entries[f"{about}/licenses/THIRD-PARTIES"] = arguments.notices.read_bytes()
    record = ""
    for path, content in sorted(entries.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    entries[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    with zipfile.ZipFile(arguments.wheel, "w") as wheel:
        # What is about the package comes last, so that it can be read without the rest.
        for path, content in sorted(entries.items(), key=lambda entry: (entry[0].startswith(about), entry[0])):
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if path.endswith(".so") else 0o100644) << 16
            wheel.writestr(info, content)


if __name__ == "__main__":
    main()
