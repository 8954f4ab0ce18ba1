"""Lets the web server read again what a `chmod -R` has closed to it.

Links are not followed. A file is one with its object and with the same file of other trees, so all get its mode.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_FOLDER, _FILE = 0o755, 0o444
"""The modes with which folders and files of a tree are made."""
_LIST, _READ = 0o055, 0o444
"""What of them everybody needs."""


class Walk:
    """Lets everybody read whole trees again, for some time at a time: they have up to a million files and folders.

    It begins anew until it finds nothing, because the `chmod` may still run, and have passed by after it.
    """

    def __init__(self, trees: Callable[[], Iterable[Path]]) -> None:
        """Take a function that returns the trees, the most urgent first."""
        self._trees = trees
        self._is_due = False
        self._rest: Iterator[bool] | None = None

    def begin(self) -> None:
        """Have `go_on` walk: something was found closed."""
        self._is_due = True

    def go_on(self, seconds: float) -> None:
        """Walk for so long, or to the end; without `begin` nothing is asked of the disk."""
        deadline = time.monotonic() + seconds
        while self._is_due or self._rest:
            if self._rest is None:
                try:
                    trees = [tree for tree in self._trees() if not os.path.islink(tree)]
                except OSError:  # the link that selects the shown tree is just closed or exchanged: at the next look
                    return
                self._is_due = False
                self._rest = (found for tree in trees for found in _reopen_all(tree))
            for found in self._rest:
                self._is_due |= found
                if time.monotonic() >= deadline:
                    return
            self._rest = None


def reopen(path: Path) -> bool:
    """Let everybody read a folder or regular file; tell whether that was needed and could be done."""
    try:
        return _is_closed(os.stat(path, follow_symlinks=False).st_mode) and _open(path)
    except OSError:  # it is not there, or somebody else's
        return False


def _reopen_all(folder: Path) -> Iterator[bool]:
    """Let everybody read a folder and all that is in it that is this program's; yield of each whether it was closed."""
    yield reopen(folder)
    with suppress(OSError), os.scandir(folder) as items:
        for item in items:
            try:
                mode = item.stat(follow_symlinks=False).st_mode
            except FileNotFoundError:  # an older tree is taken apart meanwhile
                continue
            if stat.S_ISDIR(mode):
                yield from _reopen_all(Path(item.path))
            else:
                yield mode & _READ != _READ and reopen(Path(item.path))


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
