"""A retired tree that becomes the next one, so that the work for a new tree follows what changed, not all files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from corte.format import paths
from corte.format.manifest import Entry
from corte.server import compressed


def strip(tree: Path, files: Mapping[str, Entry], locate: Callable[[str], str]) -> set[str]:
    """Remove from a tree everything that is not right for these files; return the paths of those that it has already.

    Right is a link to the file's own object, whose path `locate` returns for a SHA-256, or to that of its compressed
    copy. Nothing that the tree was before is believed: a damaged file is no link to an object any more, because objects
    that are found damaged are removed or replaced.
    """
    found: set[str] = set()
    _strip(str(tree), "", files, paths.folders(files), locate, found)
    return found


def _strip(
    tree: str,
    folder: str,
    files: Mapping[str, Entry],
    folders: set[str],
    locate: Callable[[str], str],
    found: set[str],
) -> None:
    with os.scandir(f"{tree}/{folder}") as items:
        for item in items:
            path = folder + item.name
            if item.is_dir(follow_symlinks=False):
                if path in folders:
                    _strip(tree, path + "/", files, folders, locate, found)
                else:
                    shutil.rmtree(item.path)
            elif path in files and _is(item, locate(files[path].sha256)):
                found.add(path)
            elif not _is_compressed(item, path, files, locate):
                os.unlink(item.path)


def _is_compressed(item: os.DirEntry[str], path: str, files: Mapping[str, Entry], locate: Callable[[str], str]) -> bool:
    entry = files.get(path[: -len(compressed.SUFFIX)]) if path.endswith(compressed.SUFFIX) else None
    return entry is not None and path not in files and _is(item, locate(entry.sha256 + compressed.SUFFIX))


def _is(item: os.DirEntry[str], place: str) -> bool:
    """Tell whether an item of a folder and the file at `place` are one file (one inode)."""
    try:
        return item.inode() == os.lstat(place).st_ino
    except FileNotFoundError:
        return False
