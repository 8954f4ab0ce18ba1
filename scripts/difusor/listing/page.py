"""The list as a web page in the institute's colours, without scripts and without anything from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from corte.format import instants
from difusor.inventory import Election
from difusor.papers.document import environment

TWIN, SIGNATURE, SIGNERS, PAGE, STYLE = "lista.json", "lista.json.sig", "firmantes", "index.html", "estilo.css"
PURPOSE = "lista"
"""The purpose in the signature's namespace, so that a list's signature is not valid for a corte."""


@dataclass(frozen=True)
class Tile:
    """One difusor as the page shows it. `logo`: a path in the list's folder, "" for a tile with the name in letters."""

    name: str
    url: str
    host: str
    logo: str = ""


def html(
    election: Election, tiles: Sequence[Tile], signers: Sequence[tuple[str, str]], valid: tuple[datetime, datetime],
    logo: str,
) -> str:  # fmt: skip
    """Return the page. `signers`: name and fingerprint of whoever may sign; `logo`: the institute's, "" for none.

    `valid`: when it was made, and until when it is to be believed.
    """
    made, until = valid
    zone = ZoneInfo(election.timezone)
    return _render(
        "lista.html.j2", election=election, institute=election.institute, tiles=tiles, signers=signers, logo=logo,
        made=made.astimezone(zone), opens=election.opens.astimezone(zone), closes=election.closes.astimezone(zone),
        until=until.astimezone(zone), stamps=[instants.write(each) for each in valid],
        names=(TWIN, SIGNATURE, SIGNERS), namespace=f"prep-{PURPOSE}@{election.id}", style=STYLE,
    )  # fmt: skip


def style(election: Election) -> str:
    """Return the page's style, light and dark, in the institute's colours."""
    return _render("lista.css.j2", colors=election.institute.colors)


def _render(template: str, **values: Any) -> str:
    return environment("difusor.listing").get_template(template).render(values) + "\n"
