"""Judges whether a shown corte is the last one and may still be shown, by what was published and by its own window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from corte.format import instants
from corte.format.manifest import Manifest, Window
from corte.format.standing import Standing, Withdrawn
from difusor.inventory import Election
from difusor.publish.seen import Published

GRACE = timedelta(minutes=2)
"""How long after the institute published a corte a mirror may still show the one before, and after the end the last."""
PUBLISHED = "y el Instituto publicó"
ANY_PUBLISHED = "y el Instituto ya publicó"
"""What sentences say of a mirror that lacks the last corte, or any; `is_behind` knows them by that."""
LAST = "es el último que publicó el Instituto"
"""What they say of one that has it."""


def judge(
    shown: Manifest, published: Published | None, now: datetime, expected: bool = False, grace: timedelta | None = None
) -> tuple[str, str]:
    """Return as sentences why the corte is too old, and otherwise what else is to be said of its age; "" for neither.

    `published` is the corte that the institute published last, if that is known here; `expected`: the shown corte is
    known to be the one that should be shown; `grace`: how long after the institute published a corte the one before
    may still be shown, GRACE by default.
    """
    if published and published.is_after(shown) and not expected:
        behind = (
            f"muestra el corte {shown.sequence}, firmado {instants.write(shown.generated)}, {PUBLISHED} "
            f"el {published.sequence}, firmado {instants.write(published.generated)}"
        )
        if published.hold:
            return "", f"{behind}, con la orden de conservar lo que se muestra"
        is_due = now - published.at > (GRACE if grace is None else grace)
        return (behind, "") if is_due else ("", f"{behind} hace un momento")
    late = _late(shown, now)
    if not late:
        return "", ""
    old = f"el corte {shown.sequence} se firmó {instants.write(shown.generated)} y ya debería haber otro: {late}"
    if expected or (published is not None and published.generated == shown.generated):
        return "", f"{old}; {LAST}"
    return f"{old}; en esta máquina no consta que sea el último que publicó el Instituto", ""


def overdue(window: Window, election: Election, followed: Standing, now: datetime) -> str:
    """Return as a sentence why no corte may be shown any more, "" if one may; `followed`: the mirror's orders.

    The end is that of the `window` of the shown corte. While the mirror holds the newer ones back, theirs may be later,
    as in the election.
    """
    end = max(window.retain_until, election.window.retain_until) if followed.hold_in_force else window.retain_until
    if now <= end + GRACE:
        return ""
    return (
        f"muestra resultados, y su publicación terminó {instants.write(end)}; si su servidor estuvo detenido, su reloj "
        "atrasa: en él, sudo systemctl restart chrony"
    )


def rests(status: Mapping[str, Any], window: Window, now: datetime) -> str:
    """Return as a sentence why a mirror that shows no corte is right, "" if it is not; `status`: its estado.json.

    It has to say so itself: one whose clock is wrong waits when it should show something, or the reverse.
    """
    state = (status.get("gate") or {}).get("state")
    if state == "waiting" and now < window.opens:
        return f"no muestra nada, como debe: su apertura es {instants.write(window.opens)}"
    if state == "retired" and now >= window.retain_until:
        return f"no muestra nada, como debe: su publicación terminó {instants.write(window.retain_until)}"
    return ""


def due(window: Window, now: datetime) -> str:
    """Return as a sentence that a corte of this window has to be shown now; "" where it has not."""
    is_due = window.opens <= now < window.retain_until
    return f"no muestra el corte dado, que se ve hasta {instants.write(window.retain_until)}" if is_due else ""


def while_pushed(published: Published | Withdrawn, sequence: int, election: Election) -> timedelta:
    """Return the grace of a mirror that shows corte `sequence` (0: none), to which the push may still be running.

    A corte counts as published once the fastest mirror has it, and the slowest may need until the next one. A mirror
    that lacks more than the last corte gets no such time: each new corte would excuse it for another interval.
    """
    is_next = published.sequence <= sequence + 1
    return max(GRACE, timedelta(minutes=election.interval_minutes)) if is_next else GRACE


def is_behind(sentence: str) -> bool:
    """Tell whether a sentence, such as `judge` gives, is about a mirror that lacks what the institute published."""
    return PUBLISHED in sentence or ANY_PUBLISHED in sentence


def _late(shown: Manifest, now: datetime) -> str:
    """Return how long no corte has come, if for more than two intervals within its window; else "".

    One from before the opening, the corte of zeros, ages from then on: the next comes an interval after it.
    """
    until = min(now, shown.window.closes)
    age = until - max(shown.generated, shown.window.opens)
    if now < shown.window.opens or age <= timedelta(minutes=2 * shown.interval_minutes):
        return ""
    minutes = int(age.total_seconds() // 60)
    return f"lleva {minutes} minutos" if until == now else f"al cierre llevaba {minutes} minutos"
