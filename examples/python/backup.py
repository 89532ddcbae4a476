"""Backs a folder up, and restores what was saved into another one: `backup.py REPOSITORY FOLDER TARGET`."""

import os
import sys

import strongroom


def main() -> int:
    password = os.environ.get("STRONGROOM_PASSWORD")
    if len(sys.argv) != 4 or not password:
        print(f"usage: STRONGROOM_PASSWORD=... {sys.argv[0]} REPOSITORY FOLDER TARGET", file=sys.stderr)
        return 2
    url, folder, target = sys.argv[1:]
    at = strongroom.Location(url, strongroom.CredentialsPassword(password))
    with strongroom.Repository.init(at, strongroom.InitOptions()) as repository:
        saved = repository.backup(strongroom.BackupOptions(paths=[folder]))
        print(f"saved {saved.snapshot.statistics.files} files, {saved.snapshot.statistics.bytes} bytes")
        restored = repository.restore(strongroom.RestoreOptions(saved.snapshot.id, target))
        print(f"restored {restored.statistics.files} files")
    return 1 if saved.issues or restored.issues else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except strongroom.Error as error:
        sys.exit(f"backup: {error}")
