"""Which corte of an election is due."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from corte.format import instants
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.synthetic.setting import Setting
from difusor.terminal import local


def due(election: Election, now: datetime | None = None) -> int:
    """Return the number of the corte that is due at this time: 1, that of zero actas, before the opening too.

    UnusableError when the election is official, or over.
    """
    if election.environment != "simulacro":
        raise UnusableError(f"{election.id} es oficial, y los datos sintéticos son solo para simulacros")
    closes, now = election.window.closes, now or instants.now()
    if now > closes:
        raise UnusableError(
            f"el simulacro {election.id} cerró el {local(closes, election.catalog.zone)}; haga otra elección"
        )
    return max(1, bisect_right(Setting.of(election).instants, now))
