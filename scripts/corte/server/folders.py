"""Makes a folder of the store usable again when the disk, or somebody, has put something else in its place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from corte.format import files

_NEEDED = os.R_OK | os.W_OK | os.X_OK
_MODE, _PRIVATE = 0o755, 0o700
_TRIES = 3
PATIENCE = 2.0
"""Seconds to wait while another service repairs the store's folders."""


def ensure_all(store: Path, others: Iterable[Path]) -> list[str]:
    """Make sure of the store's own folder and of the others, outer ones first; return the names of those mended.

    What waits in the store nobody may see yet. OSError as of `ensure`.
    """
    modes = {store: _PRIVATE, **dict.fromkeys(others, _MODE)}
    if all(map(is_usable, modes)):
        return []
    # Gate and intake would undo each other's repairs. Any account may hold this lock, so the wait is short.
    with files.locked(store.parent, patience=PATIENCE):
        return [path.name for path, mode in modes.items() if ensure(path, mode)]


def ensure(path: Path, mode: int = _MODE) -> bool:
    """Make sure that there is a folder which this program can list and change; tell whether something else was there.

    What was there is renamed, or deleted if it is no folder. Files of a folder that can only be read are in the new one
    too, so that citizens go on seeing the shown tree. OSError when the folder around it does not allow all this, or
    somebody puts something else there again and again.
    """
    for _ in range(_TRIES - 1):
        with suppress(FileExistsError):  # made by somebody else since the look
            return _ensured(path, mode)
    return _ensured(path, mode)


def _ensured(path: Path, mode: int) -> bool:
    if not os.path.lexists(path):
        path.mkdir(mode)
        return False
    if is_usable(path):
        return False
    if not is_real(path):
        files.vacated(path).mkdir(mode)
        return True
    with suppress(OSError):  # it belongs to somebody else
        path.chmod(mode)
    if not is_usable(path):
        _replace(path)
        path.chmod(mode)
    return True


def is_usable(path: Path) -> bool:
    """Tell whether there is a folder, and no link to one, which this program can list and change."""
    return is_real(path) and os.access(path, _NEEDED)


def is_real(path: Path) -> bool:
    """Tell whether there is a folder, and no link to one."""
    try:
        return path.is_dir() and not path.is_symlink()
    except PermissionError:  # the folder around it cannot be entered
        return False


def _replace(path: Path) -> None:
    """Put a new folder, with whatever can be read of the old one, in the place of the old one."""
    new = files.vacated(path.with_name(f".nuevo-{path.name}"))
    _link_all(str(path), str(new))
    files.set_aside(path)
    new.rename(path)
    files.sync_folder(path.parent)


def _link_all(old: str, new: str) -> None:
    os.mkdir(new, _MODE)
    with suppress(OSError), os.scandir(old) as items:
        for item in items:
            if item.is_dir(follow_symlinks=False):
                _link_all(item.path, f"{new}/{item.name}")
            elif item.is_file(follow_symlinks=False):
                _link(item.path, f"{new}/{item.name}")


def _link(old: str, new: str) -> None:
    with suppress(OSError):  # a file that cannot be read is missing in the new folder
        try:
            os.link(old, new)
        except OSError:  # the kernel lets nobody link to files of others that he cannot write
            shutil.copy2(old, new)
