"""The page as an old phone runs it, in a real browser from which is taken what such a phone lacks."""

from __future__ import annotations

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
        said = mirror.read()
    assert f"{SETTING.local(SETTING.instants[3], '%H:%M')} h" in said, said[:300]
    assert "Cargando los resultados" not in said
    assert "Resultados por distrito" in said, "the office that the visitor had chosen"
