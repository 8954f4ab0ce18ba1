"""What of a server ends before its page does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from difusor.project import ROOT
from difusor.servers import lasting

UNTIL = "2027-06-06T22:00:00-06:00"


def accounts(until: str = UNTIL, **shut: str) -> list[str]:
    return [name for _, names in lasting.rows(until, accounts=shut, user="operador", institutes="ieo") for name in names]


@pytest.mark.parametrize(
    ("shut", "told"),
    [
        ({}, []),
        ({"operador": "2027-05-31"}, ["operador (2027-05-31)"]),
        ({"operador": "2027-06-07"}, ["operador (2027-06-07)"]),  # the page ends at four in the morning of that day, UTC
        ({"operador": "2027-06-08", "otra": "2027-01-01"}, []),
        ({"ieo": "2027-05-31"}, ["ieo (2027-05-31; la instalación lo quita)"]),
    ],
)
def test_an_account_that_is_shut_before_the_page_ends_is_told(shut: dict[str, str], told: list[str]) -> None:
    """A run in April logs in with it; one on the night would be refused."""
    assert accounts(**shut) == told


@pytest.mark.parametrize("until", ["", "por definir", "2027-06-06T22:00:00"])
def test_nothing_is_told_while_no_end_is_known(until: str) -> None:
    assert accounts(until, operador="2027-05-31") == []


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
