"""Instants in UTC, to the second. Times without an offset are refused."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, datetime, timezone

# From Python 3.14 on, `fromisoformat` takes the hour 24 for midnight. What one machine takes, all others have to take.
_UTC_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_HOUR_24 = re.compile(r"[T ]24")


def now() -> datetime:
    """Return the present instant as an aware datetime in UTC, with microseconds."""
    return datetime.now(timezone.utc)


def parse(text: object) -> datetime:
    """Read the one canonical form, 2024-06-03T02:00:00Z; ValueError for anything else."""
    if not isinstance(text, str) or not _UTC_FORM.fullmatch(text):
        raise ValueError("no es un instante como 2024-06-03T02:00:00Z")
    return datetime.fromisoformat(text[:-1] + "+00:00")


def of_digits(digits: str) -> datetime:
    """Read an instant in UTC written as 20240603020000, with or without its seconds; ValueError when there is none.

    `strptime` needs ten milliseconds before its first one, a sixth of what a service takes for a small corte.
    """
    year, month, day, hour, minute = digits[:4], digits[4:6], digits[6:8], digits[8:10], digits[10:12]
    second = digits[12:] or "0"
    return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=timezone.utc)


def parse_offset(text: str) -> datetime:
    """Read any ISO 8601 instant that says its offset (Z, -06:00) and return it in UTC; ValueError for anything else.

    Nor is one of the first or last year of all taken: it has no day in some time zones.

    The message is in Spanish, because operators write such instants by hand.
    """
    if _HOUR_24.search(text):
        raise ValueError(f"«{text}» dice la hora 24, que no hay; escriba las 00:00 del día siguiente")
    try:
        instant = datetime.fromisoformat(re.sub("Z$", "+00:00", text))
    except ValueError:
        raise ValueError(f"«{text}» no es un instante como 2024-06-02T20:00:00-06:00") from None
    if instant.tzinfo is None:
        raise ValueError(f"«{text}» no dice su diferencia con UTC; escríbalo como 2024-06-02T20:00:00-06:00")
    if not MINYEAR < instant.year < MAXYEAR:
        raise ValueError(f"«{text}» no es de ningún año en que haya elecciones; corrija el año")
    return instant.astimezone(timezone.utc)


def write(instant: datetime) -> str:
    """Return the instant as text in the canonical form; the fraction of a second is cut off."""
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
