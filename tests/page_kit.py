"""The citizens' page with a corte, on loopback as the edge serves it, read in a real browser by a scripted visitor."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from difusor.project import ROOT
from difusor.suite import browser
from difusor.suite.waiting import until

SITE = ROOT / "containers/prep/rootfs/usr/share/prep/site"
NOTICES = ROOT / "roles/nginx/templates/usr/share/prep/avisos"
NAME = "prep.diario.test"
STATUS = ".well-known/prep/estado.json"
LOADING = "Cargando los resultados"
"""What the page says until its scripts have begun."""
PATIENCE = 300.0
"""Seconds for which a test awaits what its browser should show: beside the servers of the releases, which may take both
processors for minutes, a visit has taken more than a hundred times what it takes alone."""
LIMITS = """
{
  const wait = setTimeout, repeat = setInterval;
  window.limits = [];
  Math.random = () => 1;
  window.setTimeout = (call, pause) => pause < 30_000 ? wait(call, pause) : limits.push(call);
  window.setInterval = (call, pause) => pause < 30_000 ? repeat(call, pause) : 0;
}
"""
"""What every page that a test opens runs first: whatever it does after half a minute or more, such as looking for a new
corte or giving up a request, it does only when the test calls the `limits`.

Otherwise it would look at a moment of the first minute that it draws by lot, perhaps between two steps of the test.
"""
CLOCK = """
{
  const first = Date.now, regular = [];
  let ahead = 0;
  Date.now = () => first() + ahead;
  window.setInterval = (call, every) => regular.push([call, every]);
  window.pass = (seconds) => {
    for (let at = 0; at < seconds; at += 10) {
      ahead += 10_000;
      for (const [call, every] of regular) if (every === 10_000) call();
    }
  };
}
"""
"""Lets time pass for a page without waiting; what it looks for every minute, it does not ask for by itself."""
HURRY = """
{
  const wait = setTimeout;
  window.setTimeout = (call, pause) => wait(call, pause < 30_000 ? pause / 100 : pause);
}
"""
"""Shortens the pauses between tries, and no limit of an answer."""
expect.set_options(timeout=PATIENCE * 1000)
NEEDS_BROWSER = pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")


@dataclass
class Mirror:
    """A mirror whose answers a test sets.

    `cortes`: folders, of which the first is shown, and the last alone once a visitor asks for «siguiente». `alter`: by
    path, what a JSON file becomes. `headers`: of every answer, `Date` among them.
    """

    folder: Path
    cortes: list[Path]
    alter: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    @property
    def near(self) -> str:
        """Return the address for a browser that looks for no names; it takes this one for encrypted."""
        return self.url.replace(NAME, "127.0.0.1")

    def visit(self, script: str) -> None:
        """Have the visitor's browser run a script before those of the page."""
        (self.folder / "visita.js").write_text(script, encoding="utf-8")

    def file(self, name: str) -> Path:
        """Return the file that answers a path."""
        notice = NOTICES / Path(name).name
        for path in (self.folder / name, self.cortes[0] / name, notice):
            if path.is_file():
                return path
        return SITE / name

    def read(self, view: str = "", *awaited: str) -> str:
        """Return the words that the browser shows at a view of the page, these among them.

        The browser hurries its own clock, which on a busy machine may run out before the page's scripts, or the
        visitor's, have done everything. Therefore the words are awaited, in one whole visit after another.
        """
        cortes = list(self.cortes)

        def look() -> str:
            self.cortes[:] = cortes
            return browser.read(self.url + view, NAME, "127.0.0.1")

        return until(
            look,
            lambda words: LOADING not in words and all(each in words for each in awaited),
            what="el navegador cargue la página",
            within=PATIENCE,
        )


@contextmanager
def serving(folder: Path, *cortes: Path) -> Iterator[Mirror]:
    """Run a mirror with these cortes; `folder` has what only the test serves."""
    mirror = Mirror(folder, list(cortes))
    index = (SITE / "index.html").read_text(encoding="utf-8")
    visited = index.replace("<script", '<script src="visita.js"></script>\n<script', 1)
    (folder / "index.html").write_text(visited, encoding="utf-8")
    mirror.visit("")
    (folder / "_aviso").mkdir()
    style = (NOTICES / "aviso.css.j2").read_text(encoding="utf-8")
    (folder / "_aviso/aviso.css").write_text(re.sub(r"\{\{.*?\}\}", "#123456", style), encoding="utf-8")

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.name()
            if name == "siguiente":
                del mirror.cortes[:-1]
            if name not in mirror.alter:
                return super().do_GET()
            path = mirror.file(name)
            document = json.loads(path.read_bytes()) if path.is_file() else None
            body = json.dumps(mirror.alter[name](document)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def name(self) -> str:
            return unquote(urlsplit(self.path).path).strip("/") or "index.html"

        def translate_path(self, path: str) -> str:
            return str(mirror.file(self.name()))

        def date_time_string(self, timestamp: float | None = None) -> str:
            said = mirror.headers.get("Date") if timestamp is None else None
            return said or super().date_time_string(timestamp)

        def end_headers(self) -> None:
            for header, value in mirror.headers.items():
                if header != "Date":
                    self.send_header(header, value)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        mirror.url = f"http://{NAME}:{server.server_port}/"
        yield mirror
        server.shutdown()


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run a browser that a test moves itself."""
    program = next(filter(None, map(shutil.which, browser.PROGRAMS)))
    arguments = [*browser.QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=arguments) as running,
    ):
        yield running


def new_page(running: Browser) -> Page:
    """Return a page in which nothing moves or looks by itself (see LIMITS), of a visitor who was nowhere before."""
    page = running.new_context(reduced_motion="reduce").new_page()
    page.add_init_script(LIMITS)
    page.set_default_timeout(PATIENCE * 1000)
    return page


def wait(mirror: Mirror, opens: datetime, before: timedelta) -> None:
    """Have the mirror wait for the opening, with the edge's notice as espera.html; its clock says so long before.

    Those who look at it have phones of before 2019.
    """
    page = (NOTICES / "espera.html.j2").read_text(encoding="utf-8")
    page = re.sub(r"\{%.*?%\}", "", page).replace("{{ nginx_base_path }}", "/")
    old = "<script>delete window.AbortController; delete window.AbortSignal;</script>"
    page = page.replace("<script", f'{old}<script src="visita.js"></script>\n<script', 1)
    (mirror.folder / "espera.html").write_text(re.sub(r"\{\{.*?\}\}", "-420", page), encoding="utf-8")
    gate = {"state": "waiting", "opens": opens.isoformat().replace("+00:00", "Z")}
    mirror.alter[STATUS] = lambda _: {"gate": gate, "shown": None, "standing": {}}
    mirror.headers = {"Date": stamp(opens - before)}


def phone_clock(instant: datetime) -> str:
    """Return a script that sets a phone's clock."""
    return f"Date.now = () => {round(instant.timestamp() * 1000)} + performance.now();"


def stamp(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)
