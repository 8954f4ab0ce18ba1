"""The index of all dictámenes: its rows, its order, and its page."""

from __future__ import annotations

import html
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from call_kit import FIRST
from call_kit import results as measured

from difusor.report import dictamen, index
from difusor.report.index import Row
from difusor.spec import deviations
from difusor.suite import browser

HOSTILE = "<img src=x onerror=1> \u202e {{ 7*7 }} " + "W" * 400


def composed(**changes: Any) -> dict[str, Any]:
    return dictamen.compose(measured(), "web1", FIRST, deviations.load()) | changes


def found(*rows: Row) -> index.Index:
    return index.worst_first("ribera", "Proceso <b>2027</b>", "Instituto", datetime(2027, 5, 14, tzinfo=UTC), rows)


def test_a_row_names_the_clauses_that_count_against_the_difusor() -> None:
    previous = {"changes": [{"kind": "empeoró"}, {"kind": "mejoró"}]}
    row = index.row("diario", composed(previous=previous), (Path("diario.json"), Path("diario.html")), 61.23)
    assert row.refused == {"EXPIRADA": ("HW-02",), "NO CUMPLE": ("RED-06", "DG-06", "DG-11"), "SIN PRUEBA": ("DG-07",)}
    assert (row.verdict, row.status, row.seconds) == ("NO CUMPLE", 1, 61.2)
    assert (row.changes, row.papers) == ("1 empeoró, 1 mejoró", ("diario.json", "diario.html"))


def test_one_that_fails_only_beyond_the_call_says_so() -> None:
    fine = [entry | {"verdict": "CUMPLE"} for entry in composed()["clauses"]]
    unbound = [each | {"outcome": "failed"} for each in composed()["unbound"]]
    row = index.row("diario", composed(clauses=fine, unbound=unbound, verdict="CUMPLE"), (), 1)
    assert (row.status, row.refused) == (1, {})
    assert "lo que el proyecto pide además" in row.why


@pytest.mark.parametrize(
    ("hours", "why", "action"),
    [
        (
            {"opens": "2999-06-02T20:00:00-06:00"}, "antes de la apertura",
            "medir lo que falta después de la apertura: ./difusor report -i diario",
        ),
        ({"opens": "2020-06-02T20:00:00-06:00"}, "", "medir lo que falta: ./difusor report -i diario"),
        ({"closes": "2024-06-03T01:41:05Z"}, "la publicación terminó", "vale el de la noche, si lo hay"),
        (
            {"closes": "2024-06-03T01:41:05Z", "environment": "simulacro"}, "la publicación terminó",
            "medir lo que falta en otro simulacro",
        ),
        (
            {"closes": "2024-06-03T01:41:00Z", "retain_until": "2024-06-10T06:00Z"}, "",
            "medir lo que falta: ./difusor report -i diario",
        ),
    ],
    ids=["before the opening", "after it", "after the end", "after a rehearsal", "retained"],
)  # fmt: skip
def test_what_was_not_measured_is_not_laid_to_the_difusor(hours: dict[str, str], why: str, action: str) -> None:
    """Before the opening no corte is shown that could be measured, nor after the end, when nobody can measure one."""
    said = composed()
    fine = [entry | {"verdict": "CUMPLE"} for entry in said["clauses"][1:]]
    lacking = [said["clauses"][0] | {"verdict": "SIN PRUEBA"}, *fine]
    election = said["election"] | {"opens": "2020-06-02T20:00:00-06:00"} | hours
    changes = {"clauses": lacking, "verdict": "INCOMPLETO", "election": election}
    row = index.row("diario", composed(**changes, unbound=[]), (), 1)
    assert (row.status, row.action) == (1, action)
    assert row.why.startswith(why) and bool(row.why) == bool(why)
    amiss = [each | {"outcome": "failed"} for each in said["unbound"]]
    assert index.row("diario", composed(**changes, unbound=amiss), (), 1).action == "corregir lo que dice su dictamen"


def test_those_that_need_somebody_come_first() -> None:
    said = [("a", "CUMPLE", 0), ("b", "NO EVALUADO", 2), ("c", "FUERA DE LA LISTA", 0), ("d", "NO CUMPLE", 1)]
    rows = found(*(Row(id=id, name=id, verdict=verdict, status=status) for id, verdict, status in said)).rows
    assert [row.id for row in rows] == ["d", "b", "a", "c"]


def test_the_page_shows_what_a_name_says_and_does_nothing_of_it() -> None:
    row = Row(id="x", name=HOSTILE, verdict="NO EVALUADO", status=2, why=HOSTILE, action=HOSTILE, papers=("a b.html",))
    shown = index.html(found(row))
    assert "<img" not in shown and "\u202e" not in shown and "{{ 7*7 }}" in shown and "&lt;img" in shown
    assert 'href="a%20b.html"' in shown and "<script" not in shown and "<b>2027" not in shown


def test_the_files_are_written_beside_the_dictamens(tmp_path: Path) -> None:
    data, page = index.write_index(found(), tmp_path)
    assert '"schema": "difusor-indice/1"' in data.read_text()
    assert "Aún no hay difusores" in page.read_text()


def test_the_index_of_another_election_stays(tmp_path: Path) -> None:
    kept = {path: path.read_text() for path in index.write_index(found(), tmp_path)}
    other = index.write_index(found().model_copy(update={"election": "ribera-2030", "name": "Otra"}), tmp_path)
    assert [path.name for path in other] == ["indice-ribera-2030.json", "indice-ribera-2030.html"]
    assert {path: path.read_text() for path in kept} == kept


@pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")
def test_the_page_is_readable_on_a_telephone(tmp_path: Path) -> None:
    """As the dictamen's: at 390 px nothing reaches beyond the screen, whatever a name is."""
    page = index.html(found(Row(id="x", name=HOSTILE, verdict="NO EVALUADO", status=2, why=HOSTILE)))
    measure = "document.title = document.body.textContent = frames[0].document.documentElement.scrollWidth + ' px'"
    frame = f'<iframe style="width: 405px; border: 0" srcdoc="{html.escape(page)}"></iframe>'
    (tmp_path / "frame.html").write_text(f'<body onload="{measure}">{frame}</body>', encoding="utf-8")
    assert browser.read((tmp_path / "frame.html").as_uri(), "nadie.test", "127.0.0.1") == "390 px"
