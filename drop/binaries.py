"""Makes what users get of what compilers gave: symbols are kept aside, names that are not for users are changed.

    binaries.py strip   --objcopy TOOL --strip TOOL IN OUT SYMBOLS
    binaries.py archive --objcopy TOOL --strip TOOL --nm TOOL --ar TOOL IN OUT

`strip` is for programs and shared libraries. `archive` is for the static library: a linker sees every symbol of it that
is not local, also those of crates and of their C code, and a program that links two such libraries (another one of
Rust, another zstd) has them twice. So each that is not of the boundary gets a name that nobody else has.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

# The boundary's functions, and what they are called on macOS.
_OURS = ("sr_", "_sr_")
_PREFIX = "sr_internal."

# Debug information that is of no use without the rest of it, and LLVM's own form of the code, which only rustc can use.
_DEAD = ("--remove-section=.llvmbc", "--remove-section=.llvmcmd")


def run(*command: str | pathlib.Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"binaries: {os.path.basename(command[0])} failed: {done.stdout}{done.stderr}")
    return done.stdout


def strip(arguments: argparse.Namespace) -> None:
    # The names of functions. What C compilers write beside them names folders of this build.
    with arguments.source.open("rb") as file:
        elf = file.read(4) == b"\x7fELF"
    if elf:
        run(arguments.objcopy, "--only-keep-debug", arguments.source, arguments.symbols)
        run(arguments.strip, "--strip-debug", arguments.symbols)
        run(arguments.strip, "--strip-unneeded", "-o", arguments.out, arguments.source)
        # A debugger looks for a file of that name beside the program, and in its folder of symbols.
        run(arguments.objcopy, f"--add-gnu-debuglink={arguments.symbols}", arguments.out)
        return
    # Elsewhere it is the file itself, with them. Linkers for macOS find what a library exports in its table of symbols.
    keep = "--discard-all" if arguments.out.suffix == ".dylib" else "--strip-all"
    run(arguments.strip, "--strip-debug", "-o", arguments.symbols, arguments.source)
    run(arguments.strip, keep, "-o", arguments.out, arguments.source)


def objects(source: pathlib.Path, folder: pathlib.Path) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """Writes the members of a static library into a folder, in their order: object files, and stubs of DLLs.

    A DLL has a stub for each function, which is no object file, and some that are; all of them have the DLL's name.
    """
    content = source.read_bytes()
    if not content.startswith(b"!<arch>\n"):
        sys.exit(f"binaries: {source} is no static library")
    at, names = len(b"!<arch>\n"), b""
    files: list[tuple[str, pathlib.Path]] = []
    dlls = set()
    while at < len(content):
        header = content[at : at + 60]
        name, size = header[:16].rstrip(), int(header[48:58])
        member = content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
        if name == b"//":
            names = member
        elif name not in (b"/", b"/SYM64/", b"/<ECSYMBOLS>/"):
            if name.startswith(b"/"):
                start = int(name[1:])
                name = names[start : names.index(b"\n", start)]
            plain = os.path.basename(name.rstrip(b"/").decode())
            # A number, because members of one name may differ.
            file = folder / f"{len(files)}-{plain}"
            file.write_bytes(member)
            files.append((plain, file))
            if member.startswith(b"\0\0\xff\xff"):
                dlls.add(plain)
    return [file for plain, file in files if plain not in dlls], [file for plain, file in files if plain in dlls]


def archive(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source, stubs = arguments.source, []
        if arguments.stubs:
            # LLVM's tools read what a library for Windows says of DLLs, and do not write it.
            members, stubs = objects(source, folder)
            source = folder / "objects.a"
            run(arguments.ar, "qcD", source, *members)
        stripped = folder / "stripped.a"
        run(arguments.strip, "--strip-debug", *_DEAD, "-o", stripped, source)
        listed = run(arguments.nm, "--defined-only", "--extern-only", "--format=posix", stripped)
        # A line is `NAME TYPE VALUE SIZE`, or `LIBRARY[MEMBER]:`.
        names = {line.split(" ", 1)[0] for line in listed.splitlines() if line and not line.endswith(":")}
        theirs = sorted(name for name in names if not name.startswith(_OURS))
        if len(theirs) == len(names):
            sys.exit(f"binaries: {arguments.source} has none of the boundary's functions")
        renames = folder / "renames"
        renames.write_text("".join(f"{name} {_PREFIX}{name}\n" for name in theirs), encoding="utf-8")
        run(arguments.objcopy, f"--redefine-syms={renames}", stripped, arguments.out)
        if stubs:
            run(arguments.ar, "qD", arguments.out, *stubs)


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for name, function in (("strip", strip), ("archive", archive)):
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("--objcopy", required=True)
        command.add_argument("--strip", required=True)
        if function is archive:
            command.add_argument("--ar", required=True)
            command.add_argument("--nm", required=True)
            command.add_argument("--stubs", action="store_true", help="it has stubs of DLLs")
        command.add_argument("source", type=pathlib.Path)
        command.add_argument("out", type=pathlib.Path)
        if function is strip:
            command.add_argument("symbols", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
