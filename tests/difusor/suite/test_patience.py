"""Requests in batches, which wait only where the server asks for it; and a sample of a corte's names."""

from __future__ import annotations

from typing import Any

import pytest
from suite_kit import load

from difusor.suite.waiting import TooSlow

Answers = list[dict[str, Any]]


def test_batches_follow_each_other_until_one_came_too_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = load("patience.py")
    sent: list[list[str]] = []

    def send(_host: object, _variables: object, texts: list[str]) -> Answers:
        sent.append(texts)
        return [{"statuses": [429] if len(sent) == 3 and text == texts[-1] else [200]} for text in texts]

    monkeypatch.setattr(patience, "send", send)
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    texts = [f"GET /{number}" for number in range(5 * patience.BATCH)]
    answers = patience.send_patiently(None, {}, texts)
    assert [answer["statuses"] for answer in answers] == [[200]] * len(texts)
    assert list(map(len, sent)) == [patience.BATCH] * 5 + [1]


def test_a_server_that_keeps_its_pace_fails_no_clause(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = load("patience.py")
    monkeypatch.setattr(patience, "LIMIT", 0.0)
    monkeypatch.setattr(patience, "EACH", 0.01)
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    monkeypatch.setattr(patience, "send", lambda _host, _variables, texts: [{"statuses": [429]} for _ in texts])
    with pytest.raises(TooSlow, match=r"^no ocurrió que el servidor responda a todo"):
        patience.send_patiently(None, {}, ["GET / HTTP/1.1\r\n\r\n"])


def test_the_time_grows_with_the_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = load("patience.py")
    allowed = []
    monkeypatch.setattr(patience, "until", lambda ask, _holds, **given: allowed.append(given["within"]) or ask())
    monkeypatch.setattr(patience, "send", lambda _host, _variables, texts: [{"statuses": [200]} for _ in texts])
    patience.send_patiently(None, {}, ["GET /"] * 15_500)
    assert allowed[0] > 15_500 / 20, "the WAF takes 20 a second"


def test_the_sample_has_every_kind() -> None:
    patience = load("patience.py")
    actas = [f"actas/{district:02}/{number}.jpg" for district in range(12) for number in range(600)]
    others = ["", "index.html", "datos/corte.json", "datos/a/b.csv", "descargas/todo.csv"]
    found = patience.one_of_each_kind([*others, *actas])
    assert set(others) < set(found)
    assert patience.DRAWN <= len(found) <= patience.DRAWN + len(others) + 1
    assert found == sorted(found, key=[*others, *actas].index)
    assert patience.one_of_each_kind(others) == others
