"""The server's own records: each is written whole and with its digest, and the one before it is kept beside it.

A record that no longer is what was written is Damaged, whatever happened to it; one that is not there is None.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from corte.format import files

_PREVIOUS = ".anterior"


class Damaged(Exception):
    """A record cannot be believed; the message is its file's name."""


def write(path: Path, value: Any) -> None:
    """Write a JSON value; readers and a power cut see the old record or the new. The old one is kept if it is whole."""
    with suppress(Damaged, OSError):
        if read(path) is not None:
            _keep(path)
    files.replace(path, content(value))


def content(value: Any) -> bytes:
    """Return the bytes of a record."""
    return (json.dumps({"sha256": _digest(value), "value": value}, sort_keys=True, indent=1) + "\n").encode()


def read(path: Path) -> Any:
    """Return the value of a record; None where there is no file, Damaged when it is not what `write` wrote."""
    try:
        record = json.loads(path.read_bytes())
        value = record["value"]
        is_whole = record["sha256"] == _digest(value)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(path.name) from error
    if not is_whole:
        raise Damaged(path.name)
    return value


def read_previous(path: Path) -> Any:
    """Return the value of the record before; None where there is none that is whole."""
    try:
        return read(_previous(path))
    except Damaged:
        return None


def _previous(path: Path) -> Path:
    return path.with_name(path.name + _PREVIOUS)


def _keep(path: Path) -> None:
    """Give the record its second name; the new one comes as another file."""
    temporary = path.with_name(f".nuevo-{path.name}{_PREVIOUS}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    os.link(path, temporary)
    os.replace(temporary, files.cleared(_previous(path)))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
