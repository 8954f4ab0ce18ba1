"""The page as an old phone runs it, in a real browser from which is taken what such a phone lacks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from inventory_kit import shipped
from page_kit import NEEDS_BROWSER, serving

from difusor.synthetic import Setting, write_corte

SETTING = Setting.of(shipped("ribera-2027"))


@pytest.fixture(scope="module")
def cortes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return cortes 3 and 4; the date of the later one's files is later."""
    folders = [tmp_path_factory.mktemp("corte") for _ in range(2)]
    for number, folder in enumerate(folders, 3):
        write_corte(folder, SETTING, number=number, seed=1)
    for path in folders[1].rglob("*.json"):
        os.utime(path, (path.stat().st_mtime + 60,) * 2)
    return folders


def clock(number: int) -> str:
    return f"{SETTING.local(SETTING.instants[number - 1], '%H:%M')} h"


VISIT = """
for (const [holder, name] of [[Element.prototype, 'replaceChildren'], [Document.prototype, 'replaceChildren'],
  [String.prototype, 'replaceAll'], [Array.prototype, 'at'], [Array.prototype, 'findLast'], [String.prototype, 'at'],
  [Intl, 'RelativeTimeFormat'], [Intl, 'ListFormat'], [Object, 'hasOwn'], [Object, 'fromEntries'],
  [Promise, 'allSettled'],
  [window, 'structuredClone'], [AbortSignal, 'timeout']]) delete holder[name];

// A visitor goes to the second office and jumps to the content, past the menu; then the next corte comes.
const steps = [
  () => { location.hash = '#/congreso'; },
  () => document.querySelector('h1').textContent === 'Congreso' && (location.hash = '#contenido'),
  () => { fetch('siguiente').then(() => document.dispatchEvent(new Event('visibilitychange'))); },
];
setInterval(() => {
  if (document.querySelector('h1') && steps.length && steps[0]() !== false) steps.shift();
}, 100);
"""


@NEEDS_BROWSER
def test_an_old_phone_sees_the_next_corte_of_the_office_that_it_shows(tmp_path: Path, cortes: list[Path]) -> None:
    """It showed «Cargando los resultados…» for ever, and after a jump past the menu the first office."""
    with serving(tmp_path, *cortes) as mirror:
        mirror.visit(VISIT)
        # The next corte's time, and the office that the visitor had chosen.
        mirror.read("", clock(4), "Resultados por distrito")


DAMAGED = """
const first = window.fetch;
let damaged = false;
window.fetch = async (path, options) => {
  const answer = await first(path, options);
  if (!damaged || !path.endsWith('%s')) return answer;
  const said = await answer.json();
  (%s)(said);
  return new Response(JSON.stringify(said), {headers: answer.headers});
};
const text = selector => String(document.querySelector(selector)?.textContent);
const note = () => document.body.append(
  `[${['#time', '#warning', '.progress .detail', '#announcement', 'details p'].map(text).join(' | ')}]`);
const look = () => document.dispatchEvent(new Event('visibilitychange'));

// The next corte comes damaged, the visitor opens a part that is of it, a minute goes by; then a sound one comes.
const steps = [
  () => { fetch('siguiente').then(() => { damaged = true; look(); }); },
  () => text('#warning') !== '' && (document.querySelector('details').open = true),
  () => text('details p').startsWith('No fue posible') && look(),
  ...Array(10).fill(() => {}),
  () => { note(); damaged = false; look(); },
  () => text('#announcement') !== '' && note(),
];
setInterval(() => {
  if (document.querySelector('.bars') && steps.length && steps[0]() !== false) steps.shift();
}, 100);
"""


@NEEDS_BROWSER
@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("alcaldias.json", "page => delete page.boleta.candidaturas[0].columnas"),
        ("alcaldias.json", "page => delete page.territorios[6].totales"),
        ("corte.json", "head => delete head.eleccion.colores"),
        ("corte.json", "head => { head.siguiente = 'pronto'; }"),
    ],
    ids=["candidacy without columns", "place without totals", "no colours", "no instant"],
)
def test_a_corte_that_cannot_be_shown_leaves_the_one_before_whole_and_is_told_until_a_good_one_comes(
    file: str, damage: str, tmp_path: Path, cortes: list[Path]
) -> None:
    """The votes of the one before stood below its hour, which was announced; a minute later nothing told of it."""
    with serving(tmp_path, *cortes) as mirror:
        mirror.visit(DAMAGED % (file, damage))
        said = mirror.read("", f"Nuevo corte: {clock(4)} |")
    heads = [json.loads((folder / "datos/corte.json").read_bytes()) for folder in cortes]
    totals = [head["elecciones"][0]["totales"] for head in heads]
    before, after = [f"{each['actas_capturadas']:,} actas capturadas de {each['actas_esperadas']:,}" for each in totals]
    missed = f"Hay un corte más reciente que no se pudo mostrar. Se muestra el corte de las {clock(3)}."
    assert f"[{clock(3)} | {missed} | {before} esperadas | | No fue posible cargarlo." in said
    assert f"[{clock(4)} | | {after} esperadas | Nuevo corte: {clock(4)} |" in said


FAILED = """
const first = window.fetch;
let fails = true;
window.fetch = (path, options) =>
  fails && path.endsWith('congreso.json') ? Promise.reject(new TypeError('Failed to fetch')) : first(path, options);
const steps = [
  () => document.querySelector('.bars') !== null && (location.hash = '#/congreso'),
  () => document.querySelector('.message') !== null
    && (fails = false, document.dispatchEvent(new Event('visibilitychange'))),
];
setInterval(() => { if (steps.length && steps[0]() !== false) steps.shift(); }, 100);
"""


@NEEDS_BROWSER
def test_an_office_that_could_not_be_loaded_is_asked_for_again(tmp_path: Path, cortes: list[Path]) -> None:
    """The page says that it tries again each minute; it did only where no corte had been loaded."""
    with serving(tmp_path, cortes[0]) as mirror:
        mirror.visit(FAILED)
        mirror.read("", "Resultados por distrito")


CORRECTED = """
const steps = [
  () => { location.hash = '#/congreso'; },
  () => document.querySelector('h1').textContent === 'Congreso'
    && fetch('siguiente').then(() => document.dispatchEvent(new Event('visibilitychange'))),
  () => document.querySelector('#announcement').textContent !== '' && (location.hash = '#/alcaldias'),
];
setInterval(() => {
  if (document.querySelector('.bars') && steps.length && steps[0]() !== false) steps.shift();
}, 100);
"""


@NEEDS_BROWSER
def test_a_corrected_corte_of_the_same_instant_replaces_the_one_that_it_corrects(tmp_path: Path) -> None:
    """An open page kept the old votes, below the notice that they had been corrected, or beside the new ones."""
    wrong, right = tmp_path / "mal", tmp_path / "bien"
    write_corte(wrong, SETTING, number=9, seed=1)
    shutil.copytree(wrong, right)
    change(right / "datos/corte.json", '"secuencia": 9', '"secuencia": 10')
    change(right / "datos/alcaldias.json", "Partido Turquesa", "Partido Corregido")
    with serving(tmp_path, wrong, right) as mirror:
        mirror.visit(CORRECTED)
        said = mirror.read("", "Resultados por alcaldía", "Partido Corregido")
    assert "Partido Turquesa" not in said


def change(path: Path, before: str, after: str) -> None:
    """Replace a text of a JSON file, which has it; its date says so, by which the browser asks for it again."""
    text = json.dumps(json.loads(path.read_bytes()), ensure_ascii=False)
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    os.utime(path, (path.stat().st_mtime + 60,) * 2)


@NEEDS_BROWSER
def test_a_file_of_actas_that_is_newer_than_announced_is_not_asked_for_without_end(tmp_path: Path) -> None:
    """A cache on the way may keep what announces it; the page asked three times a turn, as fast as it could."""
    folder = tmp_path / "corte"
    write_corte(folder, SETTING, number=9, seed=1)
    page = json.loads((folder / "datos/alcaldias.json").read_bytes())
    territory = page["territorios"][0]
    change(folder / territory["detalle"]["archivo"], territory["detalle"]["corte"], "2027-06-08T05:00:00Z")
    with serving(tmp_path, folder) as mirror:
        mirror.visit(
            f"location.hash = '#/alcaldias/{territory['id']}';"
            "setInterval(() => { const part = document.querySelector('details'); if (part) part.open = true; }, 100);"
        )
        mirror.read("", "No fue posible cargarlo")
