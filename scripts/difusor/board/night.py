"""The dictámenes of an election's night, which stay once its publication is over: no corte can be measured then."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from corte.format import instants
from difusor.board import recorded
from difusor.board.calendar import window_of
from difusor.inventory import Election, election_file, load_election
from difusor.partners import revocation, steps
from difusor.partners.steps import Steps
from difusor.project import DAMAGE, UnusableError, from_project
from difusor.report import index
from difusor.report.index import Row
from difusor.report.results import ResultsError
from difusor.report.verdict import Overall
from difusor.terminal import local

LASTS = timedelta(minutes=5)
"""How long a measurement may take: of one that begins later before the end, a part finds no corte any more."""


def refuse(inventory: Path, output: Path) -> None:
    """Raise ResultsError where a measurement would replace the dictamen of the night in the folder `output`.

    An inventory that cannot be read is told by whoever measures it.
    """
    with suppress(UnusableError, OSError):
        election = load_election(election_file(inventory))
        if found := kept(inventory.resolve(), election, output):
            raise ResultsError(_told(found, election, inventory))


def row(inventory: Path, election: Election, output: Path) -> Row | None:
    """Return the index's row of a difusor whose dictamen of the night stays; None for one that is to be measured."""
    with suppress(*DAMAGE):  # one of another form cannot be shown, and is kept among the earlier ones
        if found := kept(inventory, election, output):
            papers = [output / f"{inventory.name}{ending}" for ending in (".json", ".html")]
            there = [each for each in papers if each.exists()]
            return index.row(inventory.name, found, there, seconds=0.0, is_of_the_night=True)
    return None


def kept(inventory: Path, election: Election, output: Path) -> dict[str, Any] | None:
    """Return the dictamen in a folder that no measurement of now may replace; None where there is none.

    It is one of an official election, measured while results were shown, which now they are no longer. A rehearsal is
    repeated; one that did not reach the server, or is of before the opening, says nothing that is lost; and who is off
    the list is not measured anyway.
    """
    window = window_of(election)
    if election.environment != "official" or instants.now() < window.retain_until - LASTS:
        return None
    path = output / f"{inventory.name}.json"
    with suppress(UnusableError, OSError, ValueError):  # one that is damaged proves nothing
        found = recorded.dictamen(path, election.id, _done(inventory), window.retain_until)
        if found and found["verdict"] != Overall.UNREACHABLE and not revocation.in_force(inventory):
            ended = instants.parse_offset(found["finished"])
            began = instants.parse_offset(found.get("started", found["finished"]))
            return found if began < window.retain_until and ended >= window.opens else None
    return None


def _done(inventory: Path) -> Steps:
    with suppress(UnusableError):
        return steps.read(inventory)
    return Steps()


def _told(found: Mapping[str, Any], election: Election, inventory: Path) -> str:
    zone, end = election.catalog.zone, window_of(election).retain_until
    over = "terminó" if instants.now() >= end else "termina"
    return (
        f"la publicación {over} el {local(end, zone)}, y desde entonces no hay corte que medir: vale el dictamen de la "
        f"noche ({found['verdict']}, medido el {local(found['finished'], zone)}) y se queda. Para medir el servidor de "
        f"todos modos, dé otra carpeta: ./difusor report -i {from_project(inventory)} --output CARPETA"
    )
