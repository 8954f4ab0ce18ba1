"""The days of papers are compared with the place's and the election's, wherever and whenever it is measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from types import SimpleNamespace
from typing import Any

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


@pytest.mark.parametrize(("day", "counts"), [("2027-06-06", True), (None, True), ("2024-06-02", False)])
def test_a_notice_and_a_form_count_in_their_own_election(day: str | None, counts: bool) -> None:
    """Those of three years ago came long before the deadline of now; earlier versions wrote no day."""
    documents = load("server/test_documents.py")
    said = {"election_day": day} if day else {}
    contact = dict.fromkeys(("name", "phone", "mobile", "email"), "x") | {"email": "a@diario.mx"}
    variables: dict[str, Any] = {
        "election_place": "ribera", "election_environment": "official", "election_opens": "2027-06-06T20:00:00-07:00",
        "difusor_notice": {"kind": "medio de comunicación", "folio": "F/1", "received": "2024-05-02T12:00:00Z", **said},
        "difusor_name": "Diario", "difusor_fqdn": "www.diario.mx", "difusor_path": "/",
        "difusor_registration": {
            "site": "www.diario.mx", "link": "www.diario.mx", "logo": __file__, "technical_contact": contact,
            "legal_contact": contact, **said,
        },
    }  # fmt: skip
    wanted = {"items": 19, "logo_types": ["desconocido"]}
    for judge in (
        lambda: documents.notice.__wrapped__(variables),
        lambda: documents.test_registration(variables, lambda _: wanted, lambda _: None),
    ):
        try:
            judge()
            told = ""
        except AssertionError as failed:
            told = str(failed)
        assert ("es de otra elección, la del 2024-06-02, y esta es la del 2027-06-06" in told) is not counts
