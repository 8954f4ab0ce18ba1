"""Asking as whoever slows down when told to: other tests ask the same server at the same time."""

from __future__ import annotations

from typing import Any

from testinfra.host import Host

from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

TOO_FAST = [429]
BATCH = 40
"""Requests that are sent at a time: fewer than the narrowest limit lets pass at once."""
LIMIT = 120.0
"""Seconds in which everything must have been answered."""


def send_patiently(vantage: Host, variables: dict[str, Any], texts: list[str]) -> list[dict[str, Any]]:
    """Send each text as rawhttp.send does, again while its only answer is that we ask too fast; return the others."""
    answers: dict[int, dict[str, Any]] = {}

    def ask() -> list[str]:
        pending = [number for number in range(len(texts)) if number not in answers][:BATCH]
        for number, answer in zip(pending, send(vantage, variables, [texts[each] for each in pending]), strict=True):
            if answer["statuses"] != TOO_FAST:
                answers[number] = answer
        return [text.partition("\r\n")[0] for number, text in enumerate(texts) if number not in answers]

    what = "el servidor responda a todo sin decir que se pide demasiado aprisa"
    until(ask, lambda unanswered: not unanswered, what=what, within=LIMIT)
    return [answers[number] for number in range(len(texts))]
