"""The Python examples of the reference. `idlc docs` cuts them out; here they run, on one repository."""

import asyncio
import pathlib

import pytest

import strongroom


def test_the_snippets_run(tmp_path: pathlib.Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "letter.txt").write_text("Dear reader", encoding="utf-8")
    url = str(tmp_path / "repository")
    with pytest.raises(SystemExit, match="nothing has been backed up"):
        open_repository(url)
    init(url)
    with open_repository(url) as repository:
        report = backup(repository, documents)
        assert report.snapshot.statistics.files == 1
        snapshots(repository)
        snapshot = resolve(repository)
        assert snapshot.id == report.snapshot.id
        list_entries(repository, snapshot)
        assert read(repository, snapshot, tmp_path / "copy.txt") == "Dear reader"
        restore(repository, snapshot, tmp_path / "restored")
        check(repository)
        identify(repository)
        explain(repository, report)
        ingest(repository)
    asyncio.run(from_asyncio(url))


def init(url: str) -> None:
    # snippet Repository.init
    at = strongroom.Location(
        url,  # a folder, or s3://bucket/prefix
        strongroom.CredentialsPassword("correct horse battery staple"),
    )
    with strongroom.Repository.init(at, strongroom.InitOptions()) as repository:
        print("made", repository.url())
    # end


def open_repository(url: str) -> strongroom.Repository:
    # snippet Repository.open
    at = strongroom.Location(url, strongroom.CredentialsPassword("correct horse battery staple"))
    try:
        repository = strongroom.Repository.open(at, timeout=60)
    except strongroom.RepositoryNotFoundError as error:
        raise SystemExit(f"nothing has been backed up to {error.url} yet") from error
    # end
    return repository


def backup(repository: strongroom.Repository, folder: pathlib.Path) -> strongroom.BackupReport:
    # snippet Repository.backup
    report = repository.backup(
        strongroom.BackupOptions(paths=[folder], tags=["documents"]),
        on_progress=lambda progress: print(progress.files, "files,", progress.bytes, "bytes"),
    )
    for issue in report.issues:  # what could not be read; the rest is saved
        print(issue.at, issue.message)
    print("snapshot", report.snapshot.id.hex())
    # end
    return report


def snapshots(repository: strongroom.Repository) -> None:
    # snippet Repository.snapshots
    with repository.snapshots(strongroom.SnapshotFilter(tags=["documents"])) as found:
        for snapshot in found:
            print(snapshot.id.hex()[:8], snapshot.host, snapshot.statistics.files, "files")
    # end


def resolve(repository: strongroom.Repository) -> strongroom.Snapshot:
    # snippet Repository.resolve
    try:
        snapshot = repository.resolve("latest")
    except strongroom.RepositoryNoSuchSnapshotError as error:
        raise SystemExit(f"there is no snapshot {error.name}") from error
    # end
    return snapshot


def list_entries(repository: strongroom.Repository, snapshot: strongroom.Snapshot) -> None:
    # snippet Repository.list
    for entry in repository.list(snapshot.id, "", recursive=True):
        print(f"{entry.mode:o} {entry.size:8} {entry.at}")
    # end


def read(repository: strongroom.Repository, snapshot: strongroom.Snapshot, path: pathlib.Path) -> str:
    # snippet Repository.read
    with path.open("wb") as file, repository.read(snapshot.id, "letter.txt") as blocks:
        for block in blocks:
            with block, block.view() as view:  # the library's memory, without a copy
                file.write(view)
    # end
    return path.read_text(encoding="utf-8")


def restore(repository: strongroom.Repository, snapshot: strongroom.Snapshot, folder: pathlib.Path) -> None:
    # snippet Repository.restore
    report = repository.restore(strongroom.RestoreOptions(snapshot.id, folder))
    print(report.statistics.files, "files are back in", folder)
    # end


def check(repository: strongroom.Repository) -> None:
    # snippet Repository.check
    report = repository.check(strongroom.CheckOptions(read_data=True))
    for damage in report.damage:
        print(damage.object, damage.why)
    # end


def identify(repository: strongroom.Repository) -> None:
    # snippet Repository.id
    print(repository.id().hex())
    # end
    # snippet Repository.url
    print(repository.url())
    # end


def ingest(repository: strongroom.Repository) -> None:
    # snippet Repository.ingest
    with repository.ingest(strongroom.IngestOptions(tags=["database"])) as ingest:
        number = ingest.add(strongroom.NewFile("dump.sql"))
        with open(__file__, "rb") as source:
            while len(buffer := ingest.client.fill(source.fileno(), 1 << 20)):
                ingest.write(number, buffer)
        report = ingest.commit()  # without it, nothing is saved
    # end
    print("snapshot", report.snapshot.id.hex())

    ingest = repository.ingest(strongroom.IngestOptions())
    # snippet Ingest.add
    number = ingest.add(strongroom.NewFile("dump.sql", mode=0o644))
    # end

    # snippet Ingest.write
    text = b"create table shop();"
    buffer = ingest.client.alloc(len(text))  # waits while callers hold too much memory
    with buffer.view() as view:
        view[:] = text
    ingest.write(number, buffer)  # the buffer has moved
    # end

    # snippet Ingest.commit
    report = ingest.commit()
    print("snapshot", report.snapshot.id.hex())
    # end
    ingest.close()


def explain(repository: strongroom.Repository, report: strongroom.BackupReport) -> None:
    # snippet Machine.open
    machine = strongroom.Machine.open()
    # end
    # snippet Machine.roofline
    roofline = machine.roofline(repository.url())
    for speed in roofline.stages:
        print(speed.stage, f"{speed.all_cores / 1e9:.1f} GB/s")
    # end
    # snippet Machine.explain
    told = machine.explain(report.snapshot.statistics, report.busy, strongroom.CompressionAuto(), roofline)
    print(told.advice)
    # end
    machine.close()


async def from_asyncio(url: str) -> None:
    # snippet Repository
    at = strongroom.Location(url, strongroom.CredentialsPassword("correct horse battery staple"))
    async with await strongroom.AsyncRepository.open(at) as repository:
        async for snapshot in repository.snapshots(strongroom.SnapshotFilter()):
            print(snapshot.id.hex()[:8], snapshot.paths)
    # end
