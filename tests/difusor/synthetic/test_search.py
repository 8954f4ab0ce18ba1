"""The search of the page: a name leads to its place, and where it may be several, to all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inventory_kit import shipped
from page_kit import NEEDS_BROWSER, serving

from difusor.synthetic import Setting, write_corte

SETTING = Setting.of(shipped("ribera-2027"))
NAMES = ("Prado Alto", "Alto", "Altozano", "Salto Chico", "Río Grande", "Río Chico", "Vado")
SEEK = """
const text = selector => document.querySelector(selector).textContent;
const listed = () => [...document.querySelectorAll('.territories tbody tr')].filter(row => !row.hidden);
const steps = [
  () => {
    document.querySelector('#anywhere').value = '%s';
    document.querySelector('#finder button').click();
  },
  ...Array(10).fill(() => {}),
  () => {
    const names = listed().map(row => row.querySelector('a').textContent).join(', ');
    document.body.append(`[${[text('h1'), text('#found'), names, document.activeElement.id].join(' | ')}]`);
  },
];
setInterval(() => {
  if (document.querySelector('.bars') && steps.length && steps[0]() !== false) steps.shift();
}, 100);
"""


@pytest.fixture(scope="module")
def corte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corte")
    write_corte(folder, SETTING, number=9, seed=1)
    return folder


def named(page: Any) -> Any:
    """Give the places of an office other names."""
    for territory, name in zip(page["territorios"], NAMES, strict=True):
        territory["nombre"] = name
    return page


@NEEDS_BROWSER
@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("álto", "Alto | | | "),
        ("SALTO", "Salto Chico | | | "),
        ("altoz", "Altozano | | | "),
        (
            "ado",
            "Alcaldías | 2 alcaldías llevan «ado» en el nombre; elija en la lista. | Prado Alto, Vado | territories",
        ),
        (
            "alt",
            "Alcaldías | 4 alcaldías llevan «alt» en el nombre; elija en la lista. | "
            "Prado Alto, Alto, Altozano, Salto Chico | territories",
        ),
        ("alto grande", f"Alcaldías | No hay alcaldía «alto grande». | {', '.join(NAMES)} | "),
        ("?", f"Alcaldías | No hay alcaldía «?». | {', '.join(NAMES)} | "),
    ],
    ids=["exact", "word", "beginning", "inside", "several", "none", "no word"],
)
def test_a_name_leads_to_the_place_that_has_it_and_to_the_list_where_several_may_be_meant(
    wanted: str, told: str, tmp_path: Path, corte: Path
) -> None:
    """It led to the first place in whose name it was: «Alto» to «Prado Alto», and nothing told of the others."""
    with serving(tmp_path, corte) as mirror:
        mirror.alter["datos/alcaldias.json"] = named
        mirror.visit(SEEK % wanted)
        said = mirror.read("#/alcaldias", "[")
    assert said.endswith(f"[{told}]"), said[-400:]
