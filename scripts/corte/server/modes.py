"""Lets the web server read again what a `chmod -R` has closed to it.

Links are not followed. A file is one with its object and with the same file of other trees, so all get its mode.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from corte.server import folders

_FOLDER, _FILE = 0o755, 0o444
"""The modes with which folders and files of a tree are made."""
_LIST, _READ = 0o055, 0o444
"""What of them everybody needs."""
_WALKS = 3
"""How often the trees are walked at most: the `chmod -R` may still run, and have passed by after the first walk."""


def reopened(trees: Collection[Path], tops: Iterable[Path]) -> list[str]:
    """Let everybody read `tops`, and all of `trees` if one of those was closed; return the names of those that were.

    `tops`, where a `chmod -R` begins, are looked at every second; trees have up to 200,000 files, and each question to
    the disk takes its time, so they are not walked for nothing.
    """
    found = [path.name for path in tops if reopen(path)]
    for _ in range(_WALKS if found else 0):
        if not any([reopen_all(tree) for tree in trees if folders.is_real(tree)]):
            break
    return found


def reopen(path: Path) -> bool:
    """Let everybody read a folder or regular file; tell whether that was needed and could be done."""
    try:
        return _is_closed(os.stat(path, follow_symlinks=False).st_mode) and _open(path)
    except OSError:  # it is not there, or somebody else's
        return False


def reopen_all(folder: Path) -> bool:
    """Let everybody read a folder and all that is in it that is this program's; tell whether that was needed."""
    found = reopen(folder)
    with suppress(OSError), os.scandir(folder) as items:
        for item in items:
            mode = item.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                found |= reopen_all(Path(item.path))
            elif mode & _READ != _READ:
                found |= reopen(Path(item.path))
    return found


def _is_closed(mode: int) -> bool:
    needed = _LIST if stat.S_ISDIR(mode) else _READ if stat.S_ISREG(mode) else 0
    return mode & needed != needed


def _open(path: Path) -> bool:
    """Change the very file or folder that is looked at, which need not be readable for that, and no link's target."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor).st_mode
        if stat.S_ISLNK(found):
            return False
        os.chmod(f"/proc/self/fd/{descriptor}", _FOLDER if stat.S_ISDIR(found) else _FILE)
        return not _is_closed(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
