"""The log of every corte received, refused and shown: append-only, each line with the SHA-256 of the line before.

Its head (number of lines, SHA-256 of the last one) is published in estado.json; whoever has kept a copy of it can prove
that a line was changed or removed later.

When the log does not end at the head that the state remembers (a damaged line, lines removed, no file), it is renamed
as it is and a new segment begins: its first line is the event `segment`, continues the numbering, and gives the
remembered head as `previous`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from corte.format import files, instants
from corte.format.refusal import Refusal

ORIGIN = "0" * 64
SEGMENT = "segment"
_TAIL_BYTES = 16 * 1024
_CHECKED_WHOLE = 1024 * 1024
"""Up to this size (bytes, some thousands of lines) the whole chain is checked before a line is added."""


@dataclass(frozen=True)
class Head:
    """How many entries a log has, and the SHA-256 of the last one."""

    entries: int = 0
    sha256: str = ORIGIN


def append(path: Path, remembered: Head, event: str, now: datetime, **details: Any) -> tuple[Head, bool]:
    """Add one line durably; return the new head, and whether a new segment had to begin for it.

    `remembered` is the head that the state knows. The log must contain it; it may have more whole lines, which a crash
    kept from being saved in the state. A last line cut short by a power cut is removed first.
    """
    head = _head_after(path, remembered)
    is_new = head is None
    if head is None:
        aside = _put_aside(path)
        head = _write(path, remembered, {"event": SEGMENT, "after": aside}, now)
    return _write(path, head, {"event": event, **details}, now), is_new


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every entry of the segment in use, checking the chain; Refusal at the first line that does not fit.

    A missing log yields nothing; an incomplete last line is ignored.
    """
    for line in _chained(path):
        yield json.loads(line)


def end(path: Path) -> Head:
    """Return the head of the log, checking the chain as `entries` does."""
    head = Head()
    for line in _chained(path):
        head = Head(_names(line)[0], _hash(line))
    return head


def remains(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every readable entry of all segments, the oldest first, skipping damaged ones."""
    for segment in [*segments(path), path]:
        with suppress(OSError), files.opened(segment) as source:
            for line in source:
                with suppress(ValueError, RecursionError):
                    if isinstance(entry := json.loads(line), dict):
                        yield entry


def segments(path: Path) -> list[Path]:
    """Return the paths of the renamed segments, the oldest first."""
    numbers = (number for number in count(1))
    found = []
    while (aside := _aside(path, next(numbers))).exists():
        found.append(aside)
    return found


def _head_after(path: Path, remembered: Head) -> Head | None:
    """Return the head of the log if the log contains the remembered one; None when the log cannot be continued."""
    if path.exists() and not os.access(path, os.W_OK):  # root has restored or edited it
        return None
    try:
        with files.opened(path) as source:
            _, last = _last_line(source.fileno())
            is_long = os.fstat(source.fileno()).st_size > _CHECKED_WHOLE
        if is_long and (found := Head(_names(last)[0], _hash(last))) == remembered:
            return found
        ahead = [Head(_names(line)[0], _hash(line)) for line in _chained(path)]
    except FileNotFoundError:
        return remembered if remembered == Head() else None
    except (OSError, Refusal):
        return None
    return (ahead[-1] if ahead else Head()) if remembered in [Head(), *ahead] else None


def _write(path: Path, head: Head, details: dict[str, Any], now: datetime) -> Head:
    """Add the line that follows `head` after the last whole line; return its own head."""
    entry = {"n": head.entries + 1, "at": instants.write(now), **details, "previous": head.sha256}
    line = json.dumps(entry, ensure_ascii=True, sort_keys=True).encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        start, _ = _last_line(descriptor)
        os.ftruncate(descriptor, start)
        if os.pwrite(descriptor, line + b"\n", start) <= len(line):  # only a part was written
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return Head(entry["n"], _hash(line))


def _put_aside(path: Path) -> str:
    """Rename whatever is at the log's path; return the new name, or "" when nothing was there."""
    aside = next(aside for number in count(1) if not os.path.lexists(aside := _aside(path, number)))
    try:
        path.rename(aside)
    except FileNotFoundError:
        return ""
    return aside.name


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _chained(path: Path) -> Iterator[bytes]:
    """Yield the lines of a segment without their newlines; Refusal at one that does not follow the one before."""
    head = Head()
    with suppress(FileNotFoundError), files.opened(path) as source:
        for place, line in enumerate(source, 1):
            if not line.endswith(b"\n"):
                return
            number, previous = _names(line)
            begins = place == 1 and number > 0 and json.loads(line).get("event") == SEGMENT
            if not begins and (number, previous) != (head.entries + 1, head.sha256):
                raise Refusal("log", f"El renglón {place} de la bitácora no sigue al anterior.")
            head = Head(number, _hash(line[:-1]))
            yield line[:-1]


def _names(line: bytes) -> tuple[int, str]:
    """Return a line's number and the SHA-256 that it gives for the line before; (0, "") when it is not a log line."""
    try:
        entry = json.loads(line)
        return int(entry["n"]), str(entry["previous"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0, ""


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
    return hashlib.sha256(line).hexdigest()
