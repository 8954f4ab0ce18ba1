"""A retired tree that becomes the next one, so that the work for a new tree follows what changed, not all files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from corte.format import paths
from corte.format.manifest import Entry
from corte.server import compressed


def strip(tree: Path, files: Mapping[str, Entry], objects: Mapping[str, int]) -> set[str]:
    """Remove from a tree everything that is not right for these files; return the paths of those that it has already.

    Right is a link to the file's own object, or to that of its compressed copy; `objects` gives the inode of each by
    its name. Nothing that the tree was before is believed: a damaged file is no link to an object any more, because
    objects that are found damaged are removed or replaced.
    """
    found: set[str] = set()
    _strip(str(tree), "", files, paths.folders(files), objects, found)
    return found


def _strip(
    tree: str,
    folder: str,
    files: Mapping[str, Entry],
    folders: set[str],
    objects: Mapping[str, int],
    found: set[str],
) -> None:
    with os.scandir(f"{tree}/{folder}") as items:
        for item in items:
            path = folder + item.name
            entry = files.get(path)
            if entry is not None and objects.get(entry.sha256) == item.inode():  # first, because most are right
                found.add(path)
            elif item.is_dir(follow_symlinks=False):
                if path in folders:
                    _strip(tree, path + "/", files, folders, objects, found)
                else:
                    shutil.rmtree(item.path)
            elif entry is not None or not _is_compressed(item, path, files, objects):
                os.unlink(item.path)


def _is_compressed(item: os.DirEntry[str], path: str, files: Mapping[str, Entry], objects: Mapping[str, int]) -> bool:
    plain = path[: -len(compressed.SUFFIX)] if path.endswith(compressed.SUFFIX) else ""
    entry = files.get(plain)
    return (
        entry is not None
        and compressed.pays(plain, entry.size)
        and objects.get(entry.sha256 + compressed.SUFFIX) == item.inode()
    )
