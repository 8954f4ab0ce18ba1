"""Cuts the part around one moment from the journals of a lab's hosts, which molecule/shared/destroy.yml keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4} ")
"""The start of an entry of `journalctl --output=short-iso-precise`; further lines of a message are indented."""
LEAST = timedelta(minutes=1)
AFTER = timedelta(seconds=5)
"""How long after a test the journal is still read: hosts may write of an event a little later."""


def cut(folder: Path, name: str, ended: datetime, seconds: float = 0.0) -> Path | None:
    """Write the journal entries of all hosts around an event (at least a minute), in order of time, to one file.

    `folder` holds the journals; `name` is the event's. Returns the file, in the same folder; None without journals.
    """
    since, until = ended - max(LEAST, timedelta(seconds=seconds)), ended + AFTER
    entries = [entry for path in sorted(folder.glob("journal-*.log")) for entry in _entries(path, since, until)]
    if not entries:
        return None
    file = folder / f"minute-{re.sub(r'[^\w.]+', '-', name).strip('-')[:100]}.log"
    file.write_text("".join(text for _, text in sorted(entries, key=lambda entry: entry[0])))
    return file


def _entries(path: Path, since: datetime, until: datetime) -> Iterator[tuple[datetime, str]]:
    """Yield the entries of one journal between two instants, each with all its lines."""
    at = None
    with path.open(errors="replace") as lines:
        for line in lines:
            if match := INSTANT.match(line):
                at = datetime.fromisoformat(match.group().strip())
            if at and since <= at <= until:
                yield at, line
