"""What of a server ends before its page does."""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from plugin_kit import load

from difusor.project import ROOT
from difusor.servers import lasting

UNTIL = "2027-06-06T22:00:00-06:00"


def told(until: str = UNTIL, **given: Any) -> list[str]:
    """Return of what is told; nothing where nothing is given."""
    known: dict[str, Any] = {"release": "Ubuntu 24.04", "supported": "", "without_updates": 0}
    known |= {"accounts": {}, "user": "operador", "institutes": "ieo"}
    return [name for _, names in lasting.rows(until, **{**known, **given}) for name in names]


@pytest.mark.parametrize(
    ("shut", "named"),
    [
        ({}, []),
        ({"operador": "2027-05-31"}, ["operador (2027-05-31)"]),
        ({"operador": "2027-06-07"}, ["operador (2027-06-07)"]),  # in UTC the page ends on that day
        ({"operador": "2027-06-08", "otra": "2027-01-01"}, []),
        ({"ieo": "2027-05-31"}, ["ieo (2027-05-31; la instalación lo quita)"]),
    ],
)
def test_an_account_that_is_shut_before_the_page_ends_is_told(shut: dict[str, str], named: list[str]) -> None:
    """A run in April logs in with it; one on the night would be refused."""
    assert told(accounts=shut) == named


@pytest.mark.parametrize(
    ("distribution", "version", "named"),
    [("Ubuntu", "22.04", ["Ubuntu 22.04 (2027-06-01)"]), ("Ubuntu", "24.04", []), ("Debian", "12", [])],
)
def test_a_release_whose_updates_end_before_the_page_is_told(distribution: str, version: str, named: list[str]) -> None:
    """The call may recommend it: its clauses are met, and no update comes any more."""
    supported = role_kit.value("preflight", "preflight_supported_until", {})[distribution][version]
    assert told(release=f"{distribution} {version}", supported=supported) == named


def test_of_every_release_that_is_supported_the_end_is_known() -> None:
    ends = role_kit.value("preflight", "preflight_supported_until", {})
    releases = role_kit.value("preflight", "preflight_releases", {})
    assert {name: [*versions] for name, versions in ends.items()} == releases
    for day in (day for versions in ends.values() for day in versions.values()):
        assert str(date.fromisoformat(day)) == day


@pytest.mark.parametrize("until", ["", UNTIL])
@pytest.mark.parametrize(("days", "named"), [(0, []), (7, []), (12, ["la última vez, hace 12 días"])])
def test_updates_that_stopped_are_told(until: str, days: int, named: list[str]) -> None:
    assert told(until, without_updates=days) == named


def test_a_server_is_without_updates_since_the_older_of_both_parts_of_the_work(tmp_path: Path) -> None:
    """Lists that are fetched and from which nothing is installed are of no use."""
    count, stamps = load("module_utils/probe/dpkg.py").days_without_updates, [tmp_path / "update", tmp_path / "upgrade"]
    assert count(stamps) == 0, "the timers have not done anything yet"
    for stamp, days in zip(stamps, (0, 12), strict=True):
        stamp.touch()
        os.utime(stamp, (0, time.time() - days * 86400 - 60))
    assert count(stamps) == 12
    os.utime(stamps[1], (0, time.time() + 86400))
    assert count(stamps) == 0


@pytest.mark.parametrize("until", ["", "por definir", "2027-06-06T22:00:00"])
def test_nothing_is_told_while_no_end_is_known(until: str) -> None:
    assert told(until, accounts={"operador": "2027-05-31"}, supported="2020-01-01") == []


@pytest.mark.parametrize(
    ("variables", "until"),
    [
        ({}, ""),
        ({"election_closes": UNTIL}, UNTIL),
        ({"election_closes": UNTIL, "election_retain_until": ""}, UNTIL),
        ({"election_closes": UNTIL, "election_retain_until": "2027-06-30T00:00:00Z"}, "2027-06-30T00:00:00Z"),
    ],
)
def test_the_page_ends_when_its_retention_does(variables: dict[str, Any], until: str) -> None:
    wired = yaml.safe_load((ROOT / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))["preflight_until"]
    assert Templar(loader=DataLoader(), variables=variables).template(trust_as_template(wired)) == until
