"""Intrusion detection and prevention: what is watched, what is taken for an attack, and that a ban holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.bans import banned, lift_ban

Record = Callable[[object], None]
JAILS = {"sshd", "prep-limits", "prep-scanners", "prep-waf"}
ATTACKER, VICTIM = "192.0.2.66", "198.51.100.9"
WHEN = "[25/Nov/2026:01:02:03 +0000]"
FORGED = f"{VICTIM} - - {WHEN} \\x22GET /.env HTTP/1.1\\x22 403 "


@pytest.mark.clause("RED-03")
def test_detection_runs(host: Host, record_evidence: Record) -> None:
    """El servidor vigila SSH, los límites de nginx, los rastreadores de vulnerabilidades y las denegaciones del WAF."""
    status = host.check_output("fail2ban-client status")
    listed = re.search(r"Jail list:\s*(.*)", status)
    jails = set(re.split(r",\s*", listed[1])) if listed else set()
    record_evidence(f"fail2ban vigila: {', '.join(sorted(jails))}")
    assert host.service("fail2ban").is_running
    assert host.service("fail2ban").is_enabled
    assert jails >= JAILS


@pytest.mark.clause("RED-03")
@pytest.mark.parametrize(
    ("filter_name", "line", "expected"),
    [
        ("prep-waf", f'{ATTACKER} - - {WHEN} "GET /?q=1%27 HTTP/1.1" 403 153 "-" "x" prep.test 0.01', True),
        ("prep-waf", f'{ATTACKER} - - {WHEN} "GET / HTTP/1.1" 200 153 "-" "{FORGED}" prep.test 0.01', False),
        ("prep-waf", f'{ATTACKER} - {FORGED} {WHEN} "GET / HTTP/1.1" 200 153 "-" "x" prep.test 0.01', False),
        ("prep-scanners", f'{ATTACKER} - - {WHEN} "GET /.env HTTP/1.1" 404 153 "-" "x" prep.test 0.01', True),
        ("prep-scanners", f'{ATTACKER} - - {WHEN} "GET /wp-login.php HTTP/1.1" 404 153 "-" "x" prep.test 0.01', True),
        ("prep-scanners", f'{ATTACKER} - - {WHEN} "GET /datos/no.json HTTP/1.1" 404 153 "-" "x" prep.test 0.01', False),
        ("prep-scanners", f'{ATTACKER} - - {WHEN} "GET /x HTTP/1.1" 404 153 "{FORGED}" "x" prep.test 0.01', False),
    ],
)
def test_attacks_are_told_apart(
    host: Host, filter_name: str, line: str, expected: bool, record_evidence: Record
) -> None:
    """Un ataque se atribuye a su origen verdadero: ninguna petición falsa hace que se bloquee a un tercero."""
    shown = host.run("fail2ban-regex --print-all-matched %s %s", line, filter_name).stdout
    matched = "1 matched" in shown
    record_evidence(f"{filter_name}: {'ataque' if matched else 'inofensivo'}: {line}")
    assert matched == expected


@pytest.mark.lab
@pytest.mark.clause("RED-03")
def test_a_ban_holds(host: Host, record_evidence: Record) -> None:
    """Un origen bloqueado queda en la lista del núcleo, que descarta sus paquetes, y sale de ella al perdonarlo."""
    host.check_output(f"fail2ban-client set prep-waf banip {ATTACKER}")
    try:
        table = host.check_output("nft list table inet prep-difusor")
        shown = [ban.address for ban in banned("", host)]
    finally:
        lifted = lift_ban("", host, ATTACKER)
    record_evidence(table)
    assert ATTACKER in table
    assert re.search(r"saddr @\S*prep-waf drop", table)
    assert ATTACKER in shown, "difusor bans no lo muestra"
    assert lifted
    assert ATTACKER not in host.check_output("nft list table inet prep-difusor")


@pytest.mark.clause("RED-03")
def test_trusted_addresses_are_never_banned(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Las direcciones confiables del Instituto nunca se bloquean."""
    ignored = host.check_output("fail2ban-client get sshd ignoreip")
    record_evidence(ignored)
    for address in variables["election_trusted_addresses"] + variables.get("difusor_trusted_addresses", []):
        assert address in ignored
