"""The firewall's rules in the kernel; outside/test_network.py tests from outside which ports answer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.countdown.look import admitted
from difusor.spec import Spec

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
COMMANDS = ["iptables", "ip6tables"]


def rules(host: Host, command: str, chain: str) -> list[str]:
    """Return the kernel's rules of a chain, as `iptables -S` prints them."""
    lines: list[str] = host.check_output(f"{command} -S {chain}").splitlines()
    return lines


@pytest.mark.clause("RED-03", "RED-04")
@pytest.mark.parametrize("command", COMMANDS)
def test_everything_else_is_denied(host: Host, command: str, record_evidence: Record) -> None:
    """El núcleo descarta toda conexión entrante o en tránsito que ninguna regla admita."""
    found = [rules(host, command, chain)[0] for chain in ("INPUT", "FORWARD")]
    record_evidence(f"{command}: {'; '.join(found)}")
    assert found == ["-P INPUT DROP", "-P FORWARD DROP"]


@pytest.mark.clause("RED-03", "RED-04")
def test_firewall_starts_with_the_server(host: Host, record_evidence: Record) -> None:
    """El cortafuegos se pone en vigor al arrancar el servidor, antes que la red."""
    shown = host.check_output("systemctl show ufw.service -p UnitFileState -p Before")
    unit = dict(line.split("=", 1) for line in shown.splitlines())
    enabled = re.search(r"(?m)^ENABLED=.*$", host.file("/etc/ufw/ufw.conf").content_string)
    record_evidence(f"{unit}; {enabled and enabled[0]}")
    assert enabled is not None
    assert enabled[0] == "ENABLED=yes"
    assert unit["UnitFileState"] == "enabled"
    assert {"network-pre.target", "network.target"} & set(unit["Before"].split())


@pytest.mark.clause("RED-04")
@pytest.mark.parametrize("command", COMMANDS)
def test_only_trusted_sources_reach_the_closed_ports(
    host: Host, command: str, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Quien llega a SSH o a rsync es una dirección confiable vigente, por cualquier regla de cualquier cadena."""
    trusted = {
        ipaddress.ip_network(each)
        for each in variables["election_trusted_addresses"] + variables.get("difusor_trusted_addresses", [])
    }
    closed = set(expect("RED-04")["ports"])
    for ports, source in admitted(host.check_output(f"{command} -S")):
        if not ports or _range(ports) & closed:
            record_evidence(f"{command}: {ports or 'todos los puertos'} desde {source or 'cualquiera'}")
            assert source, f"admite a cualquiera en {ports or 'todos los puertos'}"
            assert ipaddress.ip_network(source) in trusted, f"admite a quien ya no es confiable: {source}"


@pytest.mark.clause("RED-03")
@pytest.mark.parametrize("command", COMMANDS)
def test_web_is_admitted_from_anywhere_within_limits(
    host: Host, command: str, expect: Expect, record_evidence: Record
) -> None:
    """Los puertos web admiten a cualquiera; el núcleo limita las conexiones que un origen abre y completa."""
    chain = "ufw6-user-input" if command == "ip6tables" else "ufw-user-input"
    opened = {
        port
        for rule in rules(host, command, chain)
        if rule.endswith("ACCEPT") and "-s " not in rule
        for port in _ports(rule) or set()
    }
    chosen = [rule for rule in rules(host, command, "prep-input") if rule.endswith("-j prep-web")]
    limits = [rule for rule in rules(host, command, "prep-web-charge") if rule.endswith("-j DROP")]
    record_evidence("; ".join(chosen + limits))
    assert opened == set(expect("RED-03")["ports"])
    assert [_ports(rule) for rule in chosen] == [opened]
    assert "--ctstatus ASSURED" in chosen[0], "cuenta conexiones que cualquiera puede empezar en nombre de otro"
    assert [re.findall(r"-m (\w+limit)", rule) for rule in limits] == [["hashlimit"]]
    assert ("--hashlimit-srcmask 64" in limits[0]) == (command == "ip6tables")


@pytest.mark.clause("DG-07", "RED-04")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_trusted_address_opens_only_so_many_pushes(
    host: Host, command: str, call: Spec, record_evidence: Record
) -> None:
    """El núcleo limita cuántas conexiones por segundo abre un origen al puerto de rsync, aunque sea confiable."""
    chosen = [rule for rule in rules(host, command, "prep-input") if rule.endswith("-j prep-push")]
    limits = [rule for rule in rules(host, command, "prep-push-charge") if rule.endswith("-j DROP")]
    record_evidence("; ".join(chosen + limits))
    assert [_ports(rule) for rule in chosen] == [{call.rsync_port}]
    assert "--ctstatus ASSURED" in chosen[0], "cuenta conexiones que cualquiera puede empezar en nombre de otro"
    assert ["hashlimit" in rule for rule in limits] == [True]
    assert not any(rule.endswith("-j RETURN") for rule in rules(host, command, "prep-push"))


@pytest.mark.clause("RED-06")
@pytest.mark.parametrize("command", COMMANDS)
def test_stray_packets_are_dropped_early(host: Host, command: str, record_evidence: Record) -> None:
    """El núcleo descarta los paquetes que no son de ninguna conexión antes de buscar quién los atienda."""
    chain = rules(host, command, "ufw6-before-input" if command == "ip6tables" else "ufw-before-input")
    stray = next(number for number, rule in enumerate(chain) if "--ctstate INVALID -j DROP" in rule)
    record_evidence(chain[stray])
    assert not any("--dport" in rule and rule.endswith("-j ACCEPT") for rule in chain[:stray])


@pytest.mark.clause("RED-03")
@pytest.mark.parametrize("command", COMMANDS)
def test_containers_open_no_connection(host: Host, command: str, record_evidence: Record) -> None:
    """Los contenedores del PREP no reciben conexiones de fuera ni abren ninguna, tampoco hacia el servidor."""
    forward, own = rules(host, command, "prep-forward"), rules(host, command, "prep-input")
    record_evidence("; ".join(forward[1:]))
    bridge = "br-prep"
    assert rules(host, command, "DOCKER-USER")[1] == "-A DOCKER-USER -j prep-forward"
    assert f"-A prep-forward -i {bridge} -j DROP" in forward
    assert f"-A prep-forward -o {bridge} -j DROP" in forward
    assert f"-A prep-input -i {bridge} -j DROP" in own


def _ports(rule: str) -> set[int] | None:
    """Return the ports that a rule of the kernel names, or None when it names none."""
    named = re.search(r"--dports? (\S+)", rule)
    if not named:
        return None
    return _range(named[1])


def _range(ports: str) -> set[int]:
    """Return the ports of a list with ranges, as `22,1000:2000`."""
    ranges = [each.split(":") for each in ports.split(",")]
    return {port for bounds in ranges for port in range(int(bounds[0]), int(bounds[-1]) + 1)}
