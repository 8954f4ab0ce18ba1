"""The page where something is unusual: a cache, a silent server, a ballot, large letters, a refusal to share."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from inventory_kit import shipped
from page_kit import NEEDS_BROWSER, STATUS, Mirror, phone_clock, serving, stamp, wait

from difusor.suite import browser
from difusor.synthetic import Setting, write_corte

SETTING = Setting.of(shipped("ribera-2027"))
NUMBER = 20
CORTE = SETTING.instants[NUMBER - 1]
TIME = f"{SETTING.local(CORTE, '%H:%M')} h"

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def corte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corte")
    write_corte(folder, SETTING.but(environment="official"), number=NUMBER, seed=1)
    return folder


@pytest.fixture
def mirror(tmp_path: Path, corte: Path) -> Iterator[Mirror]:
    with serving(tmp_path, corte) as running:
        running.headers = {"Date": stamp(CORTE + timedelta(minutes=2))}
        yield running


def test_what_a_cache_kept_for_hours_is_shown_as_old_as_it_is(mirror: Mirror) -> None:
    """The page took the cache's old Date for the present, and called a corte of two hours ago two minutes old."""
    mirror.headers["Age"] = "7200"
    mirror.visit(phone_clock(CORTE + timedelta(hours=2, minutes=2)))
    mirror.read("", "hace 2 horas", "Consulte también otro difusor oficial")


@pytest.mark.parametrize("wrong", [timedelta(minutes=-5), timedelta(minutes=5), timedelta(days=-1), timedelta(days=1)])
def test_a_phone_whose_clock_is_wrong_says_the_age_by_the_servers(wrong: timedelta, mirror: Mirror) -> None:
    mirror.visit(phone_clock(CORTE + timedelta(minutes=2) + wrong))
    mirror.read("", TIME, "hace 2 minutos")


@pytest.mark.parametrize(("minutes", "age"), [(-120, "hace 12 minutos"), (-4, "hace menos de un minuto")])
def test_a_server_whose_clock_the_corte_belies_is_not_asked_for_the_time(
    minutes: int, age: str, mirror: Mirror
) -> None:
    """It had been paused for two hours, and a corte of long ago stayed one of less than a minute ago."""
    mirror.headers["Date"] = stamp(CORTE + timedelta(minutes=minutes))
    mirror.visit(phone_clock(CORTE + timedelta(minutes=12)))
    mirror.read("", TIME, age)


def test_another_document_in_the_place_of_the_status_stops_nothing(mirror: Mirror) -> None:
    """A site that answers every unknown path with JSON left the page without the corte's age, and without warnings."""
    mirror.alter[STATUS] = lambda _: {"error": "not found"}
    mirror.read("", TIME, "hace 2 minutos")


AFTERWARDS = """
const first = window.fetch;
let later = false;
window.fetch = (path, options) => later && path.endsWith('corte.json') ? (%s)(options) : first(path, options);
setInterval(() => {
  if (later || !document.querySelector('.bars')) return;
  later = true;
  document.dispatchEvent(new Event('visibilitychange'));
}, 100);
"""


@pytest.mark.parametrize(
    "answer",
    [
        "({signal}) => new Promise((_, fail) => signal && signal.addEventListener('abort', fail))",
        "() => Promise.resolve(new Response('{}'))",
        "() => Promise.resolve(new Response('<h1>Bienvenido a la red</h1>'))",
    ],
    ids=["silence", "another document", "a portal's page"],
)
def test_results_that_cannot_be_compared_with_newer_ones_stay_and_say_so(
    answer: str, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a server that does not answer, or answers something else, the page said nothing."""
    monkeypatch.setattr(browser, "PATIENCE", 150_000)
    mirror.visit(AFTERWARDS % answer)
    told = f"No se pudo comprobar si hay un corte más reciente. Se muestra el corte de las {TIME}."
    mirror.read("", told, "Resultados por alcaldía")


def everywhere(change: Callable[[Any], None]) -> Callable[[Any], Any]:
    """Change the results of the whole place and of each of its parts."""

    def changed(page: Any) -> Any:
        for results in (page, *page["territorios"]):
            change(results)
        return page

    return changed


def unlike(page: Any) -> Any:
    """Nobody stands in the first territory; the others have a candidacy and a combination that the ballot lacks."""
    page["territorios"][0]["candidaturas"] = []
    for results in page["territorios"][1:]:
        results["candidaturas"].append({"clave": "INDEPENDIENTE_9", "votos": 10**6, "porcentaje": "90.0000"})
        results["columnas"].append({"clave": "NUEVA_OTRA", "votos": 1, "porcentaje": "0.0000"})
    return page


@pytest.mark.parametrize(
    ("alter", "view", "told"),
    [
        (unlike, "", "INDEPENDIENTE_9 90.0000"),
        (unlike, "#/alcaldias/1", "Aquí no hay candidaturas."),
        (unlike, "#/alcaldias/2", "NUEVA · OTRA"),
        (everywhere(lambda results: results["candidaturas"].clear()), "", "Aquí no hay candidaturas."),
    ],
    ids=["list", "nobody stands", "not on the ballot", "nobody stands anywhere"],
)
def test_a_ballot_that_differs_from_place_to_place_hides_no_results(
    alter: Callable[[Any], Any], view: str, told: str, mirror: Mirror
) -> None:
    """The whole office had «No fue posible cargar los resultados» all night."""
    mirror.alter["datos/alcaldias.json"] = alter
    mirror.read(view, told, "Actas esperadas")


def renamed(key: str) -> Callable[[Any], Any]:
    """Return what calls the second office so in the corte's head."""

    def change(head: Any) -> Any:
        head["elecciones"][1]["clave"] = key
        return head

    return change


@pytest.mark.parametrize("view", ["diputación local", "diputaci%C3%B3n%20local", "diputacio%cc%81n%20local"])
def test_an_office_whose_key_no_address_has_as_it_is_opens(view: str, mirror: Mirror) -> None:
    """Browsers encode the accent: another office was shown, and a link to a place led to that one's."""
    key = "diputacio\u0301n local" if "%cc" in view else "diputación local"
    mirror.alter["datos/corte.json"] = renamed(key)
    mirror.visit(LINKS)
    said = mirror.read(f"#/{view}/3", "‹ Congreso", "Enlace: ")
    assert f"Enlace: #/{key}." in said, "the head's key, although the office's own file has another"


@pytest.mark.parametrize("view", ["alcaldes/3", "%E0%A4%A/3", "/3"])
def test_a_link_to_an_office_that_the_corte_lacks_shows_no_place_of_another(view: str, mirror: Mirror) -> None:
    mirror.read(f"#/{view}", "Resultados por alcaldía")


LINKS = """
const waiting = setInterval(() => {
  const link = document.querySelector('.eyebrow a');
  if (!link) return;
  clearInterval(waiting);
  document.body.append(`Enlace: ${link.getAttribute('href')}.`);
}, 100);
"""


def test_a_percentage_of_nothing_is_a_dash(mirror: Mirror) -> None:
    """Where no acta is counted there is none: the page said «null %»."""

    def nothing(results: Any) -> None:
        results["totales"] |= {"participacion": None, "actas_capturadas_porcentaje": None}
        for each in (*results.get("candidaturas", ()), *results.get("columnas", ())):
            each["porcentaje"] = None

    def head(document: Any) -> Any:
        nothing(document["elecciones"][0])
        return document

    mirror.alter |= {"datos/corte.json": head, "datos/alcaldias.json": everywhere(nothing)}
    for view in ("", "#/alcaldias/1"):
        assert "null" not in mirror.read(view, "– de actas capturadas", "– de participación ciudadana")


def test_a_corte_without_downloads_says_how_to_compare_files(mirror: Mirror) -> None:
    mirror.alter["datos/corte.json"] = lambda head: head | {"descargas": []}
    mirror.read("#/base-de-datos", "sha256sum ARCHIVO")


def test_a_file_may_have_any_name_that_is_signed(mirror: Mirror) -> None:
    """After a `#` the name was no part of the address, and a `%` spoiled it: an office was not shown at all."""
    office, table = "datos/alcaldías #1.json", "descargas/100%_#1?.csv"
    for name, content in ((office, "datos/alcaldias.json"), (table, "datos/corte.json")):
        (mirror.folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(mirror.file(content), mirror.folder / name)

    def named(head: Any) -> Any:
        head["elecciones"][0]["archivo"], head["descargas"][0]["archivo"] = office, table
        return head

    mirror.alter["datos/corte.json"] = named
    mirror.read("", "Resultados por alcaldía")
    mirror.visit(FETCHED)
    mirror.read("#/base-de-datos", "Respuesta: 200.")


FETCHED = """
const waiting = setInterval(() => {
  const link = document.querySelector('.downloads a');
  if (!link) return;
  clearInterval(waiting);
  fetch(link.href).then(answer => document.body.append(`Respuesta: ${answer.status}.`));
}, 100);
"""


SHARING = """
const refuse = name => () => Promise.reject(new DOMException('no', name));
const take = given => {
  document.body.append(`[${given.text || given} ${given.url || ''}]`);
  return Promise.resolve();
};
Object.defineProperty(navigator, 'share', {value: %s});
Object.defineProperty(navigator, 'clipboard', {value: {writeText: %s}});
const waiting = setInterval(() => {
  const button = document.querySelector('.citation button');
  if (!button) return;
  clearInterval(waiting);
  button.click();
}, 100);
"""
FAILED = "No se pudo copiar"


@pytest.mark.parametrize(
    ("share", "copy", "told", "untold"),
    [
        ("take", "refuse('NotAllowedError')", "Compartir", FAILED),
        ("refuse('AbortError')", "take", "Compartir", "Copiado."),
        ("refuse('NotAllowedError')", "take", "Copiado.", FAILED),
        ("undefined", "take", "Copiado.", FAILED),
        ("undefined", "refuse('NotAllowedError')", FAILED, "Copiado."),
    ],
    ids=["shared", "thought better of it", "share refused", "no share", "copy refused"],
)
def test_what_is_shared_says_its_corte_and_leads_to_the_same_view(
    share: str, copy: str, told: str, untold: str, mirror: Mirror
) -> None:
    """Where an application's own browser refuses to share, the page said that it could not copy, and had not tried."""
    mirror.visit(SHARING % (share, copy))
    sent = share == "take" or (copy == "take" and "Abort" not in share)
    said = mirror.read("?fbclid=x#/congreso/3", told, *["["] * sent)
    assert untold not in said, said[-400:]
    given = re.findall(r"\[(.*?) (http\S+)\s*\]", said)
    assert bool(given) == sent, given
    for text, link in given:
        assert text in said.partition("[")[0], "what is sent is what stands above the button"
        assert f"Corte de las {TIME} del " in text and f"{SETTING.at(CORTE).year}, {SETTING.catalog.clock};" in text
        assert link == f"{mirror.url}?fbclid=x#/congreso/3"


FRAMES = """<body><script>
const widths = [160, 195, 320, 390, 768];
const frames = widths.map(width => {
  const frame = document.createElement('iframe');
  frame.src = '%s';
  frame.style.cssText = `width: ${width}px; height: 700px; border: 0`;
  document.body.append(frame);
  return frame;
});
const complete = frame => frame.contentDocument?.querySelector('table, .countdown:not([hidden])');
const waiting = setInterval(() => {
  if (!frames.every(complete)) return;
  clearInterval(waiting);
  setTimeout(measure, 3000);
}, 100);
const measure = () => {
  document.body.textContent = 'Anchos: ' + frames.map((frame, at) => {
    const {documentElement: page} = frame.contentDocument;
    const bar = frame.contentDocument.querySelector('.corte');
    const kept = bar && frame.contentWindow.getComputedStyle(bar).position === 'sticky' ? bar.offsetHeight : 0;
    if (page.scrollWidth > page.clientWidth) return `${widths[at]}: ${page.scrollWidth}`;
    return kept > 200 ? `alto ${kept}` : 'cabe';
  }).join(', ');
};
</script>"""


@pytest.mark.parametrize("page", ["index.html", "index.html#/congreso/3", "datos/resultados.html", "espera.html"])
def test_a_page_fits_a_small_phone_and_letters_of_twice_the_size(page: str, mirror: Mirror) -> None:
    """A phone of 320 px that shows pages at 200 % lays them out in 160 px; there the hour's bar must not cover half."""
    if page == "espera.html":
        wait(mirror, SETTING.opens, timedelta(days=12))
    (mirror.folder / "marcos.html").write_text(FRAMES % page, encoding="utf-8")
    said = mirror.read("marcos.html", "Anchos: ")
    assert said.endswith("Anchos: cabe, cabe, cabe, cabe, cabe"), said


OPENED = "setInterval(() => { for (const part of document.querySelectorAll('details')) part.open = true; }, 100);"


def as_text(part: Any) -> Any:
    """Return a document as it is made of a table's rows: every number is a text."""
    if isinstance(part, dict):
        return {key: as_text(each) for key, each in part.items()}
    if isinstance(part, list):
        return list(map(as_text, part))
    return f"{part:02}" if type(part) is int else part


def test_numbers_that_are_written_as_text_are_numbers(mirror: Mirror) -> None:
    """A place without votes had a tie, a place was not found by its number, an acta that does not count did."""

    def page(document: Any) -> Any:
        del document["territorios"][2:]
        for each in document["territorios"][0]["candidaturas"]:
            each["votos"] = 0
        return as_text(document)

    def detail(document: Any) -> Any:
        acta = document["actas"][0]
        acta["CONTABILIZADA"] = 0
        del acta["OBSERVACIONES"]
        return as_text(document)

    mirror.alter |= {"datos/corte.json": as_text, "datos/alcaldias.json": page, "datos/alcaldias/01.json": detail}
    assert "Empate" not in mirror.read("", "Sin votos")
    mirror.visit(OPENED)
    assert "undefined" not in mirror.read("#/alcaldias/1", "No contabilizada.")


CHECKED = """
delete Blob.prototype.arrayBuffer;
Object.defineProperty(crypto, 'subtle', {value: {digest: async () => new Uint8Array(32).fill(0xab).buffer}});
%s
const waiting = setInterval(() => {
  const input = document.querySelector('#file');
  if (!input) return;
  clearInterval(waiting);
  const given = new DataTransfer();
  given.items.add(new File(['votos'], 'copia.txt'));
  input.files = given.files;
  input.dispatchEvent(new Event('change'));
}, 100);
"""
UNREADABLE = "Response.prototype.arrayBuffer = () => Promise.reject(new DOMException('no', 'NotReadableError'));"


@pytest.mark.parametrize(
    ("script", "told"),
    [("", "Su copia es idéntica a 20270606_2345_PREP.txt."), (UNREADABLE, "No se pudo leer copia.txt.")],
    ids=["old phone", "unreadable"],
)
def test_a_copy_is_compared_by_an_old_phone_too_and_nothing_is_said_of_files_that_the_corte_has_not(
    script: str, told: str, mirror: Mirror
) -> None:
    """Phones of before 2020 said nothing, and a digest in capitals was another; every file was a CSV, in a ZIP."""
    file = {"archivo": "descargas/20270606_2345_PREP.txt", "contenido": "Alcaldías", "bytes": 9, "sha256": "Ab" * 32}
    mirror.alter["datos/corte.json"] = lambda head: head | {"descargas": [file]}
    mirror.visit(CHECKED % script)
    said = mirror.read("#/base-de-datos", told)
    assert "Descargar TXT" in said
    assert not re.search("CSV|ZIP|UTF-8|comas|consejos distritales", said)
