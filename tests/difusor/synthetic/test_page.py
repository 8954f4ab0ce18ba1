"""The page as an old phone runs it, in a real browser from which is taken what such a phone lacks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from inventory_kit import shipped
from page_kit import NEEDS_BROWSER, serving

from difusor.synthetic import Setting, write_corte

SETTING = Setting.of(shipped("ribera-2027"))
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
def test_an_old_phone_sees_the_next_corte_of_the_office_that_it_shows(tmp_path: Path) -> None:
    """It showed «Cargando los resultados…» for ever, and after a jump past the menu the first office."""
    cortes = [tmp_path / str(number) for number in (3, 4)]
    for number, folder in enumerate(cortes, 3):
        write_corte(folder, SETTING, number=number, seed=1)
    with serving(tmp_path, *cortes) as mirror:
        mirror.visit(VISIT)
        # The next corte's time, and the office that the visitor had chosen.
        mirror.read("", f"{SETTING.local(SETTING.instants[3], '%H:%M')} h", "Resultados por distrito")


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
