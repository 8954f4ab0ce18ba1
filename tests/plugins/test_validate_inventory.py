"""What a good inventory's run goes on with, and says: servers with one address, a certificate that ends too soon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from countdown_kit import host
from inventory_kit import Certificates
from plugin_kit import load

from corte.format import instants

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


@pytest.mark.parametrize(
    ("mode", "other", "is_told"),
    [
        ("acme", {"difusor_fqdn": "Prep.diario.mx", "difusor_tls_mode": "files"}, True),
        ("acme", {"difusor_fqdn": "dos.diario.mx", "difusor_aliases": ["www.prep.diario.mx", "189.240.1.8"]}, True),
        ("acme", {"difusor_fqdn": "dos.diario.mx", "difusor_aliases": [ADDRESS]}, False),
        ("acme", {}, False),
        ("files", {"difusor_fqdn": "prep.diario.mx"}, False),
    ],
)
def test_acme_is_told_where_another_server_may_be_asked_for_its_proof(
    mode: str, other: dict[str, Any], is_told: bool
) -> None:
    """The first run ended with certbot's own words: the authority had asked the other server, which had no answer."""
    own = {
        "difusor_fqdn": "prep.diario.mx",
        "difusor_aliases": ["www.prep.diario.mx", ADDRESS],
        "difusor_tls_mode": mode,
    }
    groups = {"difusores": ["web1", "web2", "web3"], "diario": ["web1", "web2"], "valle": ["web3"]}
    given = {"hostvars": {"web1": own, "web2": other, "web3": own}, "inventory_hostname": "web1", "groups": groups}
    said = load("action/validate_inventory.py")._proofs({**given, "group_names": ["diario", "difusores"]})
    expected = [
        "difusor_tls_mode: web1 y web2 tienen un mismo nombre y, con acme, la autoridad preguntaría a cualquiera"
    ]
    assert [each.partition(" de ellos")[0] for each in said] == expected * is_told


@pytest.mark.parametrize(("days", "is_told"), [(40, True), (90, False)])
@pytest.mark.parametrize("retained", [None, 60])
def test_a_delivered_certificate_that_ends_before_the_page_is_told_at_once(
    days: int, is_told: bool, retained: int | None, tmp_path: Path
) -> None:
    """The institute heard of it a day before the opening, when the outlet had to buy and deliver another one."""
    page, _ = Certificates().page(days=days)
    (tmp_path / "page.pem").write_bytes(page)
    until, close = (instants.write(instants.now() + timedelta(days=each)) for each in (60, 30 if retained else 60))
    dates = {"election_closes": close, "election_retain_until": until}
    delivered = {"tls_mode": "files", "tls_certificate": str(tmp_path / "page.pem"), "tls_key": str(tmp_path / "key")}
    server = host(**dates, **{f"difusor_{name}": value for name, value in delivered.items()})
    advice = load("action/validate_inventory.py")._advice
    told = [each for each in advice(server, lambda path: Path(path).read_bytes()) if "difusor_tls" in each]
    assert len(told) == is_told
    assert all("page.pem vence el" in each and "pida ya a su difusor otro que dure más" in each for each in told)
    assert not any("difusor_tls" in each for each in advice(server, None)), "a run that does not install it"
