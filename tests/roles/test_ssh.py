"""What sshd is told, by the server's OpenSSH."""

from __future__ import annotations

import pytest
from role_kit import render, value

from difusor.servers.neighbours import Neighbours
from difusor.servers.sshd import LIMIT, overridden

DROP_IN = "etc/ssh/sshd_config.d/00-prep-difusor.conf"
EXEMPT = "PerSourcePenaltyExemptList 10.9.0.4,fd00:9::/64"


@pytest.mark.parametrize(
    ("version", "addresses", "is_there"),
    [
        ("1:10.0p1-7+deb13u4", ["10.9.0.4", "fd00:9::/64"], True),
        ("1:9.6p1-3ubuntu13", ["10.9.0.4", "fd00:9::/64"], False),  # it would not start with an option it does not know
        ("1:10.0p1-7+deb13u4", [], False),  # nor with an empty list
    ],
    ids=["since-9.8", "before-9.8", "nobody"],
)
def test_sshd_penalises_no_trusted_address(version: str, addresses: list[str], is_there: bool) -> None:
    facts = {"packages": {"openssh-server": version}, "ssh_host_key_rsa_public": ""}
    text = render("ssh", DROP_IN, {"ansible_facts": facts, "ssh_trusted_addresses": addresses})
    assert (EXEMPT in text.splitlines()) is is_there
    assert ("PerSourcePenalty" in text) is is_there


@pytest.mark.parametrize(
    ("addresses", "exempt"),
    [
        (["10.9.0.4", "10.0.0.0/8", "fd00:9::/64"], ",::ffff:10.9.0.4/128,::ffff:10.0.0.0/104"),
        (["fd00:9::/64"], ""),
    ],
    ids=["both", "ipv6"],
)
def test_addresses_of_ipv4_are_told_apart_at_a_socket_for_both_families(addresses: list[str], exempt: str) -> None:
    """One trusted host's failed logins shut out all of IPv4: through Debian's ssh.socket it is one /64."""
    facts = {"packages": {"openssh-server": "1:10.0p1-7+deb13u4"}, "ssh_host_key_rsa_public": ""}
    values = {"ansible_facts": {**facts, "dual_stack_ports": [22, 80]}, "ssh_trusted_addresses": addresses}
    lines = render("ssh", DROP_IN, values).splitlines()
    assert "PerSourceNetBlockSize 32:128" in lines
    assert f"PerSourcePenaltyExemptList {','.join(addresses)}{exempt}" in lines


@pytest.mark.parametrize(("version", "is_there"), [("1:8.4p1-5+deb11u5", False), ("1:8.9p1-3ubuntu0.13", True)])
def test_the_addresses_of_one_ipv6_host_count_as_one_source(version: str, is_there: bool) -> None:
    """Ten silent connections from each of three addresses of a /64 kept everybody else out."""
    facts = {"packages": {"openssh-server": version}, "ssh_host_key_rsa_public": ""}
    lines = render("ssh", DROP_IN, {"ansible_facts": facts, "ssh_trusted_addresses": []}).splitlines()
    assert ("PerSourceMaxStartups 10" in lines) is is_there
    assert ("PerSourceNetBlockSize 32:64" in lines) is is_there


@pytest.mark.parametrize(("said", "admits"), [(False, False), ("false", False), ("true", True)])
def test_older_clients_are_admitted_only_where_it_is_said(said: bool | str, admits: bool) -> None:
    """What `-e` gives is a text."""
    facts = {"packages": {"openssh-server": "1:9.2p1-2+deb12u3"}, "ssh_host_key_rsa_public": ""}
    inputs = {"ansible_facts": facts, "ssh_trusted_addresses": [], "ssh_classic_key_exchange": said}
    assert ("curve25519-sha256," in render("ssh", DROP_IN, inputs)) is admits


@pytest.mark.parametrize("is_dual", [True, False])
def test_the_preflight_lets_pass_what_the_role_itself_writes(is_dual: bool) -> None:
    """It refuses other values of the owner's, which sshd would take instead."""
    facts = {"packages": {"openssh-server": "1:9.2p1-2+deb12u3"}, "dual_stack_ports": [22] if is_dual else []}
    lines = render("ssh", DROP_IN, {"ansible_facts": facts, "ssh_trusted_addresses": []}).splitlines()
    said = {name: next(line for line in lines if line.startswith(written)) for name, written in LIMIT.items()}
    values = {name: line.split()[1] for name, line in said.items()}
    found = Neighbours(overriding=values, places={name: ["/etc/ssh/sshd_config:7"] for name in values})
    assert list(overridden(found, is_dual=is_dual)) == []
    assert len(list(overridden(found, is_dual=not is_dual))) == 1


def test_an_openssh_whose_update_is_half_way_has_a_version_too() -> None:
    """Without it the run would end in the middle, after others have changed the server."""
    facts = {"packages": {}, "packages_half_way": {"openssh-server": "1:9.6p1-3ubuntu13"}}
    assert value("ssh", "_ssh_version", {"ansible_facts": facts}) == "9.6"
    facts = {"packages": {}, "packages_half_way": {"passwd": "1:4.13+dfsg1-1"}}
    assert value("accounts", "_accounts_shadow_version", {"ansible_facts": facts}) == "4.13"


@pytest.mark.parametrize(("key", "user", "opens"), [("ssh-ed25519 A", "instituto", True), ("", "instituto", False)])
def test_one_more_key_opens_the_institutes_account_only_where_it_is_given(key: str, user: str, opens: bool) -> None:
    facts = {"packages": {"openssh-server": "1:9.2p1-2+deb12u3"}, "ssh_host_key_rsa_public": ""}
    given = {"ansible_facts": facts, "ssh_trusted_addresses": [], "ssh_break_glass_key": key, "ssh_admin_user": user}
    lines = render("ssh", DROP_IN, given).splitlines()
    assert (f"Match User {user}" in lines) is opens
    assert any("/etc/ssh/prep-break-glass" in line.split() for line in lines) is opens
    assert render("ssh", "etc/ssh/prep-break-glass", {**given, "ansible_managed": "x"}) == f"# x\n{key}\n" * opens
