"""Makes the wheel: a zip of the package and what installers want to know, the same bytes from the same files.

    make_wheel.py --licence FILE --notices FILE --objdump TOOL --readme FILE \
        NAME-VERSION-PYTHON-ABI-PLATFORM.whl FILE...

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

_NATIVE = (".dll", ".dylib", ".pyd", ".so")

# Of what PEP 600 lets the files of a manylinux wheel take from the machine, the libraries that come with glibc.
_OF_THE_MACHINE = {"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"}
# musl is one library; its loader knows this name, whatever a distribution calls it. Since 1.2 its interface only grows.
_MUSL = {"libc.so"}
# What readelf calls a processor: what wheels call it, and the loader of its programs.
_MACHINES = {
    "Advanced Micro Devices X86-64": ("x86_64", "ld-linux-x86-64.so.2"),
    "AArch64": ("aarch64", "ld-linux-aarch64.so.1"),
}

# Of macOS: what every version has.
_OF_MACOS = {
    "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation",
    "/System/Library/Frameworks/Security.framework/Versions/A/Security",
    "/usr/lib/libSystem.B.dylib",
}
# Of Windows 10: what every one has, and the DLL of the limited API, which comes with CPython. The C library is
# api-ms-win-crt-*.dll.
_OF_WINDOWS = {
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "crypt32.dll",
    "kernel32.dll",
    "ncrypt.dll",
    "ntdll.dll",
    "python3.dll",
    "secur32.dll",
    "userenv.dll",
    "ws2_32.dll",
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
Classifier: Operating System :: MacOS
Classifier: Operating System :: Microsoft :: Windows
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


def _refuse(path: pathlib.Path, others: set[str], system: str) -> None:
    if others:
        sys.exit(
            f"make_wheel: {path} needs {', '.join(sorted(others))}, which not every {system} has; link it statically"
        )


def _linux(native: list[pathlib.Path]) -> str:
    """Where files need glibc, the oldest that has the newest symbol of one of them."""
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
        _refuse(path, needed - _OF_THE_MACHINE - {loader}, "Linux")
        for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", _readelf("-V", str(path))):
            newest = max(newest, (int(major), int(minor)))
    if len(libraries) != 1:
        sys.exit("make_wheel: some files need glibc and some musl; a wheel is for one of them")
    if libraries == {"musl"}:
        return f"musllinux_1_2_{_one(machines)}"
    return f"manylinux_{newest[0]}_{newest[1]}_{_one(machines)}"


def _one(machines: set[str]) -> str:
    if len(machines) != 1:
        sys.exit(f"make_wheel: the files are for {' and '.join(sorted(machines))}; a wheel is for one processor")
    return machines.pop()


def _macos(native: list[pathlib.Path], objdump: pathlib.Path) -> str:
    machines, versions = set(), set()
    for path in native:
        said = _headers(objdump, path)
        machines.add(re.findall(r"MH_MAGIC_64 +(\S+)", said)[0].lower())
        versions.add(tuple(map(int, re.findall(r"minos (\d+)\.(\d+)", said)[0])))
        needed = re.findall(r"cmd LC_(?:LOAD|LOAD_WEAK|REEXPORT)_DYLIB\n.*\n +name (\S+)", said)
        _refuse(path, set(needed) - _OF_MACOS, "macOS")
    major, minor = max(versions)
    return f"macosx_{major}_{minor}_{_one(machines)}"


def _windows(native: list[pathlib.Path], objdump: pathlib.Path) -> str:
    machines = set()
    for path in native:
        said = _headers(objdump, path)
        machines.add({"x86-64": "amd64"}[re.findall(r"file format coff-(\S+)", said)[0]])
        needed = {name.lower() for name in re.findall(r"DLL Name: (\S+)", said)}
        _refuse(path, {name for name in needed - _OF_WINDOWS if not name.startswith("api-ms-win-")}, "Windows")
    return f"win_{_one(machines)}"


def _headers(objdump: pathlib.Path, path: pathlib.Path) -> str:
    return subprocess.run([objdump, "--private-headers", path], capture_output=True, text=True, check=True).stdout


def platform(native: list[pathlib.Path], objdump: pathlib.Path) -> str:
    """The oldest platform that these files run on."""
    begins = {path.read_bytes()[:2] for path in native}
    if begins == {b"MZ"}:
        return _windows(native, objdump)
    if begins == {b"\xcf\xfa"}:
        return _macos(native, objdump)
    return _linux(native)


def _inside(path: pathlib.Path) -> str:
    """Where a file of the tree belongs: below the folder that holds the package."""
    parts = path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("strongroom") :])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--licence", type=pathlib.Path, required=True)
    parser.add_argument("--notices", type=pathlib.Path, required=True)
    parser.add_argument("--objdump", type=pathlib.Path, required=True)
    parser.add_argument("--readme", type=pathlib.Path, required=True)
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("files", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    name, version, tag = arguments.wheel.stem.split("-", 2)
    native = [path for path in arguments.files if path.suffix in _NATIVE]
    needed = platform(native, arguments.objdump)
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
            info.external_attr = (0o100755 if path.endswith(_NATIVE) else 0o100644) << 16
            wheel.writestr(info, content)


if __name__ == "__main__":
    main()
