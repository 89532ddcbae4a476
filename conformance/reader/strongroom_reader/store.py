"""Objects in a local folder."""

from __future__ import annotations

import os
import pathlib

from .errors import Damaged


class Store:
    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = pathlib.Path(folder)

    def get(self, name: str, start: int = 0, length: int = -1) -> bytes:
        """An object, or a range of it; fewer bytes where it ends."""
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError:
            raise Damaged(name, "it is missing") from None

    def size(self, name: str) -> int:
        return (self.folder / name).stat().st_size

    def list(self, folder: str) -> list[str]:
        """Names of all objects below a folder, sorted."""
        top = self.folder / folder
        return sorted(path.relative_to(self.folder).as_posix() for path in top.rglob("*") if path.is_file())
