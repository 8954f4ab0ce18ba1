"""Intrusion prevention (fail2ban): what it watches, which log lines count as attacks, and who is never banned."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Record = Callable[[object], None]
JAILS = {"sshd", "prep-limits", "prep-scanners", "prep-waf"}
ATTACKER, VICTIM = "192.0.2.66", "198.51.100.9"
# Start of a journal line as fail2ban reads it: host, identifier, process; the message follows.
REFUSED = "difusor nginx_refused[812]: "


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
        ("prep-waf", f"{REFUSED}{ATTACKER} waf", True),
        ("prep-waf", f"{REFUSED}{ATTACKER} limit", False),
        ("prep-waf", f"{REFUSED}{ATTACKER} x {VICTIM} waf", False),
        ("prep-waf", f"difusor otro[1]: nginx_refused[812]: {VICTIM} waf", False),
        ("prep-scanners", f"{REFUSED}{ATTACKER} scanner", True),
        ("prep-scanners", f"{REFUSED}{ATTACKER} waf", False),
        ("prep-limits", f"{REFUSED}{ATTACKER} limit", True),
        ("prep-limits", f"{REFUSED}{ATTACKER} method", False),
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


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-03")
def test_what_is_refused_is_told(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """De lo que rechaza, nginx dice al vigilante, y a nadie más, la causa y la dirección verdadera, sin texto ajeno."""
    name, base = variables["difusor_fqdn"], variables["difusor_path"]
    since = host.check_output("date +%s")
    paths = ["x/wp-login.php", "?q=%3Cscript%3Ealert(1)%3C/script%3E"]
    lines = [f"GET {base}{path} HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\nConnection: close\r\n\r\n" for path in paths]
    if [503] in [answer["statuses"] for answer in send(host, variables, lines)]:
        pytest.skip("la compuerta está cerrada: todo recibe el aviso de espera")
    # nginx logs a request after it has answered it, so the line may come later.
    journal = "journalctl --sync && journalctl --since=@%s --identifier=nginx_refused --output=cat"
    told = until(
        lambda: host.check_output(journal, since).splitlines(),
        lambda lines: {"127.0.0.1 scanner", "127.0.0.1 waf"} <= set(lines),
        what="nginx diga al vigilante lo que rechazó",
    )
    # Files of rsyslog, where it is installed, must not get these lines: only the journal limits their number.
    logs = "/var/log/syslog /var/log/messages /var/log/daemon.log"
    copies = host.run(f"grep --files-with-matches --no-messages nginx_refused {logs}").stdout
    record_evidence(sorted(set(told)))
    assert not copies
    assert all(re.fullmatch(r"[0-9a-f.:]+ (?:waf|limit|method|scanner)", line) for line in told)


@pytest.mark.clause("RED-03")
def test_trusted_addresses_are_never_banned(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Las direcciones confiables del Instituto nunca se bloquean."""
    ignored = host.check_output("fail2ban-client get sshd ignoreip")
    record_evidence(ignored)
    for address in variables["election_trusted_addresses"] + variables.get("difusor_trusted_addresses", []):
        assert address in ignored
