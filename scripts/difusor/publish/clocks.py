"""Says in Spanish what is wrong with a mirror's clock, by its estado.json."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from corte.format import instants
from difusor.publish import signing
from difusor.publish.mirror import is_shut

APART = timedelta(minutes=1)
"""How far a mirror's clock may be from this machine's: it says its time anew every half minute."""


def doubts(status: dict[str, Any], asked: datetime) -> list[str]:
    """Return as sentences what is wrong with the clock of a mirror, which gave its estado.json at the instant `asked`.

    A machine that stood still for hours goes on from where it was: chrony corrects that very slowly. A mirror that is
    silent may have written the file long ago, and is not to be judged by it.
    """
    gate, clock = (status.get(name) or {} for name in ("gate", "clock"))
    with suppress(ValueError):
        apart = instants.parse(status.get("updated")) - asked
        if abs(apart) > APART:
            how = "adelanta" if apart > timedelta(0) else "atrasa"
            return [
                f"su reloj {how} {abs(apart) / timedelta(minutes=1):.0f} min respecto al de esta máquina: compare los "
                "dos con la hora oficial y, si es el suyo el que está mal, en su servidor: sudo systemctl restart "
                "chrony"
            ]
    if gate.get("state") == "open" and clock.get("synchronised") is False and not gate.get("clock_override"):
        return [
            "su reloj no está sincronizado, con la página abierta: que llegue a un servidor de hora (NTP, UDP 123), y "
            "en su servidor: sudo systemctl restart chrony"
        ]
    return []


def shut(status: dict[str, Any]) -> str:
    """Return why its clock keeps a mirror shut after the opening, and what to do, as a clause."""
    if not is_shut(status):
        return signing.BEHIND
    return (
        "ya debía abrir y su reloj no está sincronizado; que llegue a un servidor de hora (NTP, UDP 123), y allá: "
        "sudo systemctl restart chrony"
    )
