"""The day of an agreement is compared with the day of the election's place, wherever it is measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from types import SimpleNamespace

import pytest
from suite_kit import load

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
NIGHT = datetime(2024, 6, 3, 2, tzinfo=UTC)
"""In UTC it is the third of June, in the place of the election still the second."""


@pytest.fixture
def decided() -> Callable[[date], None]:
    """Return what judges, that night, a waiver of this day by the suite's own test."""
    documents = load("server/test_documents.py")

    def now(zone: tzinfo) -> datetime:
        return NIGHT.astimezone(zone)

    documents.datetime = SimpleNamespace(now=now)

    def judge(day: date) -> None:
        waiver = {"clause": "HW-01", "reason": "r", "by": "Pleno", "agreement": "a", "expires": "2024-06-30"}
        variables = {"election_place": "ribera", "difusor_waivers": [{**waiver, "date": day.isoformat()}]}
        documents.test_what_is_excepted_was_decided(variables, lambda _: {"decided_by": "Pleno"}, lambda _: None)

    return judge


def test_an_agreement_of_today_is_there(decided: Callable[[date], None]) -> None:
    decided(date(2024, 6, 2))


def test_one_of_tomorrow_is_not_though_it_is_tomorrow_where_it_is_measured(decided: Callable[[date], None]) -> None:
    with pytest.raises(AssertionError, match="la fecha del acuerdo aún no llega: HW-01"):
        decided(date(2024, 6, 3))
