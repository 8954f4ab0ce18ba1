"""The contents that were verified: one read-only file for each, named by its SHA-256, and by that plus `.gz` if packed.

A tree has them as hard links, so an object that has only one link is in no tree any more.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from corte.server import compressed


class Objects:
    """The folder of the objects, divided by the first two digits of their names."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which exists."""
        self.folder = folder

    def path(self, name: str) -> str:
        """Return the path of an object, whether it exists or not."""
        return f"{self.folder}/{name[:2]}/{name[2:]}"

    def place(self, name: str) -> str:
        """Return the path for a new object, and make its folder."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        return path

    def keep(self, sha256: str, new: str) -> None:
        """Make the file `new` the object of this name, in place of any other."""
        place = self.place(sha256)
        with suppress(FileNotFoundError):
            os.unlink(place)
        os.link(new, place)

    def drop(self, sha256: str) -> None:
        """Remove an object and its compressed copy; the trees keep theirs."""
        for suffix in ("", compressed.SUFFIX):
            with suppress(FileNotFoundError):
                os.unlink(self.path(sha256 + suffix))

    def inodes(self) -> dict[str, int]:
        """Return the inode of each object by its name; listing them takes a quarter of asking for each by itself."""
        found = {}
        for folder in os.listdir(self.folder):
            with os.scandir(f"{self.folder}/{folder}") as items:
                found.update({folder + item.name: item.inode() for item in items})
        return found

    def sweep(self) -> None:
        """Remove the objects that no tree links to."""
        for folder in self.folder.iterdir():
            with os.scandir(folder) as items:
                for item in items:
                    if item.stat(follow_symlinks=False).st_nlink == 1:
                        os.unlink(item)
