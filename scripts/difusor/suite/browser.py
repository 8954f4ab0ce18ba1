"""Reads a page as citizens do: in a real browser (Chromium), and as one without JavaScript shows it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urljoin

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Chromium's names. The first is the same engine without windows, which starts in a third of the time."""
QUIET = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--proxy-server=direct://",
)  # fmt: skip
"""Chromium without windows, which asks the server itself also where the environment names a proxy. That would answer in
its place; `--no-proxy-server` says nothing to chromium-headless-shell."""
PATIENCE = 10_000
"""Milliseconds of the page's own time that it may take to be complete."""
UNSEEN = {"script", "style", "template", "title"}
REFRESHES = 3
"""How many pages are followed, one sent to by the other."""
VISITS = 3
"""How often a page is read whose awaited words are missing."""
LIMIT = 90.0
"""Seconds after which a browser is given up."""


class BrowserError(Exception):
    """There is no browser here, or it did not show the page; the message says which."""


def read(url: str, name: str, address: str, *awaited: str) -> str:
    """Return the words that a browser shows, with single spaces between them; BrowserError when it cannot be read.

    `name` is the host name in the URL and `address` the server to ask, empty for where the name leads. Its certificate
    is not judged here. The browser hurries its own clock, which on a busy machine may run out before the page's scripts
    have done everything: a page without the awaited words is visited up to VISITS times, and the words of the last
    visit are returned.
    """
    for _ in range(VISITS):
        shown = _visit(url, name, address)
        if all(each in shown for each in awaited):
            break
    return shown


def _visit(url: str, name: str, address: str) -> str:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise BrowserError("en esta máquina no hay un navegador que lea la página; instale chromium")
    host = f"[{address}]" if ":" in address else address
    led = [f"--host-resolver-rules=MAP {name} {host}"] if address else []
    with tempfile.TemporaryDirectory(prefix="navegador-") as profile:
        command = [
            program, *QUIET, f"--user-data-dir={profile}", *led,
            "--ignore-certificate-errors", f"--virtual-time-budget={PATIENCE}", "--dump-dom",
            *(["--no-sandbox"] if os.geteuid() == 0 else []), url,
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise BrowserError(f"el navegador no terminó de leer {url} en {LIMIT:.0f} segundos") from None
    if done.returncode or not done.stdout.strip():
        raise BrowserError(f"el navegador no mostró {url} (terminó con {done.returncode})")
    return words(done.stdout, {"noscript"})


def read_without_scripts(url: str, get: Callable[[str], str]) -> str:
    """Return the words that a browser without JavaScript shows; `get` returns the HTML of a URL.

    Chromium cannot print a page whose scripts it does not run, so the refresh that such a page may ask for is followed
    here.
    """
    for _ in range(REFRESHES):
        parser = _Words(UNSEEN)
        parser.feed(html := get(url))
        if not parser.refresh:
            break
        url = urljoin(url, parser.refresh)
    return words(html)


def words(html: str, unseen: set[str] | None = None) -> str:
    """Return the words of a page without its markup, its scripts and the content of the elements in `unseen`."""
    parser = _Words(UNSEEN | (unseen or set()))
    parser.feed(html)
    parser.close()
    return " ".join(" ".join(parser.found).split())


class _Words(HTMLParser):
    def __init__(self, unseen: set[str]) -> None:
        super().__init__()
        self.unseen, self.inside, self.found, self.refresh = unseen, 0, list[str](), ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside += tag in self.unseen
        given = dict(attrs)
        if tag == "meta" and (given.get("http-equiv") or "").lower() == "refresh":
            self.refresh = (given.get("content") or "").partition("url=")[2].strip("'\" ")

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag in self.unseen and self.inside > 0

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.found.append(data)
