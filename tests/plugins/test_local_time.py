"""The filter that tells messages an instant by a place's clocks."""

from __future__ import annotations

from plugin_kit import load


def test_an_instant_is_told_by_the_clocks_of_the_place() -> None:
    told = load("filter/local_time.py").FilterModule().filters()["local_time"]
    assert told("ribera", "2024-06-04T02:00:00Z") == "03/06/2024 19:00:00 PDT"
    assert told("ribera", "2024-12-03T20:00:00-06:00") == "03/12/2024 18:00:00 PST"
    assert told("ninguno", "2024-06-04T02:00:00Z") == "2024-06-04T02:00:00Z"
    assert told("ribera", "mañana") == "mañana"
