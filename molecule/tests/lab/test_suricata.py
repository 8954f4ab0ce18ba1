"""The passive sensor (Suricata), off by default: it reports attacks, blocks nothing, and is removed completely."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Record = Callable[[object], None]
Site = Callable[..., str]
TAGS = ("--tags", "suricata")
RULE = 'reject http any any -> any any (msg:"marca"; http.uri; content:"%s"; sid:9000001;)\n'
LOOK = "0000000000002000"  # CAP_NET_RAW


def test_sensor_reports_an_attack_and_is_removed_completely(
    host: Host, untrusted: Host, site: Site, variables: dict[str, Any], tmp_path: Path, record_evidence: Record
) -> None:
    """El sensor avisa de un ataque y de quién viene sin estorbarlo; muerto, la página sigue; apagado, no queda nada."""
    if host.run("apt-get --simulate install suricata").failed:
        with pytest.raises(AssertionError, match="ya no tiene el paquete suricata"):
            site({"difusor_sensor": True}, *TAGS)
        return
    before, listening = _traces(host), _listeners(host)
    mark = hashlib.sha256(os.urandom(8)).hexdigest()[:16]
    wanted = {"difusor_sensor": True, "difusor_sensor_rules": _pinned(tmp_path / "marca.rules", RULE % mark)}
    try:
        with pytest.raises(AssertionError, match="rechazó la nueva configuración, volvió la anterior"):
            site({**wanted, "difusor_sensor_rules": _pinned(tmp_path / "mala.rules", "alert sin sentido\n")}, *TAGS)
        assert not host.service("suricata").is_running
        site(wanted, *TAGS)
        alerts, statuses = _attack(host, untrusted, variables, mark)
        assert _listeners(host) == listening
        process = host.check_output("cat /proc/$(systemctl show --property=MainPID --value suricata)/status")
        served = [_page(untrusted, variables)]
        for end in ("kill --signal=KILL", "stop"):
            host.check_output(f"systemctl {end} suricata.service")
            served.append(_page(untrusted, variables))
    finally:
        site({}, *TAGS)
    record_evidence(alerts)
    assert {alert["alert"]["signature"] for alert in alerts} >= {"marca", "SURICATA HTTP missing Host header"}
    assert {alert["src_ip"] for alert in alerts} <= set(untrusted.check_output("hostname -I").split())
    assert {alert["alert"]["action"] for alert in alerts} == {"allowed"}
    assert statuses == [400], "un visitante no recibió su respuesta"
    assert re.search(r"^Uid:\t[1-9]", process, re.MULTILINE)
    assert set(re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", process, re.MULTILINE)) == {LOOK}
    assert served == [[200]] * 3
    assert _traces(host) == before


def _pinned(path: Path, text: str) -> dict[str, str]:
    """Write rules to a file; return its path and SHA-256 as the inventory gives them."""
    path.write_text(text)
    return {"file": str(path), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _attack(host: Host, attacker: Host, variables: dict[str, Any], mark: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Send by plain HTTP what two rules match until the journal has both alerts; return them and the last statuses."""
    since, statuses = host.check_output("date +%s"), []
    journal = "journalctl --sync; journalctl --identifier=suricata_alert --since=@%s --output=cat"

    def attack() -> list[dict[str, Any]]:
        (answer,) = send(attacker, variables, [f"GET /?{mark} HTTP/1.1\r\nConnection: close\r\n\r\n"], port=80)
        statuses[:] = answer["statuses"]
        lines = host.check_output(journal, since).splitlines()
        return [alert for alert in map(json.loads, lines) if alert["dest_port"] == 80]

    told = until(attack, lambda alerts: len(alerts) >= 2, what="el sensor avise del ataque dos veces", every=1)
    return told, statuses


def _page(visitor: Host, variables: dict[str, Any]) -> list[int]:
    request = f"GET {variables['difusor_path']} HTTP/1.1\r\nHost: {variables['difusor_fqdn']}\r\nAccept: */*\r\n"
    statuses: list[int] = send(visitor, variables, [request + "Connection: close\r\n\r\n"])[0]["statuses"]
    return statuses


def _listeners(host: Host) -> set[str]:
    return set(host.check_output("ss -Hlntu | awk '{print $1, $5}'").splitlines())


def _traces(host: Host) -> list[str]:
    """Return what is left of Suricata: packages, configuration, files with its name."""
    named = "find /run /usr /var -xdev -iname '*suricata*' -not -path '/var/cache/*'"
    return host.check_output(f"dpkg-query --show; find /etc | sort; {named}").splitlines()
