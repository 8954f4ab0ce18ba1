"""`until`, with which tests wait for an event."""

from __future__ import annotations

import pytest

from difusor.suite import waiting
from difusor.suite.waiting import SHOWN, until


def test_an_event_is_returned_as_soon_as_it_is_seen() -> None:
    seen = iter([0, 1, 2, 3])
    assert until(lambda: next(seen), lambda number: number >= 2, what="llegue el dos", every=0) == 2
    assert next(seen) == 3


def test_what_does_not_come_says_what_was_awaited_and_seen() -> None:
    with pytest.raises(AssertionError, match=r"^no ocurrió que abra, en 0\.\d s; lo último que se vio: 503$"):
        until(lambda: 503, lambda status: status == 200, what="abra", within=0.01, every=0)


def test_it_is_looked_for_once_at_least() -> None:
    assert until(lambda: "ya", what="ocurra", within=0) == "ya"


def test_an_error_that_was_expected_is_one_more_thing_seen() -> None:
    answers = iter([ConnectionError("cerrado"), None])

    def look() -> bool:
        if error := next(answers):
            raise error
        return True

    assert until(look, what="responda", every=0, despite=(ConnectionError,))
    with pytest.raises(AssertionError, match="ConnectionError"):
        until(lambda: (_ for _ in ()).throw(ConnectionError()), what="x", within=0, despite=(ConnectionError,))
    with pytest.raises(ZeroDivisionError):
        until(lambda: 1 / 0, what="x", despite=(ConnectionError,))


def test_the_longer_it_waits_the_less_often_it_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only the pauses move shows how many looks a wait takes, and how late it sees the event."""
    now, looks = 0.0, 0

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds

    def look() -> bool:
        nonlocal looks
        looks += 1
        return now >= 30

    monkeypatch.setattr(waiting.time, "monotonic", lambda: now)
    monkeypatch.setattr(waiting.time, "sleep", pause)
    until(look, what="pase medio minuto")
    assert looks < 60
    assert 30 <= now <= 31


def test_of_a_long_log_the_end_is_shown() -> None:
    with pytest.raises(AssertionError) as failure:
        until(lambda: "a" * SHOWN + "causa", lambda log: False, what="x", within=0)
    assert str(failure.value).endswith("causa")
    assert len(str(failure.value)) < SHOWN + 100
