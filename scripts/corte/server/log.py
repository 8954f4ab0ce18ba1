"""The log of every corte received, refused and shown: append-only, each line carrying the SHA-256 of the one before.

Its head stands in estado.json, which anybody may keep: a line that is later changed or removed no longer fits.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from corte.format import instants
from corte.format.refusal import Refusal

ORIGIN = "0" * 64
_TAIL_BYTES = 16 * 1024


def append(path: Path, event: str, now: datetime, **fields: Any) -> tuple[int, str]:
    """Add one line durably and return (its number, its SHA-256); a line torn by a power cut is dropped first."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        end, last = _last_line(descriptor)
        number = json.loads(last)["n"] + 1 if last else 1
        entry = {"n": number, "at": instants.write(now), "event": event, **fields, "previous": _hash(last)}
        line = json.dumps(entry, ensure_ascii=True, sort_keys=True).encode()
        os.ftruncate(descriptor, end)
        if os.pwrite(descriptor, line + b"\n", end) <= len(line):  # the disk took a part of it and says how much
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return number, _hash(line)


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every entry, checking the chain; Refusal at the first line that does not fit the one before.

    No log has no entries, and a line torn by a power cut is none.
    """
    for line in _chained(path):
        yield json.loads(line)


def end(path: Path) -> tuple[int, str]:
    """Return (how many entries the log has, the SHA-256 of the last), checking the chain as `entries` does."""
    lines = list(_chained(path))
    return len(lines), _hash(lines[-1] if lines else b"")


def _chained(path: Path) -> Iterator[bytes]:
    previous = b""
    with suppress(FileNotFoundError), path.open("rb") as source:
        for number, line in enumerate(source, 1):
            if not line.endswith(b"\n"):
                return
            if _names(line) != (number, _hash(previous)):
                raise Refusal("log", f"El renglón {number} de la bitácora no sigue al anterior.")
            previous = line[:-1]
            yield previous


def _names(line: bytes) -> tuple[int, str] | None:
    """Return the number of a line and the SHA-256 it gives for the one before; None when it is no line of a log."""
    try:
        entry = json.loads(line)
        return entry["n"], entry["previous"]
    except (ValueError, KeyError, TypeError):
        return None


def _last_line(descriptor: int) -> tuple[int, bytes]:
    """Return (offset just after the last whole line, that line without its newline)."""
    size = os.fstat(descriptor).st_size
    length = _TAIL_BYTES
    while True:
        start = max(0, size - length)
        lines = os.pread(descriptor, size - start, start).split(b"\n")
        if len(lines) > 2 or start == 0:
            break
        length *= 2
    return size - len(lines[-1]), lines[-2] if len(lines) > 1 else b""


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest() if line else ORIGIN
