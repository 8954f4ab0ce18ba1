"""For bench/crowd: one real browser, which reads the page from the crowd's own address."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from difusor.lab.hosts import Hosts
from difusor.papers.dates import day
from difusor.suite import browser

RELAY = Path(__file__).with_name("relay.py")


class Visit(NamedTuple):
    """What a browser got: milliseconds to its last byte, and what it lacked, empty when the page was complete."""

    milliseconds: float | None
    lacked: str


class Chromium:
    """A browser on this machine that asks through the citizens' host, from the address `source`."""

    def __init__(self, hosts: Hosts, server: str, source: str) -> None:
        """Start what passes its connections on."""
        self.entrance = hosts.address("ciudadano")
        self.relay = hosts.start("ciudadano", server, source, source=RELAY)

    def visit(self, name: str, awaited: Sequence[str]) -> Visit:
        """Read the page once; it is complete when it shows the words `awaited`.

        Its time begins with its first connection: what Chromium itself needs to start is not counted. A page that it
        had to visit again took all that time.
        """
        try:
            shown = browser.read(f"https://{name}/", name, self.entrance, *awaited)
            lacked = ", ".join(each for each in awaited if each not in shown)
        except browser.BrowserError as error:
            lacked = str(error)
        took = json.loads(self.relay.communicate()[0])
        return Visit(took and 1000 * took, lacked)


def spoken(tree: Path, offset: timedelta) -> tuple[str, str]:
    """Return the day and the hour of a corte (its folder) as the page shows them."""
    corte = datetime.fromisoformat(json.loads((tree / "datos/corte.json").read_text(encoding="utf-8"))["corte"])
    local = corte.astimezone(timezone(offset))
    return day(local.date()), f"{local:%H:%M}"
