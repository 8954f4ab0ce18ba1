"""The server's own records (JSON files): written whole and with a digest; the previous version is kept beside each.

Reading a record that is not what was written raises Damaged; a missing record is None.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from corte.format import files
from corte.format.record import Damaged, checked, content

_PREVIOUS = ".anterior"


def write(path: Path, value: Any) -> None:
    """Write a JSON value as a record; the old record is kept beside it unless it is damaged.

    Readers, also after a power cut, find the old record or the new one, never a mixture.
    """
    with suppress(Damaged, OSError):
        if read(path) is not None:
            _keep(path)
    files.replace(path, content(value))


def read(path: Path) -> Any:
    """Return the value of a record; None when there is no file, Damaged when the file is not what `write` wrote."""
    try:
        return checked(json.loads(files.read(path)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, Damaged) as error:
        raise Damaged(path.name) from error


def read_previous(path: Path) -> Any:
    """Return the value of the previous record; None when it is missing or damaged."""
    try:
        return read(_previous(path))
    except Damaged:
        return None


def _previous(path: Path) -> Path:
    return path.with_name(path.name + _PREVIOUS)


def _keep(path: Path) -> None:
    """Keep the record under the name of the previous one, as a hard link; the new record will be another file."""
    temporary = path.with_name(f".nuevo-{path.name}{_PREVIOUS}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    os.link(path, temporary)
    os.replace(temporary, files.cleared(_previous(path)))
