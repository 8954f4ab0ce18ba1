"""What is checked before the opening, in which order at which moment, and what one check found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal


class Moment(StrEnum):
    """A day before the opening, when much can still be changed, or an hour before, when little can."""

    DAY = "T-24"
    HOUR = "T-1"


State = Literal["good", "warn", "bad"]

TITLES = {
    "here": "firma y envío", "inventory": "inventario", "server": "acceso", "services": "servicios", "code": "versión",
    "window": "ventana", "clock": "reloj", "signers": "firmantes", "image": "imágenes", "certificate": "certificado",
    "families": "IPv4 e IPv6", "trusted": "confiables", "disk": "disco", "drift": "cambios", "restart": "reinicio",
    "names": "DNS", "caa": "CAA",
}  # fmt: skip
"""What each check is called."""
LONGEST_FIRST = (
    "here", "inventory", "server", "names", "certificate", "families", "caa", "disk", "code", "restart", "image",
    "drift", "signers", "trusted", "clock", "window", "services",
)  # fmt: skip
"""A day before: first what takes longest to come true; `code` before `restart`, whose remedy needs that version."""
WORST_FIRST = tuple(TITLES)
"""An hour before: first what would keep the page shut or show something wrong, last what can no longer be helped."""
HOUR_FROM = timedelta(hours=6)
"""How long before the opening the checks of the last hour take the place of those of the day before."""


@dataclass(frozen=True)
class Check:
    """One check of one difusor: what was found, and what to do about it (sentences; `remedy` is empty when good)."""

    key: str
    state: State
    found: str
    remedy: str = ""


def good(key: str, found: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(key, "good", found)


def bad(key: str, found: str, remedy: str) -> Check:
    """Return a check without which the night is in danger."""
    return Check(key, "bad", found, remedy)


def warn(key: str, found: str, remedy: str) -> Check:
    """Return a check that found what somebody should know, and that does not stop the night."""
    return Check(key, "warn", found, remedy)


def moment_of(opens: datetime, now: datetime) -> Moment:
    """Return whose turn it is, by the time that is left until the opening."""
    return Moment.HOUR if opens - now <= HOUR_FROM else Moment.DAY


def ordered(checks: list[Check], moment: Moment) -> list[Check]:
    """Return checks in the order in which they are seen to at a moment."""
    order = LONGEST_FIRST if moment is Moment.DAY else WORST_FIRST
    return sorted(checks, key=lambda each: order.index(each.key))
