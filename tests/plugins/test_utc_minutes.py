"""The filter that tells roles how far a place's clocks are from UTC."""

from __future__ import annotations

import pytest
from plugin_kit import load


@pytest.mark.parametrize(
    ("opens", "minutes"),
    [("2027-06-06T19:00:00-07:00", -420), ("2027-11-08T02:00:00Z", -480)],
    ids=["summer", "winter"],
)
def test_the_difference_is_that_of_the_instant(opens: str, minutes: int) -> None:
    assert load("filter/utc_minutes.py").FilterModule().filters()["utc_minutes"]("ribera", opens) == minutes
