"""The contents that were verified: one read-only file for each, named by its SHA-256, and by that plus `.gz` if packed.

A tree has them as hard links, so an object that has only one link is in no tree any more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from corte.format import files
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
        os.link(new, files.vacated(Path(place)))

    def drop(self, sha256: str) -> None:
        """Remove an object and its compressed copy; the trees keep theirs."""
        for suffix in ("", compressed.SUFFIX):
            with suppress(FileNotFoundError):
                os.unlink(self.path(sha256 + suffix))

    def inodes(self) -> dict[str, int]:
        """Return the inode of each object by its name; listing them takes a quarter of asking for each by itself.

        What is no file any more is removed, or it would be in the way of the content that it was, and of every corte
        that has it.
        """
        found: dict[str, int] = {}
        for folder in self._folders():
            with os.scandir(folder) as items:
                listed = list(items)
            regular = {folder.name + item.name: item.inode() for item in listed if item.is_file(follow_symlinks=False)}
            found.update(regular)
            for item in listed if len(regular) < len(listed) else ():
                if item.is_dir(follow_symlinks=False):
                    shutil.rmtree(item.path)
                elif not item.is_file(follow_symlinks=False):
                    os.unlink(item.path)
        return found

    def sweep(self) -> None:
        """Remove the objects that no tree links to."""
        for folder in self._folders():
            with os.scandir(folder) as items:
                for item in items:
                    if item.is_file(follow_symlinks=False) and item.stat(follow_symlinks=False).st_nlink == 1:
                        os.unlink(item.path)

    def _folders(self) -> Iterator[os.DirEntry[str]]:
        """Yield the folders of the objects; what is none any more is removed."""
        with os.scandir(self.folder) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    yield item
                else:
                    os.unlink(item.path)
