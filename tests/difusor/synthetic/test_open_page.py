"""A page that stays open: what its mirror takes back, ends or corrects, and where its visitor is meanwhile.

And one that does not even begin, because its script did not arrive, as on a phone that changed networks meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from inventory_kit import shipped
from page_kit import CLOCK, HURRY, NEEDS_BROWSER, PATIENCE, STATUS, Mirror, browsing, new_page, serving, wait
from playwright.sync_api import Browser, Error, Page, Route, expect

from difusor.suite.waiting import until
from difusor.synthetic import Setting, write_corte

SETTING = Setting.of(shipped("ribera-2027"))
NUMBERS = (19, 20)
EARLY, LATE = (SETTING.instants[number - 1] for number in NUMBERS)
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
WATCH = """
window.told = 0;
new MutationObserver(changes => { told += changes.length; })
  .observe(document.querySelector('%s'), {childList: true, characterData: true, subtree: true});
"""
pytestmark = NEEDS_BROWSER


def clock(instant: Any) -> str:
    return f"{SETTING.local(instant, '%H:%M')} h"


@pytest.fixture(scope="module")
def cortes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = [tmp_path_factory.mktemp("corte") for _ in NUMBERS]
    for number, folder in zip(NUMBERS, folders, strict=True):
        write_corte(folder, SETTING, number=number, seed=1)
    return folders


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def page(running: Browser) -> Iterator[Page]:
    found = new_page(running)
    found.set_viewport_size({"width": 390, "height": 640})
    yield found
    found.context.close()


@pytest.fixture
def mirror(tmp_path: Path, cortes: list[Path]) -> Iterator[Mirror]:
    """Run a mirror whose files no browser keeps: those of either corte may be the older ones."""
    with serving(tmp_path, *cortes) as found:
        found.headers = {"Date": format_datetime(LATE + timedelta(minutes=2), usegmt=True), "Cache-Control": "no-store"}
        state(found, EARLY)
        yield found


def state(mirror: Mirror, shown: Any = None, number: int = 0, **gate: Any) -> None:
    """Have the mirror's status say what it shows, and how its gate is."""
    sequence = number or (SETTING.instants.index(shown) + 1 if shown else 0)
    entry = shown and {"sequence": sequence, "corte": shown.isoformat(), "orders": []}
    window = {"state": "open", "hold": None, "closes": SETTING.closes.isoformat()}
    mirror.alter[STATUS] = lambda _: {
        "gate": window | gate,
        "shown": entry,
        "standing": {"withdrawn": []},
        "environment": "simulacro",
    }


def late_by(mirror: Mirror, *, minutes: int) -> None:
    """Have the mirror's clock say that this time has passed since the earlier corte."""
    mirror.headers["Date"] = format_datetime(EARLY + timedelta(minutes=minutes), usegmt=True)


def visit(page: Page, mirror: Mirror, view: str = "", ready: str = ".bars") -> None:
    page.goto(mirror.near + view)
    page.wait_for_selector(ready)


def look(page: Page, until: str = STATUS) -> None:
    """Have the page look for a new corte, and wait until it has asked for a file."""
    with page.expect_response(lambda answer: answer.url.endswith(until)):
        page.evaluate(LOOK)


def stolen(head: Any) -> Any:
    """Return the head of a corte that took the highest number, as one whose key was stolen."""
    return head | {"secuencia": 10**9}


@pytest.mark.parametrize("same_instant", [False, True], ids=["an instant before", "the same instant"])
def test_a_corte_that_the_mirror_shows_no_longer_goes_at_the_fourth_look(
    same_instant: bool, page: Page, mirror: Mirror
) -> None:
    """Its signer was disowned and nothing withdrawn: the page kept it all night without a word."""
    page.add_init_script(CLOCK)
    mirror.cortes.reverse()
    state(mirror, LATE)
    if same_instant:
        del mirror.cortes[1]
        mirror.alter["datos/corte.json"] = stolen
    visit(page, mirror)
    before = page.inner_text(".progress .detail")
    if same_instant:
        mirror.alter |= {"datos/corte.json": recounted, "datos/alcaldias.json": counted}
    del mirror.cortes[:-1]
    state(mirror, LATE if same_instant else EARLY)
    for seconds in (0, 60, 60, 0):  # the last comes at once, as when a visitor goes to another tab and back
        page.evaluate(f"pass({seconds})")
        look(page)
        expect(page.locator("#warning")).to_have_text(
            f"El corte de las {clock(LATE)} ya no es el que publica este sitio; en un minuto se comprobará de nuevo."
        )
    assert (page.inner_text("#time"), page.inner_text(".progress .detail")) == (clock(LATE), before)
    page.evaluate("pass(60)")
    look(page)
    expect(page.locator(".progress .detail")).not_to_have_text(before)
    expect(page.locator("#time")).to_have_text(clock(LATE if same_instant else EARLY))
    expect(page.locator("#warning")).to_be_hidden()


def test_another_server_of_the_same_mirror_that_is_late_takes_nothing_back(page: Page, mirror: Mirror) -> None:
    page.add_init_script(CLOCK)
    both = list(mirror.cortes)
    mirror.cortes[:] = both[1:]
    visit(page, mirror)
    for late in (True, True, True, False) * 2:
        mirror.cortes[:] = both[:1] if late else both[1:]
        state(mirror, EARLY if late else LATE)
        page.evaluate("pass(60)")
        look(page, STATUS if late else "datos/corte.json")
        expect(page.locator("#warning")).to_be_visible(visible=late)
        assert page.inner_text("#time") == clock(LATE)


def counted(document: Any) -> Any:
    """Return an office's page with other totals, everywhere."""
    for each in (document, *document["territorios"]):
        each["totales"] |= {"actas_capturadas": 7}
    return document


def recounted(head: Any) -> Any:
    """Return the head of a corte with these totals of its first office."""
    head["elecciones"][0]["totales"] |= {"actas_capturadas": 7}
    return head


def test_a_corrected_corte_of_the_same_instant_is_not_shown_with_the_old_votes(page: Page, mirror: Mirror) -> None:
    """A cache on the way still had the office's file: its votes stood below the note that they were corrected."""
    page.add_init_script(HURRY)
    visit(page, mirror)
    answers: list[bool] = []

    def office(document: Any) -> Any:
        answers.append(True)
        return counted(document) if len(answers) > 2 else document

    head = {"secuencia": NUMBERS[0] + 1}
    mirror.alter |= {"datos/corte.json": lambda given: recounted(given | head), "datos/alcaldias.json": office}
    look(page)
    expect(page.locator(".progress .detail")).to_contain_text("7 actas capturadas de")
    assert len(answers) >= 3, "the office's file from before was taken for the corrected one"


def test_totals_that_never_agree_are_shown_after_some_tries(page: Page, mirror: Mirror) -> None:
    """An institute may have a fault there: results are shown all the same."""
    page.add_init_script(HURRY)
    mirror.alter["datos/alcaldias.json"] = counted
    visit(page, mirror)
    expect(page.locator(".progress .detail")).to_contain_text("7 actas capturadas de")


def test_totals_that_never_agree_are_awaited_once_a_corte(page: Page, mirror: Mirror) -> None:
    """Each office kept its visitors for 15 s, with five times the requests."""
    asked: list[str] = []

    def other(document: Any) -> Any:
        asked.append(document["corte"])
        return counted(document)

    page.add_init_script(HURRY)
    mirror.alter |= {"datos/alcaldias.json": counted, "datos/congreso.json": other}
    visit(page, mirror)
    page.evaluate("location.hash = '#/congreso'")
    expect(page.locator("h1")).to_have_text("Congreso")
    assert len(asked) == 1
    del mirror.cortes[:-1]
    look(page, "datos/congreso.json")
    expect(page.locator("#time")).to_have_text(clock(LATE))
    assert len(asked) == 6, "a cache may keep another corte's file"


def test_an_honest_mirror_behind_a_cache_is_not_accused(page: Page, mirror: Mirror) -> None:
    """The second try came at once, and a cache keeps a file for some seconds."""
    page.add_init_script(HURRY)
    new, old = b'{"new": 1}', b'{"old": 1}'
    shown = {"sequence": 20, "corte": LATE.isoformat(), "signer": "firma", "orders": []}
    digest = {"manifest_sha256": hashlib.sha256(new).hexdigest()}
    mirror.alter[STATUS] = lambda _: {"gate": {"state": "open"}, "shown": shown | digest, "election": "ribera"}
    bodies = [old, old, new]
    page.route(mirror.near + "corte.json", lambda route: route.fulfill(body=bodies.pop(0)))
    visit(page, mirror, "autentico.html", "#verdict:is(.good, .bad)")
    assert page.inner_text("#verdict").startswith("✓")


def declared(mirror: Mirror) -> None:
    """Have the mirror's status say which manifest it serves."""
    shown = {"sequence": 19, "corte": EARLY.isoformat(), "signer": "firma", "orders": []}
    shown["manifest_sha256"] = hashlib.sha256(b"{}").hexdigest()
    (mirror.folder / "corte.json").write_bytes(b"{}")
    mirror.alter[STATUS] = lambda _: {"gate": {"state": "open"}, "shown": shown, "election": "ribera"}


@pytest.mark.parametrize("name", [STATUS, "corte.json"])
def test_a_request_that_is_lost_accuses_no_honest_mirror(name: str, page: Page, mirror: Mirror) -> None:
    """One lost answer, or one that a crowded server refused, was the verdict."""
    page.add_init_script(HURRY)
    declared(mirror)
    page.route(mirror.near + name, lambda route: route.abort(), times=2)
    visit(page, mirror, "autentico.html", "#verdict:not(:text('Consultando'))")
    assert page.inner_text("#verdict").startswith("✓")


@pytest.mark.parametrize(
    ("name", "limit", "told"),
    [(STATUS, 2, "No se pudo leer lo que este sitio declara"), ("corte.json", 3, "No se pudo calcular aquí.")],
)
def test_a_mirror_that_does_not_answer_is_neither_awaited_for_ever_nor_accused(
    name: str, limit: int, told: str, page: Page, mirror: Mirror
) -> None:
    """Before the two that it compares, the page asks for the corte's head and for the status."""
    page.add_init_script(HURRY)
    declared(mirror)
    page.route(mirror.near + name, lambda _: None)
    page.goto(mirror.near + "autentico.html")
    until(lambda: page.evaluate("limits.length"), lambda made: made == 4, what="la página pida", within=PATIENCE)
    page.evaluate(f"limits[{limit}]()")
    expect(page.locator("#verdict")).to_contain_text(told)
    assert page.get_attribute("#verdict", "class") == "verdict "


@pytest.mark.parametrize("width", [320, 360, 390])
def test_the_name_of_a_place_is_not_below_the_bar_with_the_corte_and_a_warning(
    width: int, page: Page, mirror: Mirror
) -> None:
    mirror.headers["Date"] = format_datetime(LATE + timedelta(minutes=45), usegmt=True)
    page.set_viewport_size({"width": width, "height": 640})
    visit(page, mirror, "", "#warning:not([hidden])")
    page.locator(".territories a").last.click()
    expect(page.locator("h1")).not_to_have_text("Alcaldías")
    bottom, top = page.evaluate(
        "[document.querySelector('.corte').getBoundingClientRect().bottom,"
        " document.querySelector('h1').getBoundingClientRect().top]"
    )
    assert page.evaluate("scrollY") > 0 and top >= bottom


def test_an_alert_is_told_once_and_stays_translated(page: Page, mirror: Mirror) -> None:
    """It held an age, so a screen reader was interrupted every minute; a translation was undone every ten seconds."""
    late_by(mirror, minutes=45)
    page.add_init_script(CLOCK)
    visit(page, mirror, "", "#warning:not([hidden])")
    assert page.inner_text("#warning").startswith(f"Última actualización: {clock(EARLY)}; debió llegar otra a las ")
    age = page.inner_text("#age")
    page.evaluate(WATCH % "#warning")
    for minute in range(46, 51):
        page.evaluate("pass(60)")
        late_by(mirror, minutes=minute)
        look(page)
    assert page.evaluate("told") == 0 and page.inner_text("#age") != age
    page.evaluate("document.querySelector('#warning').innerHTML = '<font>Last update</font>'; pass(60)")
    assert page.inner_text("#warning") == "Last update"
    assert page.get_attribute(".bars .name", "translate") == "no"


def test_a_phone_that_slept_or_is_offline_blames_no_site(page: Page, mirror: Mirror) -> None:
    """In the tab that was hidden an alert advised to go elsewhere, and the same without a network."""
    page.add_init_script(CLOCK)
    visit(page, mirror)
    page.evaluate("pass(2700)")
    expect(page.locator("#warning")).to_be_hidden()
    page.route("**/*", lambda route: route.abort())
    page.evaluate(LOOK)
    expect(page.locator("#warning")).to_have_text(
        f"No se pudo comprobar si hay un corte más reciente. Se muestra el corte de las {clock(EARLY)}."
    )
    page.unroute("**/*")
    late_by(mirror, minutes=47)
    with page.expect_response(lambda answer: answer.url.endswith(STATUS)):
        page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#warning")).to_contain_text("debió llegar otra a las ")


UNSURE = f"No se pudo comprobar si hay un corte más reciente. Se muestra el corte de las {clock(EARLY)}."


def held(page: Page, mirror: Mirror, name: str, step: str) -> Route:
    """Do a step of the visit after which the page asks for a file, and return the request, for which nobody waits."""
    found: list[Route] = []
    page.route(mirror.near + name, lambda route: found.append(route), times=1)
    page.evaluate(step)
    until(
        lambda: (page.evaluate("0"), found)[1], bool,
        what=f"la página pida {name}", within=PATIENCE, despite=(Error,),
    )  # fmt: skip
    return found[0]


@pytest.mark.parametrize("gate", ["open", "closed"])
def test_a_phone_that_wakes_and_reads_the_status_alone_knows_of_no_fault_of_the_site(
    gate: str, page: Page, mirror: Mirror
) -> None:
    """The site was called late, or without its last corte, although its status named a newer one."""
    page.add_init_script(CLOCK)
    visit(page, mirror)
    page.evaluate("pass(2700)")
    state(mirror, LATE, state=gate)
    late_by(mirror, minutes=67)
    page.route("**/datos/corte.json", lambda route: route.abort())
    look(page)
    expect(page.locator("#warning")).not_to_be_empty()
    assert page.inner_text("#warning").partition(" h. ")[gate == "closed" and 2].strip() == UNSURE


def test_a_site_whose_newer_corte_is_under_way_or_of_which_only_actas_were_read_is_not_called_late(
    page: Page, mirror: Mirror
) -> None:
    """Every file that it sent was taken for its word that there is none newer."""
    page.add_init_script(CLOCK)
    visit(page, mirror, "#/alcaldias/1")
    page.evaluate("pass(2700)")
    late_by(mirror, minutes=67)
    page.click("summary")
    page.wait_for_selector("table.actas")
    page.evaluate("pass(10)")
    assert page.is_hidden("#warning")
    del mirror.cortes[:-1]
    office = held(page, mirror, "datos/alcaldias.json", LOOK)
    page.evaluate("pass(10)")
    assert page.is_hidden("#warning")
    office.continue_()
    expect(page.locator("#time")).to_have_text(clock(LATE))


def test_an_answer_from_before_a_phone_slept_is_not_taken_for_the_time(page: Page, mirror: Mirror) -> None:
    """It read the answer when it woke, and a corte of two hours ago became one of 22 minutes ago."""
    page.add_init_script(CLOCK)
    visit(page, mirror)
    head = held(page, mirror, "datos/corte.json", LOOK)
    page.evaluate("pass(6600)")
    page.route(f"**/{STATUS}", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        head.continue_()
    page.evaluate("pass(10)")
    assert page.inner_text("#age") == "hace 2 horas"


def test_a_look_that_dies_says_nothing_against_one_that_began_later(page: Page, mirror: Mirror) -> None:
    """It hung on the connection of before, and a minute after the newest corte was there, it was called uncertain."""
    page.add_init_script(CLOCK)
    visit(page, mirror)
    first = held(page, mirror, "datos/corte.json", LOOK)
    del mirror.cortes[:-1]
    state(mirror, LATE)
    page.evaluate("pass(10)")
    look(page)
    expect(page.locator("#time")).to_have_text(clock(LATE))
    with page.expect_response(lambda answer: answer.url.endswith(STATUS)):
        first.abort()
    page.evaluate("pass(10)")
    assert page.is_hidden("#warning")


def test_a_status_that_comes_after_a_newer_one_is_not_believed(page: Page, mirror: Mirror) -> None:
    page.add_init_script(CLOCK)
    visit(page, mirror)
    page.route("**/datos/corte.json", lambda route: route.abort())
    first = held(page, mirror, STATUS, LOOK)
    state(mirror, EARLY, hold={"since": EARLY.isoformat()})
    look(page)
    expect(page.locator("#warning")).to_contain_text("El Instituto puso en pausa")
    old = mirror.alter[STATUS](None)
    old["gate"]["hold"] = None
    with page.expect_event("requestfinished", lambda request: request.url.endswith(STATUS)):
        first.fulfill(json=old)
    page.evaluate("fetch('datos/alcaldias.json').then(() => pass(10))")
    assert page.inner_text("#warning").startswith("El Instituto puso en pausa")


def test_what_the_status_said_holds_although_it_cannot_be_read_once(page: Page, mirror: Mirror) -> None:
    """For a minute the pause was forgotten, and the site accused of being late."""
    page.add_init_script(CLOCK)
    late_by(mirror, minutes=45)
    state(mirror, EARLY, hold={"since": EARLY.isoformat()})
    visit(page, mirror, "", "#warning:not([hidden])")
    paused = f"El Instituto puso en pausa la actualización. Se muestra el corte de las {clock(EARLY)}."
    expect(page.locator("#warning")).to_have_text(paused)
    page.route(f"**/{STATUS}", lambda route: route.fulfill(status=503))
    look(page)
    page.evaluate("fetch('datos/corte.json').then(() => pass(10))")  # the page has taken the answer of before by then
    expect(page.locator("#warning")).to_have_text(paused)


def test_why_there_are_no_results_is_told_once(page: Page, mirror: Mirror) -> None:
    state(mirror)
    page.route("**/datos/**", lambda route: route.fulfill(status=503))
    visit(page, mirror, "", ".message")
    expect(page.locator("h1")).to_have_text("Los resultados aún no se publican")
    page.evaluate(WATCH % "main")
    for _ in range(3):
        look(page)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("told") == 0


def test_a_new_corte_leaves_the_focus_where_it_is(page: Page, mirror: Mirror) -> None:
    """A visitor who moves through the list of places with the keyboard began again at the top of the page."""
    visit(page, mirror)
    page.focus(".territories tbody tr:nth-child(3) a")
    name = page.evaluate("document.activeElement.textContent")
    del mirror.cortes[:-1]
    look(page)
    expect(page.locator("#announcement")).not_to_be_empty()
    assert page.evaluate("document.activeElement.textContent") == name


def test_a_new_corte_leaves_an_open_table_where_it_is(page: Page, mirror: Mirror) -> None:
    """It was emptied until the new one was read, and then began at its left."""
    visit(page, mirror, "#/alcaldias/1")
    page.click("summary")
    page.wait_for_selector("table.actas")
    page.evaluate("document.querySelector('.scroll').scrollLeft = 150; scrollTo(0, 2000)")
    at = page.evaluate("[scrollY, document.querySelector('.scroll').scrollLeft]")
    late: list[Route] = []
    page.route("**/datos/alcaldias/01.json", lambda route: late.append(route))
    del mirror.cortes[:-1]
    look(page)
    expect(page.locator("#announcement")).not_to_be_empty()
    expect(page.locator("[aria-busy]")).to_be_visible()
    assert page.evaluate("[scrollY, document.querySelector('.scroll').scrollLeft]") == at
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    late.pop().continue_()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert page.evaluate("[scrollY, document.querySelector('.scroll').scrollLeft]") == at


def test_a_page_that_is_open_at_the_end_says_what_the_notices_say(page: Page, mirror: Mirror) -> None:
    """It could not find out whether there was a newer corte, and blamed the visitor's connection."""
    visit(page, mirror)
    page.route("**/datos/**", lambda route: route.fulfill(status=503))
    state(mirror, state="retired")
    look(page)
    ended = "La difusión de resultados terminó"
    expect(page.locator("#warning")).to_have_text(f"{ended}. Consulte los resultados en el sitio del Instituto.")
    page.evaluate("location.hash = '#/congreso'")
    expect(page.locator("h1")).to_have_text(ended)


def test_a_page_that_is_open_when_the_institute_takes_its_server_off_the_list_says_so(
    page: Page, mirror: Mirror
) -> None:
    visit(page, mirror)
    page.route("**/*", lambda route: route.fulfill(status=410))
    look(page)
    expect(page.locator("#warning")).to_contain_text("Este sitio ya no es difusor oficial. El Instituto lo retiró")
    expect(page.locator(".bars")).to_be_visible()
    page.evaluate("location.hash = '#/congreso'")
    expect(page.locator("h1")).to_have_text("Este sitio ya no es difusor oficial")


def test_a_copy_of_the_corte_before_is_not_accused_and_what_was_said_of_it_stays(page: Page, mirror: Mirror) -> None:
    """A copy that was downloaded just before the next corte was none of its files, and the word of it disappeared."""
    table = json.loads((mirror.cortes[0] / "datos/corte.json").read_bytes())["descargas"][0]["archivo"]
    copy, verdict = mirror.cortes[0] / table, page.locator(".verdict")
    visit(page, mirror, "#/base-de-datos", "#file")
    page.set_input_files("#file", copy)
    same = f"✓ Su copia es idéntica a {copy.name}"
    expect(verdict).to_have_text(f"{same}.")
    del mirror.cortes[:-1]
    look(page)
    expect(page.locator("#announcement")).not_to_be_empty()
    former = f"{same}, del corte de las {clock(EARLY)}; ahora se muestra otro."
    expect(verdict).to_have_text(former)
    page.set_input_files("#file", {"name": "20240101_PREP.csv", "mimeType": "text/csv", "buffer": b"nada"})
    expect(verdict).to_contain_text(
        "✗ 20240101_PREP.csv no es ninguno de los archivos de este corte; puede ser de otro: el nombre lleva su hora."
    )
    page.set_input_files("#file", copy)
    expect(verdict).to_have_text(former)


@pytest.mark.parametrize(
    ("orders", "withdrawn", "told"),
    [
        (["rectification"], [], "Por orden del Instituto, este corte rectifica al anterior."),
        ([], [{"sequence": NUMBERS[1]}], "Por orden del Instituto se retiró un corte posterior."),
    ],
)
def test_after_the_close_the_page_still_says_what_the_institute_ordered(
    orders: list[str], withdrawn: list[Any], told: str, page: Page, mirror: Mirror
) -> None:
    """Who came later heard nothing of it, and a corte whose successor was withdrawn was called the final one."""
    state(mirror, EARLY, state="closed")
    status = mirror.alter[STATUS](None)
    status["shown"]["orders"], status["standing"] = orders, {"withdrawn": withdrawn}
    mirror.alter[STATUS] = lambda _: status
    mirror.alter["datos/corte.json"] = lambda head: head | {"siguiente": None}
    visit(page, mirror)
    expect(page.locator("#warning")).to_contain_text(f"Estos son los últimos resultados preliminares. {told}")
    assert ("Corte final" in page.inner_text("#next")) != bool(withdrawn)


LAST = "Estos son los últimos resultados preliminares."
LACKING = f"Se muestra el corte de las {clock(EARLY)}; el de las {clock(LATE)} no ha llegado a este sitio."


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ({"state": "closed"}, LACKING),
        ({"state": "closed", "hold": {"since": EARLY.isoformat()}}, LAST),
        ({"state": "closed", "closes": EARLY.isoformat()}, LAST),
        ({"state": "retired"}, "La difusión de resultados terminó."),
    ],
    ids=["the last is missing", "the institute holds it", "the close was moved", "a phone that slept"],
)
def test_after_the_end_a_corte_that_another_follows_is_not_called_the_final_one(
    gate: dict[str, Any], told: str, page: Page, mirror: Mirror
) -> None:
    """A mirror that had missed the last hour called what it had the final corte, and the last results."""
    state(mirror, EARLY, **gate)
    visit(page, mirror)
    expect(page.locator("#warning")).to_contain_text(told)
    assert page.inner_text("#next") == SETTING.catalog.clock


def test_what_the_status_says_of_the_corte_before_is_not_said_of_this_one(page: Page, mirror: Mirror) -> None:
    """A status that failed once left the order of the corte before on the page, for ten minutes."""
    state(mirror, EARLY)
    status = mirror.alter[STATUS](None)
    status["shown"]["orders"] = ["rectification"]
    mirror.alter[STATUS] = lambda _: status
    visit(page, mirror)
    expect(page.locator("#warning")).to_contain_text("este corte rectifica al anterior")
    page.route(f"**/{STATUS}", lambda route: route.abort())
    del mirror.cortes[:-1]
    with page.expect_event("requestfailed"):
        page.evaluate(LOOK)
    expect(page.locator("#time")).to_have_text(clock(LATE))
    expect(page.locator("#warning")).to_be_hidden()
    page.unroute(f"**/{STATUS}")
    state(mirror, LATE, hold={"since": LATE.isoformat()})
    look(page)
    expect(page.locator("#warning")).to_contain_text("El Instituto puso en pausa la actualización.")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    look(page, "datos/corte.json")
    page.evaluate("fetch('datos/corte.json')")
    assert not any(url.endswith(STATUS) for url in asked)


@pytest.mark.parametrize("gate", ["open", "closed"])
@pytest.mark.parametrize(
    ("hold", "withdrawn"),
    [({"since": EARLY.isoformat()}, []), (None, [{"sequence": NUMBERS[1]}])],
    ids=["a pause", "a withdrawal"],
)
def test_a_pause_or_a_withdrawal_before_this_corte_is_not_told_of_it(
    hold: Any, withdrawn: list[Any], gate: str, page: Page, mirror: Mirror
) -> None:
    """Until the next status came, the corte that ended it stood below the same words."""
    state(mirror, EARLY, hold=hold, state=gate)
    status = mirror.alter[STATUS](None) | {"standing": {"withdrawn": withdrawn}}
    mirror.alter[STATUS] = lambda _: status
    visit(page, mirror)
    told = "Por orden" if withdrawn else LAST if gate == "closed" else "El Instituto puso en pausa"
    expect(page.locator("#warning")).to_contain_text(told)
    page.route(f"**/{STATUS}", lambda route: route.abort())
    del mirror.cortes[:-1]
    with page.expect_event("requestfailed"):
        page.evaluate(LOOK)
    page.evaluate("fetch('datos/corte.json')")  # the page knows by then that the status failed
    assert page.inner_text("#time") == clock(LATE)
    if gate == "open":
        assert page.is_hidden("#warning")
    else:
        assert page.inner_text("#warning").endswith("no ha llegado a este sitio.")


def test_an_office_that_could_not_be_loaded_leaves_no_other_below_its_tab(page: Page, mirror: Mirror) -> None:
    """A newer corte came before the office did, and neither could be loaded: nothing told of it."""
    page.add_init_script(HURRY)
    visit(page, mirror)
    first = held(page, mirror, "datos/congreso.json", "location.hash = '#/congreso'")
    del mirror.cortes[:-1]
    second = held(page, mirror, "datos/congreso.json", LOOK)
    for request in (first, second):
        request.abort()
    expect(page.locator("h1")).to_have_text("No fue posible cargar los resultados")
    expect(page.locator(".tabs [aria-current]")).to_have_text("Congreso")


def test_the_hour_of_a_corte_that_was_withdrawn_goes_with_its_results(page: Page, mirror: Mirror) -> None:
    """It stayed in the bar, above the words that no results could be loaded."""
    state(mirror, EARLY)
    visit(page, mirror)
    page.route("**/datos/**", lambda route: route.fulfill(status=503))
    gone = {"sequence": NUMBERS[0], "corte": EARLY.isoformat(), "at": "2027-06-07T06:00:00Z"}
    status = mirror.alter[STATUS](None) | {"standing": {"withdrawn": [gone]}, "shown": {"sequence": 1}}
    mirror.alter[STATUS] = lambda _: status
    look(page)
    expect(page.locator("h1")).to_have_text("No fue posible cargar los resultados")
    assert [page.inner_text(f"#{each}") for each in ("time", "corte", "next", "age")] == [""] * 4


def test_a_status_that_failed_is_asked_for_after_the_last_corte_too(page: Page, mirror: Mirror) -> None:
    """A page that had only missed the status said «Siguiente» or nothing until it was closed."""
    mirror.alter["datos/corte.json"] = lambda head: head | {"siguiente": None}
    del mirror.alter[STATUS]
    visit(page, mirror)
    state(mirror, EARLY, state="closed")
    look(page)
    expect(page.locator("#warning")).to_contain_text("La difusión cerró")


@pytest.mark.parametrize("view", ["", "#/base-de-datos", "ayuda.html", "autentico.html"])
def test_the_title_of_a_rehearsal_begins_with_it(view: str, page: Page, mirror: Mirror) -> None:
    """Tabs, results lists and what is shared show nothing else."""
    visit(page, mirror, view, ".rehearsal h1")
    assert page.title().startswith("SIMULACRO · ") and page.title().count("SIMULACRO") == 1


def test_without_the_corte_the_status_says_that_it_is_a_rehearsal_and_hours_are_of_utc(
    page: Page, mirror: Mirror
) -> None:
    """An hour of UTC was given for the place's, and neither page said SIMULACRO, which the status knows."""
    shown = {"sequence": 20, "corte": LATE.isoformat(), "signer": "firma", "orders": []}
    status = {"gate": {"state": "open"}, "shown": shown, "election": "ribera", "environment": "simulacro"}
    shown["manifest_sha256"] = hashlib.sha256(b"{}").hexdigest()
    mirror.alter[STATUS] = lambda _: status
    page.route(mirror.near + "corte.json", lambda route: route.fulfill(body=b"{}"))
    page.route("**/datos/corte.json", lambda route: route.fulfill(status=503))
    visit(page, mirror, "autentico.html", ".rehearsal #verdict.good")
    expect(page.locator("#corte")).to_contain_text(f"{LATE:%H:%M} h UTC. Firmado por firma.")
    assert page.title().startswith("SIMULACRO · ")
    visit(page, mirror, "ayuda.html", ".rehearsal h1")


@pytest.mark.parametrize("view", ["", "#/alcaldias/3", "ayuda.html", "autentico.html"])
@pytest.mark.parametrize("is_head", [False, True], ids=["the mirror", "the corte"])
def test_the_mirror_or_the_corte_alone_says_that_it_is_a_rehearsal(
    is_head: bool, view: str, page: Page, mirror: Mirror
) -> None:
    """A corte whose `simulacro` was missing showed what a rehearsal's mirror has as the results."""
    status = mirror.alter[STATUS](None) | {"environment": "official" if is_head else "simulacro"}
    mirror.alter[STATUS] = lambda _: status
    mirror.alter["datos/corte.json"] = lambda head: head | {"simulacro": is_head, "datos_sinteticos": False}
    visit(page, mirror, view, ".rehearsal h1")
    expect(page.locator("#notice")).to_have_text("Simulacro")
    if "html" not in view:
        expect(page.locator("#tag")).to_have_text("Simulacro")
        expect(page.locator(".citation .detail")).to_contain_text("Simulacro. PREP")
    assert page.title().startswith("SIMULACRO · ") and page.title().count("SIMULACRO") == 1


def test_a_place_with_the_number_0_is_found_and_no_other_address_leads_to_it(page: Page, mirror: Mirror) -> None:
    def abroad(document: Any) -> Any:
        document["territorios"][0] |= {"id": 0, "nombre": "Voto en el extranjero"}
        return document

    mirror.alter["datos/alcaldias.json"] = abroad
    mirror.alter["datos/secciones.json"] = lambda sections: {"alcaldias": dict.fromkeys(sections["alcaldias"], 0)}
    visit(page, mirror, "#/alcaldias/")
    expect(page.locator("h1")).to_have_text("Alcaldías")
    for wanted in ("extranjero", "76"):
        page.fill("#anywhere", wanted)
        page.press("#anywhere", "Enter")
        expect(page.locator("h1")).to_have_text("Voto en el extranjero")
        page.evaluate("location.hash = '#/alcaldias'")
        expect(page.locator("h1")).to_have_text("Alcaldías")


def test_a_search_before_the_results_are_there_is_not_sent_to_the_server(page: Page, mirror: Mirror) -> None:
    """It loaded the page anew, without what had been typed; and before the first corte nothing answered it."""
    script = held(page, mirror, "app.js", f"location.href = '{mirror.near}'")
    page.fill("#anywhere", "76")
    page.press("#anywhere", "Enter")
    assert page.is_disabled("#finder button")
    script.continue_()
    page.wait_for_selector(".bars")
    assert (page.url, page.input_value("#anywhere")) == (mirror.near, "76")
    page.press("#anywhere", "Enter")
    expect(page.locator(".eyebrow a")).to_have_text("‹ Alcaldías")


def test_before_the_first_corte_nothing_can_be_searched(page: Page, mirror: Mirror) -> None:
    state(mirror)
    page.route("**/datos/**", lambda route: route.fulfill(status=503))
    visit(page, mirror, "", ".message")
    assert page.is_disabled("#finder button")


def test_a_search_that_is_answered_late_takes_nobody_away(page: Page, mirror: Mirror) -> None:
    """Who had gone to another office meanwhile was taken to a place of the one before."""
    page.add_init_script(HURRY)
    visit(page, mirror)
    page.fill("#anywhere", "76")
    sections = held(page, mirror, "datos/secciones.json", "document.querySelector('#finder button').click()")
    expect(page.locator("#found")).to_have_text("Buscando…")
    page.evaluate("location.hash = '#/congreso'")
    expect(page.locator("h1")).to_have_text("Congreso")
    expect(page.locator("#found")).to_be_empty()
    with page.expect_event("requestfinished", lambda request: request.url.endswith("secciones.json")):
        sections.continue_()
    page.evaluate("fetch('datos/secciones.json').then(answer => answer.text())")
    assert page.evaluate("location.hash") == "#/congreso"


RETRIES = """
{
  const wait = setTimeout;
  window.pauses = [];
  window.setTimeout = (call, pause) => {
    if (pause >= 60_000) return wait(call, pause);
    pauses.push(pause);
    return wait(call, pause / 100);
  };
  Math.random = () => 0.25;
}
"""
"""Notes the pauses between tries, and shortens them: by lot each is three quarters of the mean."""


def pauses(page: Page, number: int) -> list[int]:
    """Return the first pauses, in milliseconds, once the page has made so many."""
    return until(
        lambda: page.evaluate("pauses"), lambda made: len(made) >= number,
        what="la página espere", within=PATIENCE, despite=(Error,),
    )[:number]  # fmt: skip


@pytest.mark.parametrize(
    ("view", "ready"),
    [
        ("index.html", ".bars"),
        ("ayuda.html", "#place:text('Ribera')"),
        ("autentico.html", "#verdict:not(:text('Consultando'))"),
    ],
    ids=["index", "ayuda", "autentico"],
)
def test_a_page_whose_script_did_not_arrive_is_loaded_again_by_itself(
    view: str, ready: str, page: Page, mirror: Mirror
) -> None:
    """It said «Cargando los resultados…» all night, unless its reader thought of loading it again."""
    page.add_init_script(RETRIES)
    lost = "**/" + view.replace("index", "app").replace("html", "js")
    page.route(lost, lambda route: route.abort("connectionreset"), times=1)
    page.goto(mirror.near + view)
    page.wait_for_selector(ready)
    assert page.evaluate("performance.navigation.type") == 1


def test_a_script_that_never_arrives_is_asked_for_once_a_minute_and_the_results_stay_one_link_away(
    page: Page, mirror: Mirror
) -> None:
    page.add_init_script(RETRIES)
    page.route("**/app.js", lambda route: route.abort("connectionreset"))
    page.goto(mirror.near)
    with page.expect_navigation():
        pass
    assert pauses(page, 1) == [45_000]
    expect(page.locator("main a")).to_have_attribute("href", "datos/resultados.html")


def test_a_page_stays_until_its_server_answers(page: Page, mirror: Mirror) -> None:
    """A reload without an answer would leave the browser's own error page, which asks for nothing again."""
    page.add_init_script(RETRIES)
    page.route("**/app.js", lambda route: route.abort("connectionreset"), times=1)
    page.route(mirror.near, lambda route: route.abort() if route.request.method == "HEAD" else route.continue_())
    page.goto(mirror.near)
    assert pauses(page, 5) == [3_750, 7_500, 15_000, 30_000, 45_000]
    page.unroute(mirror.near)
    page.wait_for_selector(".bars")


def lose_the_script(page: Page, mirror: Mirror, script: str) -> None:
    """Visit the page, whose script does not arrive the first time."""
    page.add_init_script(script)
    page.route("**/app.js", lambda route: route.abort("connectionreset"), times=1)
    page.goto(mirror.near, wait_until="commit")


@pytest.mark.parametrize(("status", "tries"), [(410, 1), (404, 1), (503, 1), (429, 3), (502, 3)])
def test_a_page_without_its_script_gives_way_to_any_that_its_server_has_but_not_to_one_that_would_stay(
    status: int, tries: int, page: Page, mirror: Mirror
) -> None:
    """It waited all night where the server had a notice to show, as that results are not shown any more."""
    heads: list[Route] = []

    def answer(route: Route) -> None:
        if route.request.method != "HEAD":
            return route.continue_()
        heads.append(route)
        return route.fulfill(status=status if len(heads) < 3 else 200)

    page.route(mirror.near, answer)
    lose_the_script(page, mirror, RETRIES)
    page.wait_for_selector(".bars")
    assert len(heads) == tries


def test_a_page_without_its_script_waits_for_no_answer_for_ever(page: Page, mirror: Mirror) -> None:
    page.route(mirror.near, lambda route: None if route.request.method == "HEAD" else route.continue_(), times=2)
    with page.expect_request(lambda request: request.method == "HEAD"):
        lose_the_script(page, mirror, RETRIES)
    page.evaluate("limits.pop()()")
    page.wait_for_selector(".bars")


BY_HAND = """
window.pauses = [];
window.setTimeout = (call, pause) => pauses.push([pause, call]);
Math.random = () => 0.25;
Object.defineProperty(document, 'hidden', {get: () => Boolean(window.away)});
"""
"""No pause ends but by the test's hand; the visitor is elsewhere while `away` is true."""


@pytest.mark.parametrize("event", [LOOK, "dispatchEvent(new Event('online'))"], ids=["visible", "online"])
def test_who_returns_to_a_page_without_its_script_waits_no_longer(event: str, page: Page, mirror: Mirror) -> None:
    """It had doubled its pause all the while that nobody looked and nothing was asked, and then slept it out."""
    lose_the_script(page, mirror, BY_HAND)
    page.evaluate("away = true")

    def due(number: int) -> list[int]:
        return until(
            lambda: page.evaluate("pauses.map(([pause]) => pause)"), lambda made: len(made) == number,
            what="la página espere", within=PATIENCE,
        )  # fmt: skip

    due(1)
    page.evaluate("pauses[0][1]()")
    assert due(2) == [3_750, 3_750]
    page.evaluate(f"away = false; {event}")
    page.wait_for_selector(".bars")


def opened_after_a_stop(page: Page, address: str, visit: Callable[[], object]) -> None:
    """Have the browser stay at a page when it loads it again for the first time, and wait until it tries once more."""
    loads: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "HEAD":
            return route.fulfill(status=200)
        loads.append(route.request.url)
        return route.fulfill(status=204) if len(loads) == 2 else route.continue_()

    def loaded(times: int) -> None:
        until(lambda: (page.evaluate("0"), loads)[1], lambda made: len(made) >= times,
              what="la página se abra", within=PATIENCE, despite=(Error,))  # fmt: skip

    page.route(address, answer)
    visit()
    loaded(2)
    page.evaluate("limits.forEach(end => end())")
    loaded(3)


def test_a_page_whose_load_is_stopped_while_it_is_without_its_script_loads_again(page: Page, mirror: Mirror) -> None:
    """A load that its reader stopped, or that failed in an application's own browser, was the last."""
    opened_after_a_stop(page, mirror.near, lambda: lose_the_script(page, mirror, RETRIES))
    page.wait_for_selector(".bars")


def test_a_waiting_page_whose_load_is_stopped_loads_again(page: Page, mirror: Mirror) -> None:
    """It asked for nothing any more, although the results were there."""
    wait(mirror, EARLY, timedelta(hours=1))
    state(mirror, EARLY)
    page.add_init_script(HURRY)
    address = mirror.near + "espera.html"
    opened_after_a_stop(page, address, lambda: page.goto(address, wait_until="commit"))
