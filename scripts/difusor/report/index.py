"""The index of the dictámenes of many difusores: a row each, as data and as a page without references to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from corte.format import instants
from difusor.papers.dates import instant
from difusor.papers.document import environment
from difusor.project import write
from difusor.report.comparison import counted
from difusor.report.issue import is_amiss, status
from difusor.report.verdict import REFUSED, Overall, shown
from difusor.terminal import json_text

SCHEMA = "difusor-indice/1"
OFF_THE_LIST = "FUERA DE LA LISTA"
"""Instead of a verdict, for a difusor that the institute has revoked: nobody measures it, and nothing is amiss."""
UNOPENED = "antes de la apertura no hay corte que medir"
ENDED = "la publicación terminó y ya no hay corte que medir"
OF_THE_NIGHT = "vale el de la noche: ya no hay corte que medir"


class Row(BaseModel):
    """One difusor. `verdict`: an Overall, or OFF_THE_LIST; `status`: as the exit status of its own `report`.

    `measured`: when, ISO with offset; "" when it was not. `refused`: the clauses that count against it, by verdict.
    `changes`: how many differ from the dictamen before, in words. `why` and `action`: what is amiss, and what to do.
    `papers`: the names of its files, beside the index. `seconds`: how long the measurement took.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    verdict: str
    status: int
    measured: str = ""
    counts: dict[str, int] = {}
    refused: dict[str, tuple[str, ...]] = {}
    changes: str = ""
    why: str = ""
    action: str = ""
    papers: tuple[str, ...] = ()
    seconds: float = 0.0


class Index(BaseModel):
    """All of them, worst first, as `indice-<election>.json` has it; `made` is ISO with the election's offset."""

    model_config = ConfigDict(frozen=True)

    election: str
    name: str
    institute: str
    made: str
    rows: tuple[Row, ...]


def row(
    id: str, dictamen: Mapping[str, Any], papers: Sequence[Path], seconds: float, is_of_the_night: bool = False
) -> Row:
    """Return the row of a difusor that has a dictamen.

    `is_of_the_night`: it was not measured now; it is the one that stays after the publication's end.
    """
    refused: dict[str, tuple[str, ...]] = {}
    for entry in dictamen["clauses"]:
        if entry["verdict"] in REFUSED:
            refused[str(entry["verdict"])] = (*refused.get(str(entry["verdict"]), ()), entry["id"])
    evaluated = dictamen["verdict"] != Overall.UNREACHABLE
    code = status(dictamen)
    beyond = "solo falla lo que el proyecto pide además de la convocatoria" if code == 1 and not refused else ""
    unmeasured = OF_THE_NIGHT if is_of_the_night else dictamen["unreachable"] or _unseen(dictamen)
    return Row(
        id=id,
        name=dictamen["difusor"]["name"],
        verdict=str(dictamen["verdict"]),
        status=code,
        measured=dictamen["finished_local"] if evaluated else "",
        counts={str(verdict): count for verdict, count in dictamen["counts"].items()},
        refused=refused,
        changes=counted(dictamen["previous"]) if dictamen["previous"] else "",
        why="; ".join(filter(None, (unmeasured, beyond))),
        action=_action(id, dictamen, is_of_the_night) if code else "",
        papers=tuple(path.name for path in papers),
        seconds=round(seconds, 1),
    )


def _action(id: str, dictamen: Mapping[str, Any], is_of_the_night: bool) -> str:
    """Return what to do about a dictamen that is not all well; "" when nobody can do anything any more."""
    if dictamen["verdict"] == Overall.UNREACHABLE:
        return again(id)
    if dictamen["verdict"] != Overall.INCOMPLETE or is_amiss(dictamen):
        return "corregir lo que dice su dictamen"
    if is_of_the_night:
        return ""
    seen = _unseen(dictamen)
    if seen == ENDED:
        is_official = dictamen["election"].get("environment") == "official"
        return "vale el de la noche, si lo hay" if is_official else "medir lo que falta en otro simulacro"
    when = " después de la apertura" if seen else ""
    return f"medir lo que falta{when}: ./difusor report -i {id}"


def _unseen(dictamen: Mapping[str, Any]) -> str:
    """Return why a dictamen is incomplete that was measured when no corte is shown; "" for any other one.

    Opening and end are those of the election's file, as somebody wrote them.
    """
    election = dictamen["election"]
    if dictamen["verdict"] != Overall.INCOMPLETE:
        return ""
    finished = instants.parse_offset(dictamen["finished"])
    with suppress(ValueError):
        if finished < instants.parse_offset(election["opens"]):
            return UNOPENED
    with suppress(ValueError):
        if finished >= instants.parse_offset(election.get("retain_until") or election["closes"]):
            return ENDED
    return ""


def again(id: str) -> str:
    """Return what to do once the cause is corrected for which a difusor was not measured."""
    return f"cuando eso esté corregido: ./difusor report -i {id}"


def worst_first(election: str, name: str, institute: str, made: datetime, rows: Sequence[Row]) -> Index:
    """Return the index of these rows, those that need somebody first. `made` has the election's offset."""
    ranks = [*map(str, Overall), OFF_THE_LIST]
    ordered = sorted(rows, key=lambda each: (each.status == 0, ranks.index(each.verdict), each.id))
    return Index(
        election=election, name=name, institute=institute, made=made.isoformat(timespec="seconds"), rows=tuple(ordered)
    )


def write_index(found: Index, folder: Path) -> tuple[Path, Path]:
    """Write `indice-<election>.json` and `.html`, each whole or not at all, beside the dictámenes; return both.

    The name says the election, so that the index of another one stays; no difusor that the desk
    enrols has a hyphen in its name, so none is taken for an index.
    """
    data, page = (folder / f"indice-{found.election}.{kind}" for kind in ("json", "html"))
    write(data, json_text({"schema": SCHEMA, **found.model_dump(mode="json")}) + "\n")
    write(page, html(found))
    return data, page


def html(found: Index) -> str:
    """Return the page of an index; every text in it is escaped and in one line."""
    return (
        environment("difusor.report").get_template("indice.html.j2").render(index=found, instant=instant, shown=shown)
    )
