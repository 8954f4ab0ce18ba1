"""Checks of this machine, on which cortes are signed and from which they are sent."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from difusor.countdown.checks import Check, bad, good
from difusor.inventory import Election
from difusor.project import foreign
from difusor.publish import notes

KEY = "here"
FREE_BYTES = 50_000_000
"""What a night needs on this machine, with much to spare: records, signatures, logs."""
PROGRAMS = {"rsync": "rsync", "ssh-keygen": "openssh-client", "ssh": "openssh-client"}
"""The programs that sign, send and look, each with the Debian package that has it."""


def judge(elections: Iterable[Election]) -> list[Check]:
    """Return what would keep this machine from signing and sending cortes of these elections, or one good check."""
    folders = {notes.place(each) for each in elections} or {notes.kept_in()}
    faults = [*_programs(), *_records(sorted(folders)), *_space(folders)]
    return faults or [good(KEY, "firma y envía: se escriben los registros, hay espacio y están los programas")]


def _programs() -> Iterator[Check]:
    if missing := [each for each in PROGRAMS if not shutil.which(each)]:
        packages = " ".join(sorted({PROGRAMS[each] for each in missing}))
        yield bad(
            KEY, f"aquí no hay {', '.join(missing)}, y así no se firma o no se envía", f"sudo apt install {packages}"
        )


def _records(folders: Iterable[Path]) -> Iterator[Check]:
    for folder in folders:
        if path := _closed(folder):
            remedy = foreign(path) or f"deje que esta cuenta escriba ahí: ls -ld {shlex.quote(str(path))}"
            yield bad(KEY, f"no se puede escribir en {path}, y sin registros no se firma", remedy)


def _closed(folder: Path) -> Path | None:
    """Return what this account cannot write to of the records in a folder: it, a file, or where it would be made."""
    there = _nearest(folder)
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK, effective_ids=True)):
        return there
    written = (each for each in (folder / notes.LOCK, *folder.glob(f"*.{notes.HISTORY}")) if os.path.lexists(each))
    return next(
        (each for each in written if not (each.is_file() and os.access(each, os.W_OK, effective_ids=True))), None
    )


def _nearest(path: Path) -> Path:
    """Return a path, or the nearest of the folders above it that is there."""
    return next(each for each in (path, *path.parents) if os.path.exists(each))


def _space(folders: Iterable[Path]) -> Iterator[Check]:
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:
        yield bad(KEY, "no hay dónde escribir archivos temporales", "libere espacio en /tmp de esta máquina")
        return
    for path in sorted({*map(_nearest, folders), temporary}):
        if (free := shutil.disk_usage(path).free) < FREE_BYTES:
            yield bad(KEY, f"en {path} quedan {free / 1e6:.0f} MB", "libere espacio en ese disco de esta máquina")
