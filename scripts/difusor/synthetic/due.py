"""Which corte of an election is due."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta

from corte.format import instants
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.synthetic.cortes import corte_instants


def due(election: Election, now: datetime | None = None) -> tuple[int, int]:
    """Return (number, total) of the corte that is due at this time: 1, that of zero actas, before the opening too.

    UnusableError when the election is official, or over.
    """
    if election.environment != "simulacro":
        raise UnusableError(f"{election.id} es oficial, y los datos sintéticos son solo para simulacros")
    window, now = election.window, now or instants.now()
    if now > window.closes:
        raise UnusableError(
            f"el simulacro {election.id} cerró a las {instants.write(window.closes)}; haga otra elección"
        )
    interval = timedelta(minutes=election.interval_minutes)
    total = max(2, (window.closes - window.opens) // interval + 1)
    return max(1, bisect_right(corte_instants(window.opens, window.closes, total), now)), total
