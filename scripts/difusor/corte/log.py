"""The log of every corte received, refused and shown: append-only, each line carrying the SHA-256 of the one before.

Its head stands in estado.json, which anybody may keep: a line that is later changed or removed no longer fits.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from . import instants

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
        os.pwrite(descriptor, line + b"\n", end)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return number, _hash(line)


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every entry, checking the chain; ValueError at the first line that does not fit the one before."""
    previous = b""
    with path.open("rb") as source:
        for line in source:
            entry: dict[str, Any] = json.loads(line)
            if entry["previous"] != _hash(previous):
                raise ValueError(f"line {entry['n']} does not follow the one before it")
            yield entry
            previous = line.rstrip(b"\n")


def _last_line(descriptor: int) -> tuple[int, bytes]:
    """Return (offset just after the last whole line, that line without its newline)."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - _TAIL_BYTES)
    tail = os.pread(descriptor, size - start, start)
    whole = tail.rfind(b"\n") + 1
    return start + whole, tail[: whole - 1].rpartition(b"\n")[2] if whole else b""


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest() if line else ORIGIN
