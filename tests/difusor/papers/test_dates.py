"""Dates and instants in words."""

from __future__ import annotations

from datetime import date

import pytest

from difusor.papers import dates


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("2024-06-02T19:41:05-06:00", "2 de junio de 2024, 19:41:05 (UTC−6)"),
        ("2024-06-03T01:41:05+00:00", "3 de junio de 2024, 01:41:05 (UTC)"),
        ("2024-01-01T05:30:00+05:30", "1 de enero de 2024, 05:30:00 (UTC+5:30)"),
        ("2024-01-01T05:30:00-03:30", "1 de enero de 2024, 05:30:00 (UTC−3:30)"),
    ],
)
def test_instants_are_written_in_words(text: str, spoken: str) -> None:
    assert dates.instant(text) == spoken


def test_days_are_written_in_words() -> None:
    assert dates.day(date(2027, 9, 1)) == "1 de septiembre de 2027"
