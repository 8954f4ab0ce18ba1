"""The desk's days from the form to the list, step by step, each as its verb does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from corte.format import instants
from difusor.board import page, rows
from difusor.lab.desk import forms, papers
from difusor.lab.desk.office import ELECTION, Office, opened
from difusor.lab.desk.outlets import PASSWORD, RAN, dozen
from difusor.lab.desk.papers import SIGNED_LETTER, WITHOUT_LETTER
from difusor.lab.desk.step import Step
from difusor.listing import making
from difusor.partners import election as elections
from difusor.project import UnusableError, from_project, inventories, write

RESULTS = {
    "Formato": "formato/anexo2.xlsx", "Correo": "correo", "Difusores": "inventories", "Papeles": "build/papeles",
    "Dictamen": f"build/dictamen/{SIGNED_LETTER[0]}.pdf", "Lista": "lista/index.html", "Tablero": "tablero.html",
}  # fmt: skip
"""Where to look in the end, in the office's folder."""


def run(folder: Path, like: str) -> Iterator[Step]:
    """Make the office in a folder, anew, and yield the desk's steps; UnusableError when it cannot be made."""
    with opened(folder, like, instants.now().replace(microsecond=0)) as office:
        yield from steps(office)


def steps(office: Office) -> Iterator[Step]:
    """Yield what the clerk does in an office, each step when it has been done."""
    outlets = tuple(dozen(office))
    enrolled = tuple(outlet for outlet in outlets if outlet.is_enrolled)
    yield forms.blank(office)
    for outlet in outlets:
        yield from forms.mailed(office, outlet)
    yield papers.written(office, enrolled)
    yield from papers.filed(office, enrolled)
    yield from papers.sealed(office, SIGNED_LETTER[0])
    yield from _listed(office)
    yield _board(office)
    yield _aftermath(office, len(outlets), {outlet.id for outlet in enrolled})


def _listed(office: Office) -> Iterator[Step]:
    """Yield the list: on the eve of the day from which the call allows it, and today."""
    folder = office.folder / "lista"
    words = ("list", str(from_project(folder)), "--key", str(from_project(office.key)))
    wanted = making.Making(ELECTION, folder, office.key, now=lambda: office.now)
    assert office.election.call and office.election.call.list_from  # office.CALENDAR
    eve = office.election.call.list_from - timedelta(hours=1)
    title = "La lista oficial, una hora antes de la fecha de la convocatoria"
    try:
        early = making.make(replace(wanted, now=lambda: eve))
    except UnusableError as refused:
        yield Step(title, words, refused=refused)
    else:
        yield Step(title, words, (early, folder), wrong="la lista no puede escribirse antes de su fecha")
    made = making.make(wanted)
    awaited = {*SIGNED_LETTER, WITHOUT_LETTER}
    wrong = "" if {each.id for each in made.shown} == awaited else f"en la lista debían estar {sorted(awaited)}"
    yield Step("La lista oficial, hoy", words, (made, folder), wrong=wrong)


def _board(office: Office) -> Step:
    path = office.folder / "tablero.html"
    board = rows.board(office.election, rows.folders_of(elections.file(ELECTION)), office.now)
    write(path, page.html(board))
    return Step("El tablero", ("status", "--html", str(from_project(path))), (board, path))


def _aftermath(office: Office, forms: int, awaited: set[str]) -> Step:
    """Return what must not have happened: nothing ran, nothing secret was kept, nobody else was enrolled."""
    wrong = []
    if (office.folder / RAN).exists():
        wrong.append("se ejecutó lo que decía un formato")
    kept = [path for path in office.folder.rglob("*") if path.is_file() and not path.is_relative_to(office.mail)]
    if found := [path for path in kept if PASSWORD.encode() in path.read_bytes()]:
        wrong.append(f"quedó guardada una contraseña en {found[0]}")
    if (there := {path.name for path in inventories()}) != awaited:
        wrong.append(f"están inscritos {sorted(there)} y debían estar {sorted(awaited)}")
    told = (
        f"De {forms} envíos, {len(there)} medios inscritos. Nada de lo que decía un formato se ejecutó, y la "
        "contraseña que llegó no está en ningún archivo de la carpeta."
    )
    return Step("Al final", told=(told,), wrong="; ".join(wrong))
