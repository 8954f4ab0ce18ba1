"""The page as an old phone runs it, in a real browser from which is taken what such a phone lacks."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from inventory_kit import shipped

from difusor.project import ROOT
from difusor.suite import browser
from difusor.synthetic import Setting, write_corte

SITE = ROOT / "containers/prep/rootfs/usr/share/prep/site"
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


@dataclass
class Mirror:
    """Where the page is, and the cortes that are shown one after the other."""

    url: str
    cortes: list[Path]


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    """Serve the page's sources with a corte, and with the next one once the visitor's script asks for «siguiente»."""
    cortes = [tmp_path / str(number) for number in (3, 4)]
    for number, folder in enumerate(cortes, 3):
        write_corte(folder, SETTING, number=number, seed=1)
    index = (SITE / "index.html").read_text(encoding="utf-8")
    (tmp_path / "index.html").write_text(
        index.replace("<script", '<script src="visita.js"></script>\n<script', 1), "utf-8"
    )
    (tmp_path / "visita.js").write_text(VISIT, encoding="utf-8")

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/siguiente":
                del cortes[:-1]
            super().do_GET()

        def translate_path(self, path: str) -> str:
            name = urlsplit(path).path.strip("/") or "index.html"
            return str(next((one for one in (tmp_path / name, cortes[0] / name) if one.is_file()), SITE / name))

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Mirror(f"http://prep.diario.test:{server.server_port}/", cortes)
        server.shutdown()


@pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")
def test_an_old_phone_sees_the_next_corte_of_the_office_that_it_shows(mirror: Mirror) -> None:
    """It showed «Cargando los resultados…» for ever, and after a jump past the menu the first office."""
    said = browser.read(mirror.url, "prep.diario.test", "127.0.0.1")
    assert f"{SETTING.local(SETTING.instants[3], '%H:%M')} h" in said, said[:300]
    assert "Cargando los resultados" not in said
    assert "Resultados por distrito" in said, "the office that the visitor had chosen"
