"""Until when each step of a difusor is due, and when results are shown, by the election's calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from corte.format.manifest import Window
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.publish.standing import window_in_force


@dataclass(frozen=True)
class Due:
    """One step: its key, what the board calls it, and until when it is due; None while the election does not say."""

    key: str
    title: str
    until: datetime | None


def dues(election: Election) -> tuple[Due, ...]:
    """Return the steps in their order. A rehearsal is due on its day; the server has to be ready before the first."""
    zone, call = ZoneInfo(election.timezone), election.call
    form = (call.form_until or call.list_from) if call else None
    ready = min((datetime.combine(each, time.min, zone) for each in election.simulacros), default=None)
    ready = ready or (call.list_from if call else None) or election.opens
    return (
        Due("oficio", "Oficio", election.notice_until),
        Due("formato", "Formato", form or ready),
        Due("logotipo", "Logotipo", form or ready),
        Due("carta", "Carta", ready),
        Due("preflight", "Revisión previa", ready),
        Due("instalado", "Instalado", ready),
        Due("dictamen", "Dictamen", (call.list_from if call else None) or ready),
        *_rehearsals(election, zone),
        Due("oficial", "Oficial", election.closes),
    )


def window_of(election: Election) -> Window:
    """Return when an election's results are shown: as was signed last on this machine, or as its file says."""
    try:
        return window_in_force(election)
    except UnusableError:  # a record that cannot be read is told by whoever signs or publishes
        return election.window


def _rehearsals(election: Election, zone: ZoneInfo) -> Iterator[Due]:
    for number, each in enumerate(sorted(election.simulacros), 1):
        yield Due(f"simulacro-{number}", f"Simulacro {number}", datetime.combine(each, time.max, zone))
