"""Steps that run side by side: they do run at the same time, and each failure is reported."""

from __future__ import annotations

from threading import Barrier
from typing import NoReturn

import pytest

from difusor.terminal import StepFailed, side_by_side


def test_works_are_done_at_the_same_time() -> None:
    meeting = Barrier(2, timeout=10)
    side_by_side(meeting.wait, meeting.wait)


def test_every_failure_is_told_once_all_have_ended() -> None:
    done = []

    def fail(sentence: str) -> NoReturn:
        raise StepFailed(sentence)

    with pytest.raises(StepFailed, match=r"\Auna\notra\Z"):
        side_by_side(lambda: fail("una"), lambda: fail("otra"), lambda: done.append("tercera"))
    assert done == ["tercera"]


def test_an_error_of_our_own_is_not_taken_for_a_failed_step() -> None:
    def fail() -> NoReturn:
        raise StepFailed("una")

    with pytest.raises(ZeroDivisionError):
        side_by_side(fail, lambda: 1 / 0)
