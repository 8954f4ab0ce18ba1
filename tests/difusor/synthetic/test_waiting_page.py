"""The page that waits for the results: when it opens them, what it costs until then, and what it says meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from inventory_kit import shipped
from page_kit import NEEDS_BROWSER, STATUS, Mirror, phone_clock, serving, wait

from difusor.suite import browser
from difusor.synthetic import Setting, write_corte

SETTING = Setting.of(shipped("ribera-2027"))
OPENS = SETTING.opens

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def corte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corte")
    write_corte(folder, SETTING, number=1, seed=1)
    return folder


@pytest.fixture
def mirror(tmp_path: Path, corte: Path) -> Iterator[Mirror]:
    with serving(tmp_path, corte) as running:
        yield running


def test_the_countdown_is_right_where_a_cache_kept_the_status(mirror: Mirror) -> None:
    """It ended as much later as the cache had kept the answer."""
    wait(mirror, OPENS, timedelta(hours=3))
    mirror.headers["Age"] = "7200"
    mirror.visit(phone_clock(OPENS - timedelta(hours=1)))
    said = mirror.read("espera.html", "Apertura: ")
    assert re.search(r" (01:00:00|00:59:\d\d) ", said), said


SLEPT = """
const first = window.fetch, awake = Date.now;
let asked = 0, ahead = 0;
Date.now = () => awake() + ahead;
const sleep = (answer) => {
  const read = answer.json.bind(answer);
  answer.json = () => read().finally(() => setTimeout(() => document.body.append('Despierto.'), 1500));
  ahead = 2 * 3600_000;
  window.fetch = () => new Promise(() => {});
  return answer;
};
window.fetch = (...request) => asked++ ? first(...request).then(sleep) : first(...request);
const counts = setInterval(() => {
  if (!document.querySelector('.countdown:not([hidden])')) return;
  clearInterval(counts);
  document.dispatchEvent(new Event('visibilitychange'));
}, 100);
"""
"""Asks a second time when the first answer is shown, sleeps before it reads the second, and says when the page, which
counts down every second, has counted with it."""


def test_the_countdown_stays_right_where_a_device_slept_before_it_read_the_status(mirror: Mirror) -> None:
    """It began anew with the hours that were left when the answer came."""
    wait(mirror, OPENS, timedelta(hours=3))
    mirror.visit(phone_clock(OPENS - timedelta(hours=3)) + SLEPT)
    said = mirror.read("espera.html", "Despierto.")
    assert re.search(r" (01:00:00|00:59:\d\d) ", said), said


COUNTED = """
const first = window.fetch, kept = sessionStorage, answers = %s;
const count = (name) => (kept[name] = Number(kept[name] || 0) + 1);
Object.defineProperty(document, 'hidden', {get: () => performance.now() > 5000 && performance.now() < %d});
window.fetch = (path, options) => {
  if (path.endsWith('estado.json')) {
    count('asked');
    const headers = {Date: new Date(Date.now()).toUTCString()};
    return first(path, options).then((answer) => new Response(answer.body, {headers, status: %d}));
  }
  const status = answers[count('tried') - 1];
  kept.seconds = performance.now() / 1000;
  return status ? Promise.resolve(new Response('', {status})) : Promise.reject(new TypeError('Failed to fetch'));
};
const {seconds, asked, tried} = kept;
if (performance.getEntriesByType('navigation')[0].type === 'reload') {
  document.addEventListener('DOMContentLoaded', () => {
    document.body.textContent = `Se abre a los ${Math.floor(seconds)} s: ${tried} intentos, ${asked || 0} preguntas.`;
  });
}
"""


@pytest.mark.parametrize(
    ("answers", "status", "shown", "seconds", "told"),
    [
        ([200], 200, 0, range(100, 107), "1 intentos, 2 preguntas."),
        ([404], 200, 0, range(100, 107), "1 intentos, 2 preguntas."),
        ([0, 429, 200], 200, 0, range(115, 152), "3 intentos, 4 preguntas."),
        ([200], 200, 10**6, range(100, 107), "1 intentos, 1 preguntas."),
        ([503, 200], 200, 150_000, range(150, 167), "2 intentos, 2 preguntas."),
        ([410], 410, 0, range(4, 12), "1 intentos, 1 preguntas."),
    ],
    ids=["at the opening", "no such page", "two failures", "hidden", "hidden and early", "revoked"],
)
def test_the_waiting_page_goes_when_there_is_another_and_costs_little_until_then(
    answers: list[int],
    status: int,
    shown: int,
    seconds: range,
    told: str,
    mirror: Mirror,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It reloaded without an answer, which left the browser's error page; at 404 never; at a revoked server at once."""
    monkeypatch.setattr(browser, "PATIENCE", 180_000)
    wait(mirror, OPENS, timedelta(seconds=100))
    mirror.visit(phone_clock(OPENS - timedelta(seconds=100)) + COUNTED % (answers, shown, status))
    said = mirror.read("espera.html", "Se abre a los ")
    opened = re.search(r"Se abre a los (\d+) s: (.+)", said)
    assert opened and int(opened[1]) in seconds and opened[2] == told, said


STOPPED = """
const first = window.fetch;
let asked = 0;
window.fetch = (path, options) => path.endsWith('estado.json') && ++asked > %d
  ? Promise.resolve(new Response('<h1>503</h1>', {status: 503})) : first(path, options);
setTimeout(() => document.dispatchEvent(new Event('visibilitychange')), 1000);
setTimeout(() => document.body.append(`Preguntas: ${asked}.`), 3000);
"""
AT_ANY_HOUR = "Los resultados no están disponibles en este momento"


RETURNS = "Math.random = () => 1; setTimeout(() => document.dispatchEvent(new Event('visibilitychange')), 160_000);"


def test_who_returns_to_the_waiting_page_waits_no_longer(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries it slept for up to a minute and a half, although the results were there."""
    monkeypatch.setattr(browser, "PATIENCE", 240_000)
    wait(mirror, OPENS, timedelta(seconds=100))
    mirror.visit(phone_clock(OPENS - timedelta(seconds=100)) + COUNTED % ([503, 503, 503, 200], 0, 200) + RETURNS)
    opened = re.search(r"Se abre a los (\d+) s: 4 intentos", mirror.read("espera.html", "Se abre a los "))
    assert opened and int(opened[1]) in range(158, 168)


@pytest.mark.parametrize(
    ("answers", "standing", "told"),
    [
        (0, None, AT_ANY_HOUR),
        (1, {"state": "open"}, AT_ANY_HOUR),
        (1, None, "Los resultados aún no están disponibles"),
        (2, {"state": "retired"}, "La difusión de resultados terminó"),
    ],
    ids=["never", "after it said why", "a countdown runs", "it answers"],
)
def test_the_waiting_page_says_nothing_of_an_opening_that_it_knows_nothing_of(
    answers: int, standing: dict[str, Any] | None, told: str, mirror: Mirror
) -> None:
    """After the retention, and while the gate's service stood, it promised results for the hour of the opening."""
    wait(mirror, OPENS, timedelta(hours=3))
    if standing:
        withdrawn = {"withdrawn": [{"sequence": 1}]}
        mirror.alter[STATUS] = lambda _: {"gate": standing, "shown": None, "standing": withdrawn}
    static = re.sub(r"<script.*?</script>", "", (mirror.folder / "espera.html").read_text(encoding="utf-8"))
    assert f">{AT_ANY_HOUR}<" in static
    mirror.visit(STOPPED % answers)
    said = mirror.read("espera.html", told, "Preguntas: 2.")
    assert ("apertura" in said) is ("aún" in told)
