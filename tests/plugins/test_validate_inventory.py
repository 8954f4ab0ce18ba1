"""Two servers of a difusor with one public address: the run goes on, and says what the dictamen could not tell."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_kit import load

ADDRESS = "189.240.1.7"


def told(servers: dict[str, Any], groups: dict[str, list[str]], name: str = "web1") -> list[str]:
    hostvars = {each: {"difusor_public_address": address} for each, address in servers.items()}
    own = [group for group, members in groups.items() if name in members]
    given = {"hostvars": hostvars, "inventory_hostname": name, "group_names": own, "groups": groups}
    return list(load("action/validate_inventory.py")._shared(given))


def test_servers_that_share_their_address_are_told_what_to_write() -> None:
    groups = {"difusores": ["web1", "web2", "web3"], "diario": ["web1", "web2", "web3"]}
    (said,) = told({"web1": "2001:db8::7", "web2": "2001:DB8:0::7", "web3": ADDRESS}, groups)
    assert said.startswith("web1 y web2 tienen la misma difusor_public_address")
    assert "escriba en hosts.yml la de cada servidor" in said


@pytest.mark.parametrize(
    "groups",
    [
        {"difusores": ["web1"], "diario": ["web1"]},
        {
            "difusores": ["web1", "web2"],
            "diario": ["web1"],
            "valle": ["web2"],
        },  # another difusor's mistake, if it is one
    ],
)
def test_a_server_alone_shares_nothing(groups: dict[str, list[str]]) -> None:
    assert told({"web1": ADDRESS, "web2": ADDRESS}, groups) == []


def test_a_server_without_an_address_shares_nothing() -> None:
    groups = {"difusores": ["web1", "web2"], "diario": ["web1", "web2"]}
    assert told({"web1": "", "web2": ""}, groups) == told({"web1": "cambiame", "web2": "cambiame"}, groups) == []
