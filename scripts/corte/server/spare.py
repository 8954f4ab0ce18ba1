"""A spare tree that becomes the next one, so that the work for a new tree follows what changed, not all files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from corte.format import paths
from corte.format.files import vacated
from corte.format.manifest import Entry
from corte.server import compressed, folders
from corte.server.objects import Objects


def prepare(tree: Path, files: Mapping[str, Entry], objects: Objects) -> None:
    """Make a spare tree like these files, so that the next one needs little work, and remove the objects left over.

    It may be a tree retired some cortes ago, or none yet.
    """
    if not folders.is_real(tree):
        vacated(tree).mkdir(mode=0o755)
    there = strip(tree, files, objects.inodes())
    objects.sweep()
    for folder in sorted(paths.folders(files)):
        (tree / folder).mkdir(mode=0o755, exist_ok=True)
    for path in files.keys() - there:
        with suppress(OSError):  # there are as many links to it as there may be: the next corte gets a copy
            os.link(objects.path(files[path].sha256), f"{tree}/{path}")


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
    wanted: set[str],
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
                if path in wanted:
                    _strip(tree, path + "/", files, wanted, objects, found)
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
