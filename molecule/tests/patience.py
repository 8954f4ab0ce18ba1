"""Requests that slow down when the server asks for it, because other tests use the same server at the same time."""

from __future__ import annotations

from typing import Any

from testinfra.host import Host

from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

TOO_FAST = [429]
BATCH = 40
"""Requests that are sent at a time: fewer than the burst of the narrowest limit."""
LIMIT = 120.0
"""Seconds within which every request must be answered."""


def send_patiently(vantage: Host, variables: dict[str, Any], texts: list[str]) -> list[dict[str, Any]]:
    """Send texts with rawhttp.send, again those answered only with «too fast»; return the other answer of each."""
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
