"""A spare tree that becomes the next one, so that the work for a new tree follows what changed, not all files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from corte.format.files import vacated
from corte.format.manifest import Entry, Manifest
from corte.server import compressed, folders
from corte.server.objects import Objects


def prepare(tree: Path, manifest: Manifest, objects: Objects) -> None:
    """Make a spare tree like a corte's, so that the next one needs little work, and remove the objects left over.

    It may be a tree retired some cortes ago, or none yet.
    """
    if not folders.is_real(tree):
        vacated(tree).mkdir(mode=0o755)
    missing = strip(tree, manifest, look(tree, objects))
    objects.sweep()
    for folder in sorted(manifest.folders):
        (tree / folder).mkdir(mode=0o755, exist_ok=True)
    for path in missing:
        with suppress(OSError):  # there are as many links to it as there may be: the next corte gets a copy
            os.link(objects.path(manifest.files[path].sha256), f"{tree}/{path}")


def look(tree: Path, objects: Objects) -> list[str]:
    """Return the tree's inode, and for everything in it a line: which object it is a link to, a space, and its path.

    There is nothing before the space where it is no object, and the path of a folder ends with a slash.
    """
    inode = os.stat(tree).st_ino
    names = {number: name for name, number in objects.inodes().items() if " " not in name}
    return [str(inode), *_look(str(tree), "", names)]


def is_of(seen: list[str], tree: Path) -> bool:
    """Tell whether `look` saw this very tree, which may have got another path since."""
    return seen[0] == str(os.stat(tree).st_ino)


def strip(tree: Path, manifest: Manifest, seen: list[str]) -> list[str]:
    """Remove from a tree everything that is not right for a corte; return the paths of its files that it has not.

    Right is a link to the file's own object, or to that of its compressed copy; `seen` is what `look` returned. Nothing
    that the tree was before is believed: a damaged file is no link to an object any more, because objects that are
    found damaged are removed or replaced.
    """
    there = {*seen[1:]}
    lines = {f"{sha256} {path}": path for path, (_, sha256) in manifest.files.items()}
    missing = [path for line, path in lines.items() if line not in there]
    for path, line in sorted((line.partition(" ")[2], line) for line in there.difference(lines)):
        with suppress(FileNotFoundError):  # it went with its folder
            if path.endswith("/"):
                if path[:-1] not in manifest.folders:
                    shutil.rmtree(tree / path)
            elif not _is_compressed(path, line, manifest.files):
                os.unlink(tree / path)
    return missing


def _look(tree: str, folder: str, names: Mapping[int, str]) -> Iterator[str]:
    with os.scandir(f"{tree}/{folder}") as items:
        for item in items:
            path = folder + item.name
            name = names.get(item.inode())
            if name is None and item.is_dir(follow_symlinks=False):
                yield f" {path}/"
                yield from _look(tree, path + "/", names)
            else:
                yield f"{name or ''} {path}"


def _is_compressed(path: str, line: str, files: Mapping[str, Entry]) -> bool:
    plain = path[: -len(compressed.SUFFIX)] if path.endswith(compressed.SUFFIX) else ""
    entry = files.get(plain)
    if entry is None or not compressed.pays(plain, entry.size):
        return False
    return line == f"{entry.sha256}{compressed.SUFFIX} {path}"
