"""What fail2ban watches and counts, and who is never banned."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite import machine

Record = Callable[[object], None]
JAILS = {"sshd"}
ATTACKER, VICTIM = "192.0.2.66", "198.51.100.9"
# Start of a journal line as fail2ban reads it: host, identifier, process; the message follows.
SSHD = "difusor sshd[812]: "


@pytest.mark.clause("RED-03")
def test_fail2ban_watches_ssh_and_bans_nobody_for_requests(host: Host, record_evidence: Record) -> None:
    """El servidor vigila quién intenta entrar por SSH; por lo que se pide a la página no se bloquea a nadie."""
    status = host.check_output("fail2ban-client status")
    listed = re.search(r"Jail list:\s*(.*)", status)
    jails = set(re.split(r",\s*", listed[1])) if listed else set()
    table = host.run("nft list table inet prep-difusor").stdout  # which exists from the first ban on
    banning = [line.strip() for line in table.splitlines() if line.strip().endswith("drop")]
    record_evidence(f"fail2ban vigila: {', '.join(sorted(jails))}; {'; '.join(banning)}")
    assert host.service("fail2ban").is_running
    assert host.service("fail2ban").is_enabled
    assert jails >= JAILS
    assert not [jail for jail in jails if jail.startswith("prep-")]
    assert all("@addr-set-sshd" in line or "@addr6-set-sshd" in line for line in banning)


@pytest.mark.clause("RED-03")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{SSHD}Failed password for root from {ATTACKER} port 4711 ssh2", True),
        (f"{SSHD}Invalid user admin from {ATTACKER} port 4711", True),
        (f"{SSHD}Connection closed by authenticating user root {ATTACKER} port 4711 [preauth]", True),
        (f"{SSHD}Accepted publickey for prep from {VICTIM} port 4711 ssh2: ED25519 SHA256:x", False),
        (f"difusor otro[1]: sshd[812]: Failed password for root from {VICTIM} port 4711 ssh2", False),
    ],
)
def test_only_failed_logins_count(host: Host, line: str, expected: bool, record_evidence: Record) -> None:
    """Un intento fallido de entrar por SSH se cuenta; una entrada legítima, o lo que diga otro programa, no."""
    shown = host.run("fail2ban-regex --print-all-matched %s %s", line, "sshd[mode=aggressive]").stdout
    matched = "1 matched" in shown
    record_evidence(f"{'ataque' if matched else 'inofensivo'}: {line}")
    assert matched == expected


@pytest.mark.clause("RED-03")
def test_trusted_addresses_are_never_banned(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Las direcciones confiables del Instituto nunca se bloquean."""
    ignored = host.check_output("fail2ban-client get sshd ignoreip")
    record_evidence(ignored)
    trusted = variables["election_trusted_addresses"] + variables.get("difusor_trusted_addresses", [])
    missing = machine.uncovered(trusted, ignored.split())
    assert not missing, f"fail2ban bloquearía {', '.join(missing)}"
