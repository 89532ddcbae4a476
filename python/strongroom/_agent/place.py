"""Where the repository is, and what unlocks it."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import logging
import os
import sys

import strongroom

from .exits import UsageError
from .output import Output

# How much of what is streamed through this program may be held at a time. The pipeline's own memory is the
# repository's (--memory).
_CALLER_MEMORY = 64 << 20

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclasses.dataclass(slots=True)
class Place:
    """Where a repository lives, before it is known whether it exists."""

    location: strongroom.Location
    # Nobody named a repository: it is the one in the user's data folder.
    standard: bool
    # What unlocks it, where that is a key file.
    key_file: str | None


def find(options: argparse.Namespace, *, confirm: bool) -> Place:
    """The repository of the command line. `confirm` asks for a new password twice."""
    url, standard = find_url(options)
    memory = _parse_size(options.memory) if options.memory else None
    credentials, key_file = _unlock(options, url, standard=standard, confirm=confirm)
    return Place(strongroom.Location(url, credentials, memory=memory), standard, key_file)


def find_url(options: argparse.Namespace) -> tuple[str, bool]:
    """The repository's URL, and whether nobody named it: then it is the one in the user's data folder."""
    named = options.repo if options.repo is not None else os.environ.get("STRONGROOM_REPOSITORY", "")
    if not named:
        return _user_folder("XDG_DATA_HOME", ".local/share", "repository"), True
    return named if "://" in named else os.path.abspath(named), False


def _unlock(
    options: argparse.Namespace, url: str, *, standard: bool, confirm: bool
) -> tuple[strongroom.Credentials, str | None]:
    """What the command line names, then the environment, then the standard key file, then who is at the terminal."""
    if options.key_file and options.password_file:
        raise UsageError("--key-file and --password-file exclude each other")
    password = os.environ.get("STRONGROOM_PASSWORD", "")
    key_file = None
    if options.key_file:
        key_file = os.path.abspath(options.key_file)
    elif options.password_file:
        password = _read_password(options.password_file)
    elif password:
        pass
    elif standard:
        key_file = _user_folder("XDG_CONFIG_HOME", ".config", "repository.key")
    else:
        password = _ask_password(url, confirm=confirm)
    if key_file is not None:
        return strongroom.CredentialsKeyFile(key_file), key_file
    return strongroom.CredentialsPassword(password), None


def _reason(error: OSError) -> str:
    """As the Go agent says it."""
    return (error.strerror or str(error)).lower()


def _read_password(path: str) -> str:
    try:
        with open(path, "rb") as file:
            line = file.read().split(b"\n", 1)[0].removesuffix(b"\r")
    except OSError as error:
        raise UsageError(f"cannot read the password from {path}: {_reason(error)}") from None
    try:
        password = line.decode()
    except UnicodeDecodeError:
        raise UsageError(f"the password in {path} is not UTF-8") from None
    if not password:
        raise UsageError(f"the first line of {path} has no password")
    return password


def _ask_password(url: str, *, confirm: bool) -> str:
    if not sys.stdin.isatty():
        raise UsageError("no password was given; set STRONGROOM_PASSWORD, or use --password-file or --key-file")
    password = getpass.getpass(f"password for {url}: ")
    if confirm and getpass.getpass("the same again: ") != password:
        raise UsageError("the two passwords differ")
    return password


def start() -> strongroom.Runtime:
    """Starts the library, and shows its warnings."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    strongroom.deliver_log(logging.WARNING)
    return strongroom.new_runtime(buffer_memory=_CALLER_MEMORY)


def open_or_create(place: Place, runtime: strongroom.Runtime, output: Output) -> strongroom.Repository:
    """Opens the repository, and creates the standard one where it is not there yet."""
    try:
        return strongroom.Repository.open(place.location, runtime=runtime)
    except strongroom.RepositoryNotFoundError:
        if not place.standard:
            raise
    return create(place, runtime, output)


def create(place: Place, runtime: strongroom.Runtime, output: Output) -> strongroom.Repository:
    """Makes a repository, and its key file where there is none yet."""
    new_key = place.key_file is not None and not os.path.lexists(place.key_file)
    if new_key and place.key_file is not None:
        folder = os.path.dirname(place.key_file)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise OSError(f"cannot make the folder of the key file: {folder}: {error.strerror}") from None
    repository = strongroom.Repository.init(place.location, strongroom.InitOptions(create_key=new_key), runtime=runtime)
    output.created(place.location.url, place.key_file if new_key else None)
    return repository


def _user_folder(variable: str, fallback: str, name: str) -> str:
    """A file of this program in one of the user's folders."""
    folder = os.environ.get(variable, "")
    if not os.path.isabs(folder):  # The XDG specification says to ignore a relative one.
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            raise UsageError("no repository is named and there is no home folder for one; use --repo")
        folder = os.path.join(home, fallback)
    return os.path.join(folder, "strongroom", name)


def _parse_size(text: str) -> int:
    """Reads 512M, 1G, 64MiB."""
    digits = text.rstrip("KMGTiBkmgtb")
    unit = text[len(digits) :].upper().removesuffix("B").removesuffix("I")
    if not (digits.isascii() and digits.isdigit()) or unit not in _UNITS or int(digits) * _UNITS[unit] >= 1 << 64:
        raise UsageError(f'--memory: "{text}" is no size; write it like 512M or 2G')
    return int(digits) * _UNITS[unit]
