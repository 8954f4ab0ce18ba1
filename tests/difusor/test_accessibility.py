"""Every page that the project makes for people, judged by axe-core: on a phone and a desk, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import role_kit
from axe_playwright_python.base import AXE_SCRIPT
from call_kit import FIRST, results
from inventory_kit import shipped
from page_kit import NEEDS_BROWSER, NOTICES, STATUS, Mirror, browsing, new_page, serving
from playwright.sync_api import Page

from difusor.board import page as board
from difusor.board.rows import Board, Row, State, Step
from difusor.listing import page as listing
from difusor.listing.page import Tile
from difusor.report import dictamen, index
from difusor.report.verdict import Overall
from difusor.spec import deviations
from difusor.synthetic import Setting, write_corte

ELECTION = shipped("ribera-2027")
SETTING = Setting.of(ELECTION)
NUMBER = 6
SECTION = "76"
"""One that has an acta in this corte, the only one of its alcaldía: axe looks at every cell."""
CORTE = SETTING.instants[NUMBER - 1]
LOOKS = ((390, "light", None), (1280, "light", None), (1280, "dark", ["color-contrast", "link-in-text-block"]))
"""Widths in pixels, schemes, and which rules axe checks, None for all: the dark changes nothing but colours."""
CHECK = (
    "rules => axe.run({resultTypes: ['violations'], ...(rules && {runOnly: rules})}).then(found => found.violations)"
)

pytestmark = NEEDS_BROWSER


@dataclass(frozen=True)
class View:
    """What a visitor sees at a path once he has done something there, complete when this selector finds it.

    `alter`: what the mirror answers instead, as `Mirror.alter`.
    """

    path: str
    complete: str = "h1"
    do: Callable[[Page], None] = lambda page: None
    alter: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


def unfold(page: Page) -> None:
    page.click("summary")


def seek(words: str) -> Callable[[Page], None]:
    def typed(page: Page) -> None:
        page.wait_for_selector(".tabs [aria-current]")
        page.fill("#anywhere", words)
        page.press("#anywhere", "Enter")

    return typed


def status(**gate: Any) -> dict[str, Callable[[Any], Any]]:
    """Have the mirror say that its gate is so."""
    opens = (CORTE + timedelta(days=2)).isoformat()
    return {STATUS: lambda _: {"gate": {"opens": opens, **gate}, "shown": None, "standing": {}}}


def official(head: dict[str, Any]) -> dict[str, Any]:
    return head | {"simulacro": False, "datos_sinteticos": False}


VIEWS = {
    "official and paused": View(
        "",
        "body:not(.rehearsal):has(#warning:not([hidden])) details table",
        unfold,
        {"datos/corte.json": official, **status(state="open", hold=True)},
    ),
    "section": View("?section#/alcaldias", "table.actas tbody :not([hidden])", seek(SECTION)),
    "data base and nothing found": View("?data#/base-de-datos", "#found:text('No hay')", seek("xyz")),
    "several found": View("?several#/alcaldias", "#territories:focus", seek("an")),
    "no results": View("?none", ".message", alter={"datos/corte.json": lambda _: {}}),
    "help": View("ayuda.html"),
    "authenticity": View("autentico.html", "#verdict.bad", alter={"corte.json": lambda _: {}, **status(state="open")}),
    "without scripts": View("datos/resultados.html"),
    "countdown": View("espera.html", "#countdown:not([hidden])", alter=status(state="waiting")),
    **{page.stem: View(page.stem) for page in sorted(NOTICES.glob("*.html.j2")) if page.stem != "espera.html"},
    "list": View("lista/index.html", "details[open]", unfold),
    "board": View("tablero.html"),
    "dictamen": View("dictamen.html"),
    "index of dictamens": View("indice.html"),
}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    """Run a mirror with a corte; below its address are the pages that the institute makes, too."""
    corte, folder = tmp_path_factory.mktemp("corte"), tmp_path_factory.mktemp("pages")
    write_corte(corte, SETTING, number=NUMBER, seed=1)
    with serving(folder, corte) as running:
        running.headers = {"Date": format_datetime(CORTE + timedelta(minutes=2), usegmt=True)}
        write_notices(folder)
        write_list(folder / "lista")
        composed = short_dictamen()
        dictamen.write_papers(composed, folder / "dictamen")
        (folder / "indice.html").write_text(index.html(full_index(composed)), encoding="utf-8")
        (folder / "tablero.html").write_text(board.html(full_board()), encoding="utf-8")
        yield running


def write_notices(folder: Path) -> None:
    """Write the pages that nginx serves by itself, in the institute's colours."""
    colors = ELECTION.institute.colors
    inputs = {
        "nginx_base_path": "/",
        "nginx_contact": ELECTION.contact,
        "nginx_institute_site": "https://instituto.test/",
        "nginx_notice_colors": {"accent": colors.accent, "accent_dark": colors.accent_dark},
        "nginx_notice_label": "Simulacro",
    }
    for name in ["_aviso/aviso.css", *(page.stem for page in NOTICES.glob("*.html.j2"))]:
        text = role_kit.render("nginx", f"usr/share/prep/avisos/{Path(name).name}", inputs)
        (folder / name).write_text(text, encoding="utf-8")


def write_list(folder: Path) -> None:
    """Write the list of a difusor with its logo, and of one that has none."""
    folder.mkdir()
    logo, signers = "../datos/logo.png", [("firma@instituto.test", "SHA256:abc")]
    tiles = [Tile(name, "https://diario.test/", "diario.test", at) for name, at in (("Sur", logo), ("Norte", ""))]
    text = listing.html(ELECTION, tiles, signers, (CORTE, CORTE + timedelta(days=1)), logo)
    (folder / listing.PAGE).write_text(text, encoding="utf-8")
    (folder / listing.STYLE).write_text(listing.style(ELECTION), encoding="utf-8")


def short_dictamen() -> dict[str, Any]:
    """Return a dictamen with a clause of each verdict and one of the rules that are not applied."""
    topic, rules = next(iter(deviations.load().items()))
    composed = dictamen.compose(results(), "web1", FIRST, {topic: rules[:1]})
    return composed | {"clauses": [*{clause["verdict"]: clause for clause in composed["clauses"]}.values()]}


def full_index(composed: dict[str, Any]) -> index.Index:
    """Return an index with a row of each verdict."""
    verdicts = [*Overall, index.OFF_THE_LIST]
    rows = [index.Row(id=each, name=each, verdict=each, status=1, why="algo", action="algo") for each in verdicts]
    measured = index.row("diario", composed, (Path("diario.json"), Path("diario.html")), 1.0)
    return index.worst_first("demo", "Elección", "Instituto", CORTE, [measured, *rows])


def full_board() -> Board:
    """Return a board with a row of each kind, and in it a step in each state."""
    steps = tuple(Step(key=state, title=state, state=state, until=CORTE) for state in get_args(State))
    rows = (
        Row(id="a", name="Tarde", steps=steps, action="enviar", actor="Difusor", days=-1, overdue=True),
        Row(id="b", name="Pronto", steps=steps, action="instalar", actor="Instituto", days=2, call="Ana", until=CORTE),
        Row(id="c", name="Listo", steps=steps),
        Row(id="d", name="Revocado", steps=steps, revoked="fuera de la lista", damage=("papers.json",)),
    )
    said = {"election": "demo", "name": "Elección", "institute": "Instituto", "contact": "Unidad", "timezone": "UTC"}
    return Board(**said, made=CORTE, dues=(), rows=rows, astray=("otro",))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Return the page of a browser, in which nothing moves."""
    with browsing() as running:
        yield new_page(running)


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_on_any_page(name: str, mirror: Mirror, page: Page) -> None:
    view = VIEWS[name]
    mirror.alter = dict(view.alter)
    page.goto(mirror.near + view.path)
    view.do(page)
    page.wait_for_selector(view.complete)
    found = list(violations(page))
    assert not found, "\n".join(found)


def test_what_axe_finds_is_told_with_its_width_and_scheme(page: Page) -> None:
    page.set_content("""<!doctype html><html lang="es"><title>Página</title><style>
        :root { color-scheme: light dark } @media (max-width: 400px) { a { display: none } }
        @media (prefers-color-scheme: dark) { p { color: #333; background: #222 } }
        </style><main><h1>Página</h1><p>Casi no se ve.</p><img src="data:,"><a href="/"></a></main>""")
    assert [each.rpartition(": ")[0] for each in violations(page)] == [
        "image-alt at 390 px, light: img",
        "image-alt at 1280 px, light: img",
        "link-name at 1280 px, light: a",
        "color-contrast at 1280 px, dark: p",
    ]


def violations(page: Page) -> Iterator[str]:
    """Return what axe-core finds on a page in each of its looks, each with the element."""
    page.evaluate(AXE_SCRIPT)
    schemes = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    for width, scheme, rules in LOOKS:
        if scheme == "dark" and scheme not in schemes:
            continue
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        for rule in page.evaluate(CHECK, rules):
            for node in rule["nodes"]:
                where = " ".join(map(str, node["target"]))
                yield f"{rule['id']} at {width} px, {scheme}: {where}: {rule['help']}"
