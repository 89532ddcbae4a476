"""Packs an archive: the same bytes from the same files, wherever they lie.

    pack.py MANIFEST ARCHIVE

MANIFEST is JSON: `root`, the folder that everything is in, and `entries`, a list of `{"path", "file", "executable"}`,
of `{"path", "link"}`, and of `{"path", "folder"}` for a folder with what is below it. SHA256SUMS is added. The end of
ARCHIVE's name says whether it is a .tar.gz or a .zip.
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile
import zipfile

# The first moment that a zip can name. Whoever looks for the date of a release finds it in its name.
_YEAR, _SECONDS = 1980, 315532800

# Copies of less are not worth a link.
_LINKED = 1 << 20

# What a truncated download still should have: by it the rest is missed.
_FIRST = ("check", "SHA256SUMS", "README.md")


class Entry:
    """One file, or one link, of the archive."""

    def __init__(self, path: str, content: bytes, executable: bool = False, link: str | None = None) -> None:
        self.path = path
        self.content = content
        self.executable = executable
        self.link = link
        self.digest = hashlib.sha256(content).hexdigest()


def collect(entries: list[dict[str, str]]) -> list[Entry]:
    found: dict[str, Entry] = {}

    def add(entry: Entry) -> None:
        if entry.path in found:
            sys.exit(f"pack: two files want to be {entry.path}")
        found[entry.path] = entry

    for entry in entries:
        path = entry["path"]
        if "link" in entry:
            add(Entry(path, b"", link=entry["link"]))
        elif "folder" in entry:
            folder = pathlib.Path(entry["folder"])
            files = [file for file in folder.rglob("*") if file.is_file()]
            if not files:
                sys.exit(f"pack: {folder}, which is to be {path}, is empty")
            for file in files:
                add(Entry("/".join(filter(None, (path, *file.relative_to(folder).parts))), file.read_bytes()))
        else:
            add(Entry(path, pathlib.Path(entry["file"]).read_bytes(), bool(entry.get("executable"))))
    sums = "".join(f"{e.digest}  {e.path}\n" for _, e in sorted(found.items()) if e.link is None)
    add(Entry("SHA256SUMS", sums.encode()))
    return sorted(found.values(), key=lambda e: (e.path not in _FIRST, e.path))


def tar(root: str, entries: list[Entry]) -> bytes:
    made = io.BytesIO()
    first: dict[str, str] = {}
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=made, compresslevel=9, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for entry in entries:
            info = tarfile.TarInfo(f"{root}/{entry.path}")
            info.mtime = _SECONDS
            info.mode = 0o755 if entry.executable else 0o644
            if entry.link is not None:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
            elif len(entry.content) >= _LINKED and entry.digest in first:
                info.type, info.linkname = tarfile.LNKTYPE, first[entry.digest]
            else:
                info.size = len(entry.content)
                first.setdefault(entry.digest, info.name)
            archive.addfile(info, io.BytesIO(entry.content) if info.isreg() else None)
    return made.getvalue()


def zipped(root: str, entries: list[Entry]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for entry in entries:
            if entry.link is not None:
                sys.exit(f"pack: {entry.path} is a link, and not everybody's zip knows links")
            info = zipfile.ZipInfo(f"{root}/{entry.path}", (_YEAR, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if entry.executable else 0o100644) << 16
            archive.writestr(info, entry.content)
    return made.getvalue()


def main() -> None:
    manifest = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    archive = pathlib.Path(sys.argv[2])
    entries = collect(manifest["entries"])
    archive.write_bytes((zipped if archive.suffix == ".zip" else tar)(manifest["root"], entries))


if __name__ == "__main__":
    main()
