"""Asks again where that is refused for a moment only: requests that come too fast, an engine that is busy."""

from __future__ import annotations

import random
import time
from pathlib import PurePosixPath
from typing import Any

from testinfra.host import Host

from difusor.servers.rawhttp import send
from difusor.suite.waiting import TooSlow, until

TOO_FAST = [429]
BATCH = 40
"""Requests that are sent at a time: fewer than the burst of the narrowest limit."""
PAUSE = 0.5
"""Seconds at least after «too fast»: sooner, the narrowest limit would let one or two of a batch through."""
DRAWN = 200
"""How many of a corte's names are drawn by lot where each takes its share of a narrow limit."""
LIMIT, EACH = 120.0, 0.2
"""Seconds within which every request must be answered, and for each request so many more."""


def send_patiently(vantage: Host, variables: dict[str, Any], texts: list[str]) -> list[dict[str, Any]]:
    """Send texts with rawhttp.send, again those answered only with «too fast»; return the other answer of each.

    TooSlow when the time is over: that the server kept its pace, or is slow, says nothing of what it would answer.
    """
    answers: dict[int, dict[str, Any]] = {}
    within = LIMIT + EACH * len(texts)
    deadline = time.monotonic() + within

    def ask() -> list[str]:
        """Send batch after batch until one came too fast."""
        is_too_fast = False
        while not is_too_fast and time.monotonic() < deadline:
            pending = [number for number in range(len(texts)) if number not in answers][:BATCH]
            if not pending:
                break
            found = send(vantage, variables, [texts[each] for each in pending])
            for number, answer in zip(pending, found, strict=True):
                if answer["statuses"] == TOO_FAST:
                    is_too_fast = True
                else:
                    answers[number] = answer
        return [text.partition("\r\n")[0] for number, text in enumerate(texts) if number not in answers]

    what = "el servidor responda a todo sin decir que se pide demasiado aprisa"
    try:
        until(ask, lambda unanswered: not unanswered, what=what, within=within, every=PAUSE)
    except AssertionError as error:
        raise TooSlow(str(error)) from None
    return [answers[number] for number in range(len(texts))]


def one_of_each_kind(paths: list[str], drawn: int = DRAWN) -> list[str]:
    """Return one path of each top folder and file type, and some more drawn by lot, in the order of `paths`.

    The names of a kind differ in numbers only, and of a night's images there are thousands.
    """
    kinds = {(path.rpartition("/")[0].partition("/")[0], PurePosixPath(path).suffix): path for path in reversed(paths)}
    lot = random.SystemRandom().sample(paths, min(drawn, len(paths)))
    chosen = {*kinds.values(), *lot}
    return [path for path in paths if path in chosen]


def pausing(container: str) -> str:
    """Return a command that pauses a container.

    The engine of Debian 11 cannot while a program of the container's is being started, such as the check of its health
    («unable to freeze»); a moment later it can.
    """
    return " || ".join([f"docker pause {container}"] * 5)
