"""The page for browsers without JavaScript: results and downloads of one corte, as HTML that is signed with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial

import jinja2

from difusor.papers.dates import MONTHS
from difusor.synthetic.ballot import CANDIDACIES
from difusor.synthetic.pages import Document
from difusor.synthetic.setting import Setting

WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")


def plain_page(setting: Setting, head: Document, offices: Sequence[Document]) -> bytes:
    """Return datos/resultados.html, given datos/corte.json and each office's name and results."""
    labels = [text for key, text in (("simulacro", "Simulacro"), ("datos_sinteticos", "Datos sintéticos")) if head[key]]
    names = {candidacy.key: candidacy.name for candidacy in CANDIDACIES}
    page = _templates().get_template("resultados.html.j2")
    parts = {office.by: setting.catalog.division(office).one for office in setting.offices}
    first = f"{labels[0].upper()} · " if labels else ""  # of what search engines and tabs show
    values = {"head": head, "offices": offices, "labels": labels, "first": first, "names": names, "utc": setting.utc}
    local = {"written": partial(_written, setting), "clock": partial(_clock, setting)}
    return (page.render(values, parts=list(parts.values()), **local) + "\n").encode()


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("difusor.synthetic"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"thousands": "{:,}".format}
    return environment


def _clock(setting: Setting, instant: str) -> str:
    """Return the local time, as in 20:10 h."""
    return setting.local(datetime.fromisoformat(instant), "%H:%M h")


def _written(setting: Setting, instant: str) -> str:
    """Return the local date and time, as in domingo 2 de junio de 2024, 20:10 h."""
    weekday, day, month, year = setting.local(datetime.fromisoformat(instant), "%w %d %m %Y").split()
    return f"{WEEKDAYS[int(weekday) - 1]} {int(day)} de {MONTHS[int(month) - 1]} de {year}, {_clock(setting, instant)}"
