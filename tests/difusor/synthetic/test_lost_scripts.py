"""A page whose script did not arrive, as on a phone that changed networks while it loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from inventory_kit import shipped
from page_kit import NEEDS_BROWSER, PATIENCE, Mirror, browsing, new_page, serving
from playwright.sync_api import Browser, Error, Page, expect

from difusor.suite.waiting import until
from difusor.synthetic import Setting, write_corte

SETTING = Setting.of(shipped("ribera-2027"))
NUMBER = 3
HURRY = """
const wait = setTimeout;
window.pauses = [];
window.setTimeout = (call, pause) => { window.pauses.push(pause); return wait(call, pause / 100); };
Math.random = () => 0.5;
"""
"""Shortens the pauses between tries, and notes them."""
WORDS = {"": ".bars", "ayuda.html": "#place:text('Ribera')", "autentico.html": "#verdict:not(:text('Consultando'))"}
"""By page, where it shows what its script has filled in."""

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def page(running: Browser) -> Iterator[Page]:
    found = new_page(running)
    found.add_init_script(HURRY)
    yield found
    found.context.close()


@pytest.fixture(scope="module")
def corte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corte")
    write_corte(folder, SETTING, number=NUMBER, seed=1)
    return folder


@pytest.fixture
def mirror(tmp_path: Path, corte: Path) -> Iterator[Mirror]:
    with serving(tmp_path, corte) as found:
        yield found


def pauses(page: Page, number: int) -> list[int]:
    """Return the first pauses, in milliseconds, once the page has made so many."""
    return until(
        lambda: page.evaluate("pauses"), lambda made: len(made) >= number,
        what="la página espere", within=PATIENCE, despite=(Error,),
    )[:number]  # fmt: skip


@pytest.mark.parametrize(("view", "ready"), WORDS.items(), ids=lambda word: word or "index.html")
def test_a_page_whose_script_did_not_arrive_is_loaded_again_by_itself(
    view: str, ready: str, page: Page, mirror: Mirror
) -> None:
    """It said «Cargando los resultados…» all night, unless its reader thought of loading it again."""
    lost = f"**/{view.replace('html', 'js') or 'app.js'}"
    page.route(lost, lambda route: route.abort("connectionreset"), times=1)
    page.goto(mirror.near + view)
    page.wait_for_selector(ready)
    assert page.evaluate("performance.navigation.type") == 1


def test_a_script_that_never_arrives_is_asked_for_once_a_minute_and_the_results_stay_one_link_away(
    page: Page, mirror: Mirror
) -> None:
    page.route("**/app.js", lambda route: route.abort("connectionreset"))
    page.goto(mirror.near)
    with page.expect_navigation():
        pass
    assert pauses(page, 1) == [60_000]
    expect(page.locator("main a")).to_have_attribute("href", "datos/resultados.html")


def test_a_page_stays_until_its_server_answers(page: Page, mirror: Mirror) -> None:
    """A reload without an answer would leave the browser's own error page, which asks for nothing again."""
    page.route("**/app.js", lambda route: route.abort("connectionreset"), times=1)
    page.route(mirror.near, lambda route: route.abort() if route.request.method == "HEAD" else route.continue_())
    page.goto(mirror.near)
    assert pauses(page, 5) == [5_000, 10_000, 20_000, 40_000, 60_000]
    page.unroute(mirror.near)
    page.wait_for_selector(".bars")
