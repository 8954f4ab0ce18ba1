"""What a citizen reads in a browser, on pages served by this machine; and what a page without a browser gives."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest
from serving_kit import saying, serving

from difusor.suite import browser

PAGE = """<!doctype html><title>Título</title><meta charset=utf-8>
<noscript><meta http-equiv="refresh" content="0; url=datos/resultados.html"></noscript>
<p id=hora>––:––</p><noscript>Sin guiones</noscript>
<script>
  fetch('hora.txt').then(got => got.text()).then(text => { document.getElementById('hora').textContent = text; });
</script>
"""


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve a page whose script reads the time, and that sends readers without scripts elsewhere; return its URL."""
    (tmp_path / "datos").mkdir()
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "hora.txt").write_text("21:10 h", encoding="utf-8")
    (tmp_path / "datos/resultados.html").write_text(
        "<meta charset=utf-8><h1>Corte de las 21:10 h</h1>", encoding="utf-8"
    )
    with serving(partial(Silent, directory=str(tmp_path))) as port:
        yield f"http://prep.diario.test:{port}/"


@pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")
def test_what_scripts_write_is_read(site: str) -> None:
    assert browser.read(site, "prep.diario.test", "127.0.0.1") == "21:10 h"


@pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")
def test_a_proxy_of_the_environment_does_not_answer_for_the_server(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying("<p>Del proxy")) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        assert browser.read(site, "prep.diario.test", "127.0.0.1") == "21:10 h"


def test_a_page_whose_scripts_were_late_is_visited_again(monkeypatch: pytest.MonkeyPatch) -> None:
    place = ("https://prep.diario.test/", "prep.diario.test", "127.0.0.1")
    visits = iter(["Cargando…", "Corte de las 21:10 h", "nunca"])
    monkeypatch.setattr(browser, "_visit", lambda *_: next(visits))
    assert browser.read(*place, "21:10 h") == "Corte de las 21:10 h"
    monkeypatch.setattr(browser, "_visit", lambda *_: "Cargando…")
    assert browser.read(*place, "21:10 h") == "Cargando…"


def test_without_scripts_the_reader_is_where_the_page_sends_him(site: str) -> None:
    def get(url: str) -> str:
        with urlopen(url.replace("prep.diario.test", "127.0.0.1")) as page:
            return page.read().decode()

    assert browser.read_without_scripts(site, get) == "Corte de las 21:10 h"
    loop = '<meta http-equiv="refresh" content="0;url=.">Nunca'
    assert browser.read_without_scripts(site, lambda url: loop) == "Nunca"


def test_without_an_address_the_browser_goes_where_the_name_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only a CDN is admitted, nothing answers at the server's own."""
    commands: list[list[str]] = []
    shown = SimpleNamespace(returncode=0, stdout="<p>21:10 h")
    monkeypatch.setattr(browser.shutil, "which", lambda name: name)
    monkeypatch.setattr(browser.subprocess, "run", lambda command, **_: commands.append(command) or shown)
    for address in ("", "2001:db8::1"):
        assert browser.read("https://prep.diario.test/", "prep.diario.test", address) == "21:10 h"
    rules = [[each for each in command if "resolver" in each] for command in commands]
    assert rules == [[], ["--host-resolver-rules=MAP prep.diario.test [2001:db8::1]"]]


def test_without_a_browser_nothing_is_read(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(browser.BrowserError, match="no hay un navegador"):
        browser.read(site, "prep.diario.test", "127.0.0.1")


def test_words_are_what_is_seen() -> None:
    unseen = "<title>T</title><style>p{}</style><script>x()</script>"
    html = f"{unseen}<p>Corte de<br>las <b>21:10</b></p><noscript>n</noscript>"
    assert browser.words(html) == "Corte de las 21:10 n"
    assert browser.words(html, {"noscript"}) == "Corte de las 21:10"
