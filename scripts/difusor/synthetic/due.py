"""Which corte of an election is due."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from corte.format import instants
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.synthetic.setting import Setting
from difusor.terminal import local


def refuse_official(election: Election) -> None:
    """Raise UnusableError for an official election, whose cortes nobody invents."""
    if election.environment != "simulacro":
        raise UnusableError(
            f"{election.id} es oficial, y los datos sintéticos son solo para simulacros; haga uno con «difusor new "
            "election»"
        )


def due(election: Election, now: datetime | None = None) -> int:
    """Return the number of the corte that is due at this time: 1, that of zero actas, before the opening too.

    UnusableError when the election is official, or over.
    """
    refuse_official(election)
    closes, now = election.window.closes, now or instants.now()
    if now > closes:
        raise UnusableError(
            f"el simulacro {election.id} cerró el {local(closes, election.catalog.zone)}; haga otra elección"
        )
    return max(1, bisect_right(Setting.of(election).instants, now))
