"""Backs a folder up, lists what the snapshot holds, and restores it beside the folder."""

import pathlib
import sys

import strongroom


def main(folder: pathlib.Path) -> None:
    # A repository is a folder, or s3://bucket/prefix. It is made where there is none.
    at = strongroom.Location(f"{folder}-backup", strongroom.CredentialsPassword("correct horse battery staple"))
    try:
        repository = strongroom.Repository.open(at)
    except strongroom.RepositoryNotFoundError:
        repository = strongroom.Repository.init(at, strongroom.InitOptions())

    with repository:
        report = repository.backup(strongroom.BackupOptions(paths=[folder]))
        for issue in report.issues:  # what could not be read; the rest is saved
            print(issue.at, issue.message, file=sys.stderr)
        saved = report.snapshot.statistics
        print(f"saved {saved.files} files, {saved.bytes} bytes; {saved.bytes_new} of them new")

        for entry in repository.list(report.snapshot.id, "", recursive=True):
            if isinstance(entry.kind, strongroom.EntryKindFile):
                print(pathlib.Path(entry.at).name, entry.size, "bytes")

        back = repository.restore(strongroom.RestoreOptions(report.snapshot.id, f"{folder}-restored"))
        print("restored", back.statistics.files, "files")


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]).absolute())
    except strongroom.Error as error:
        sys.exit(f"quickstart: {error}")
