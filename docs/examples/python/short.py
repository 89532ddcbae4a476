"""Backs a folder up, and lists what is saved, in ten lines."""

import pathlib
import sys

import strongroom

folder = pathlib.Path(sys.argv[1]).absolute()
# show short
key = strongroom.CredentialsKeyFile("attic.key")
at = strongroom.Location("attic-backup", key)
options = strongroom.InitOptions(create_key=True)
with strongroom.Repository.init(at, options) as repository:
    report = repository.backup(strongroom.BackupOptions(paths=[folder]))
    snapshot = report.snapshot
    print(f"{snapshot.id.hex()[:8]}: {snapshot.statistics.files} files")
    for entry in repository.list(snapshot.id, "", recursive=True):
        if entry.size:
            print(pathlib.Path(entry.at).name, entry.size)
# end
