"""The commands: what each one asks of the library."""

from __future__ import annotations

import argparse
import os
import sys

import strongroom

from . import place
from .exits import UsageError
from .output import Output, SnapshotTable
from .progress import Progress

# How much of the standard input travels in one buffer.
_BLOCK = 1 << 20
# How much of a restored file is on its way to the standard output.
_AHEAD = 8 << 20


def init(options: argparse.Namespace, output: Output) -> None:
    """Creates a repository."""
    found = place.find(options, confirm=True)
    with place.start() as runtime:
        place.create(found, runtime, output).close()


def backup(options: argparse.Namespace, output: Output) -> None:
    """Saves files and folders, or the standard input."""
    compression = _parse_compression(options.compression)
    if options.stdin is not None and not options.stdin:
        raise UsageError("--stdin needs a name for the file in the snapshot")
    if options.stdin is not None and options.paths:
        raise UsageError("--stdin saves the standard input alone; leave the folders out")
    if options.stdin is None and not options.paths:
        raise UsageError("what is to be backed up is missing; see strongroom backup --help")
    if options.explain and output.quiet:
        raise UsageError("--explain and --quiet exclude each other")
    found = place.find(options, confirm=False)
    with place.start() as runtime, place.open_or_create(found, runtime, output) as repository:
        progress = Progress(output, "saving")
        try:
            if options.stdin is not None:
                report = _ingest(repository, options, compression, progress)
            else:
                report = repository.backup(
                    strongroom.BackupOptions(
                        paths=[os.path.abspath(path) for path in options.paths],
                        tags=options.tag,
                        host=options.host,
                        compression=compression,
                        one_file_system=options.one_file_system,
                        paranoid=options.paranoid,
                        verify=options.verify,
                    ),
                    on_progress=progress.update,
                )
        finally:
            progress.finish()
        try:
            output.saved(report)
        finally:
            if options.explain:
                # The snapshot is saved, whatever becomes of this.
                try:
                    with strongroom.Machine.open(runtime=runtime) as machine:
                        measured = machine.roofline(repository.url())
                        told = machine.explain(report.snapshot.statistics, report.busy, compression, measured)
                    output.explained(report, told)
                except strongroom.Error as error:
                    output.complain(f"cannot explain the run: {error}")


def _ingest(
    repository: strongroom.Repository,
    options: argparse.Namespace,
    compression: strongroom.Compression,
    progress: Progress,
) -> strongroom.BackupReport:
    """Saves the standard input as one file. The library reads the descriptor itself; no byte passes through Python."""
    with repository.ingest(
        strongroom.IngestOptions(tags=options.tag, host=options.host, compression=compression, verify=options.verify)
    ) as ingest:
        file = ingest.add(strongroom.NewFile(options.stdin, modified=strongroom.Timestamp.now()))
        done = 0
        while True:
            buffer = ingest.client.fill(sys.stdin.fileno(), _BLOCK)
            length = len(buffer)
            if length == 0:
                buffer.close()
                return ingest.commit()
            ingest.write(file, buffer)
            done += length
            progress.update(strongroom.Progress(files=0, bytes=done, bytes_stored=0, issues=0, current=options.stdin))


def restore(options: argparse.Namespace, output: Output) -> None:
    """Brings a snapshot back, or some of its paths, or one file to the standard output."""
    if (options.target is None) == (options.stdout is None):
        raise UsageError("restore needs one of --target DIR and --stdout NAME")
    if options.stdout is not None and options.paths:
        raise UsageError("--stdout writes one file; leave the other paths out")
    if options.stdout is not None and output.json:
        raise UsageError("--stdout writes the file itself, which leaves no room for --json")
    found = place.find(options, confirm=False)
    with place.start() as runtime, strongroom.Repository.open(found.location, runtime=runtime) as repository:
        snapshot = repository.resolve(options.snapshot)
        if options.stdout is not None:
            _write(repository, snapshot.id, options.stdout)
            return
        target = os.path.abspath(options.target)
        progress = Progress(output, "restoring")
        try:
            report = repository.restore(
                strongroom.RestoreOptions(snapshot.id, target, only=options.paths), on_progress=progress.update
            )
        finally:
            progress.finish()
        output.restored(report, target)


def _write(repository: strongroom.Repository, snapshot: bytes, name: str) -> None:
    """Streams a file of a snapshot to the standard output. Each block is written from the library's own memory."""
    sys.stdout.flush()
    with repository.read(snapshot, name, window=_AHEAD) as blocks:
        for buffer in blocks:
            with buffer, buffer.view() as view:
                written = 0
                while written < len(view):
                    try:
                        with view[written:] as rest:
                            written += os.write(1, rest)
                    except OSError as error:
                        raise OSError(f"cannot write the file to the standard output: {error.strerror}") from None


def snapshots(options: argparse.Namespace, output: Output) -> None:
    """Lists the snapshots, oldest first."""
    found = place.find(options, confirm=False)
    with place.start() as runtime, strongroom.Repository.open(found.location, runtime=runtime) as repository:
        table = SnapshotTable(output)
        with repository.snapshots(strongroom.SnapshotFilter(host=options.host or None, tags=options.tag)) as found_all:
            for snapshot in found_all:
                table.add(snapshot)
        table.finish()


def ls(options: argparse.Namespace, output: Output) -> None:
    """Lists what a snapshot holds, or what is at and below one path of it."""
    found = place.find(options, confirm=False)
    with place.start() as runtime, strongroom.Repository.open(found.location, runtime=runtime) as repository:
        snapshot = repository.resolve(options.snapshot)
        with repository.list(snapshot.id, options.path or "", True) as entries:
            for entry in entries:
                output.entry(entry)


def check(options: argparse.Namespace, output: Output) -> None:
    """Verifies that the repository is whole."""
    found = place.find(options, confirm=False)
    with place.start() as runtime, strongroom.Repository.open(found.location, runtime=runtime) as repository:
        progress = Progress(output, "checking")
        try:
            report = repository.check(strongroom.CheckOptions(read_data=options.read_data), on_progress=progress.update)
        finally:
            progress.finish()
        output.checked(report)


def roofline(options: argparse.Namespace, output: Output) -> None:
    """Measures how fast each stage of a backup is on this machine."""
    url, _ = place.find_url(options)
    with place.start() as runtime, strongroom.Machine.open(runtime=runtime) as machine:
        output.roofline(machine.roofline(url))


def _parse_compression(text: str) -> strongroom.Compression:
    """Reads auto, off, lz4, zstd and zstd:LEVEL."""
    plain: dict[str, strongroom.Compression] = {
        "": strongroom.CompressionAuto(),
        "auto": strongroom.CompressionAuto(),
        "off": strongroom.CompressionOff(),
        "lz4": strongroom.CompressionLz4(),
        "zstd": strongroom.CompressionZstd(),
    }
    if text in plain:
        return plain[text]
    name, _, level = text.partition(":")
    if name == "zstd":
        try:
            number = int(level)
        except ValueError:
            number = 99
        if -7 <= number <= 19:
            return strongroom.CompressionZstd(level=number)
    raise UsageError(f'--compression is auto, off, lz4, zstd or zstd:LEVEL with a level from -7 to 19, not "{text}"')
