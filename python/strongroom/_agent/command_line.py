"""The command line, and how a run of it ends."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from . import commands, exits
from .output import Output, unread

_COMMANDS = {
    "backup": (commands.backup, "Save files and folders, or the standard input, as a new snapshot"),
    "check": (commands.check, "Verify that the repository is whole"),
    "init": (commands.init, "Create a repository"),
    "ls": (commands.ls, "List what a snapshot holds, or what is at and below one path of it"),
    "restore": (
        commands.restore,
        "Bring a snapshot back, or some of its paths, or one file to the standard output",
    ),
    "roofline": (commands.roofline, "Measure how fast each stage of a backup is on this machine"),
    "snapshots": (commands.snapshots, "List the snapshots, oldest first"),
}

# What a snapshot is called on the command line.
_SNAPSHOT = "latest, or the first digits of its id"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise exits.UsageError(f"{message}; see {self.prog} --help")


def _global_options(parser: argparse.ArgumentParser) -> None:
    """These stand before the command or after it."""
    # Without defaults, so that what stands before the command is not overwritten.
    add = parser.add_argument
    missing = argparse.SUPPRESS
    add(
        "-r",
        "--repo",
        default=missing,
        help="the repository: a folder, or s3://bucket/prefix (or set STRONGROOM_REPOSITORY)",
    )
    add("--password-file", default=missing, help="read the password from this file (or set STRONGROOM_PASSWORD)")
    add("--key-file", default=missing, help="unlock the repository with this key file")
    add(
        "--memory",
        default=missing,
        help="memory that the pipeline may use, such as 512M (default: an eighth of the RAM, at most 1G)",
    )
    add("--json", action="store_true", default=missing, help="print JSON lines for programs")
    add("-q", "--quiet", action="store_true", default=missing, help="print errors only")


def _version() -> str:
    try:
        return importlib.metadata.version("strongroom")
    except importlib.metadata.PackageNotFoundError:
        return "of development"


def _main_parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<10} {help}" for name, (_, help) in _COMMANDS.items())
    parser = _Parser(
        prog="strongroom",
        usage="strongroom [options] COMMAND ...",
        description="strongroom backs up files and folders into an encrypted, deduplicated repository, and restores "
        "them.\n\nWithout --repo it uses a repository in your data folder, which the first backup creates together "
        "with its key file.",
        epilog=f"commands:\n{listed}\n\nsee strongroom COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _global_options(parser)
    parser.add_argument("-v", "--version", action="version", version=f"%(prog)s version {_version()}")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _command_parser(command: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"strongroom {command}", description=_COMMANDS[command][1], allow_abbrev=False)
    _global_options(parser)
    add = parser.add_argument
    if command == "backup":
        add("paths", nargs="*", metavar="DIR", help="what to save")
        add("--stdin", metavar="NAME", help="save the standard input under this name")
        add("--tag", action="append", default=[], help="tag the snapshot; may be repeated")
        add("--host", default="", help="the host name in the snapshot (default: this machine's)")
        add("--compression", default="auto", help="auto, off, lz4, zstd or zstd:LEVEL")
        add("-x", "--one-file-system", action="store_true", help="stay on the file system of each folder")
        add(
            "--explain",
            action="store_true",
            help="say afterwards what limited the run; takes a few seconds to measure the machine",
        )
        add("--paranoid", action="store_true", help="read all files, also those that look unchanged")
        add("--verify", action="store_true", help="read all that was written back from the store and compare it")
    elif command == "restore":
        add("snapshot", nargs="?", metavar="SNAPSHOT", help=_SNAPSHOT)
        add("paths", nargs="*", metavar="PATH", help="only these of the snapshot")
        add("-t", "--target", metavar="DIR", help="the folder that receives the files")
        add("--stdout", metavar="NAME", help="write this file of the snapshot to the standard output")
    elif command == "snapshots":
        add("--tag", action="append", default=[], help="only snapshots with this tag; may be repeated")
        add("--host", default="", help="only snapshots of this host")
    elif command == "ls":
        add("snapshot", nargs="?", metavar="SNAPSHOT", help=_SNAPSHOT)
        add("path", nargs="?", metavar="PATH", help="only what is at and below this path")
    elif command == "check":
        add("--read-data", action="store_true", help="read and verify every byte as well")
    return parser


def _parse(arguments: Sequence[str], output: Output) -> argparse.Namespace | None:
    """The options of a command line; None where it asks for help only."""
    # Already here, so that a mistake further on is reported the way that was asked for.
    output.json = "--json" in arguments
    parser = _main_parser()
    options = argparse.Namespace(repo=None, password_file=None, key_file=None, memory=None, json=False, quiet=False)
    _refuse(parser.parse_known_args(list(arguments), options)[1], parser)
    if options.command is None:
        parser.print_help()
        return None
    if options.command not in _COMMANDS:
        raise exits.UsageError(f'unknown command "{options.command}" for "strongroom"')
    parser = _command_parser(options.command)
    _refuse(parser.parse_known_intermixed_args(options.rest, options)[1], parser)
    if "snapshot" in options and options.snapshot is None:
        raise exits.UsageError(f"the snapshot ({_SNAPSHOT}) is missing; see {parser.prog} --help")
    output.json, output.quiet = options.json, options.quiet
    if options.json and options.quiet:
        raise exits.UsageError("--json and --quiet exclude each other")
    return options


def _refuse(rest: Sequence[str], parser: argparse.ArgumentParser) -> None:
    """What no option and no place on the command line took is a mistake."""
    for word in rest:
        if word.startswith("-") and word != "-":
            raise exits.UsageError(f"unknown flag: {word}")
        raise exits.UsageError(f'"{word}" is too much; see {parser.prog} --help')


def run(arguments: Sequence[str]) -> int:
    """Executes a command line and answers the exit code."""
    output = Output()
    try:
        options = _parse(arguments, output)
        if options is None:
            return exits.OK
        _COMMANDS[options.command][0](options, output)
    except KeyboardInterrupt:
        error: BaseException = exits.Interrupted("interrupted")
    except SystemExit as left:
        # --help and --version leave so.
        return int(left.code or 0)
    except Exception as failed:
        error = failed
    else:
        return exits.OK
    try:
        output.report(error)
    except OSError as failed:
        if not unread(failed):
            raise
    return exits.exit_code(error)


def main() -> NoReturn:
    """The program."""
    # bazel run starts programs elsewhere, and says here where the user stands.
    folder = os.environ.get("BUILD_WORKING_DIRECTORY")
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            print(f"strongroom: cannot work in {folder}: {error.strerror}", file=sys.stderr)
            sys.exit(exits.FAILURE)

    interrupted = False

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            os._exit(exits.INTERRUPTED)
        interrupted = True
        message = (
            b"\nstrongroom: interrupted, stopping; nothing that was committed is lost. "
            b"Interrupt again to stop at once.\n"
        )
        os.write(2, message)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if sys.platform == "win32":
        # Ctrl-Break, which Go takes for the same.
        signal.signal(signal.SIGBREAK, interrupt)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        if not unread(error):
            raise
        # Nothing may be flushed again at the end of the interpreter.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)
