"""Dates and instants as papers and pages write them, in Spanish."""

from __future__ import annotations

from datetime import date, datetime

MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
MINUS = "\N{MINUS SIGN}"


def day(value: date) -> str:
    """Return a date as it is read aloud: 2 de junio de 2024."""
    return f"{value.day} de {MONTHS[value.month - 1]} de {value.year}"


def hour(value: datetime) -> str:
    """Return an instant as an official letter writes it, in its own zone: 2 de junio de 2024, 20:00 horas."""
    return f"{day(value)}, {value:%H:%M} horas"


def instant(text: str) -> str:
    """Return an ISO instant as it is read aloud, with its offset: 2 de junio de 2024, 19:41:05 (UTC-6)."""
    value = datetime.fromisoformat(text)
    sign, hours, minutes = (f"{value:%z}"[part] for part in (slice(1), slice(1, 3), slice(3, 5)))
    offset = f"{sign.replace('-', MINUS)}{int(hours)}" + (f":{minutes}" if int(minutes) else "")
    return f"{day(value)}, {value:%H:%M:%S} (UTC{offset if value.utcoffset() else ''})"
