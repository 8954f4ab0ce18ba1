"""The way by which the operator comes in: a tunnel that ends on the server, a detour, a router in front."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plugin_kit import load
from role_kit import diagnosis
from server_kit import SERVER, WANTED, with_facts

from difusor.servers.neighbours import Neighbours
from difusor.servers.preflight import problems
from difusor.servers.ways import of_a_router

OPERATOR = "10.8.0.2 50000 10.8.0.1 22"
TUNNEL = ("wg0", "WireGuard", 51820, "udp")
RULE = "allow udp 51820 0.0.0.0/0 any 0.0.0.0/0 in"


@pytest.fixture
def probe() -> Any:
    return load("module_utils/probe/tunnels.py")


def looking(interface: str, kind: str, **said: list[str]) -> Any:
    """Return what asks the programs of a server, one of whose interfaces of a kind leads to the operator.

    `said`: the lines of others, by their last word.
    """
    link = [json.dumps([{"ifname": interface, "linkinfo": {"info_kind": kind}} if kind else {"ifname": interface}])]
    route = [f"10.8.0.2 from 10.8.0.1 dev {interface} uid 0", "    cache"]
    known = {"10.8.0.1": route, "fibmatch": [f"10.8.0.0/24 dev {interface} scope link"], interface: link}
    words = {name.replace("_", "-"): lines for name, lines in said.items()}
    return lambda *command: {**known, **words}.get(command[-1], [])


def socket(port: int, program: str = "", address: str = "0.0.0.0", process: int = 7) -> str:
    return f"UNCONN 0 0 {address}:{port} 0.0.0.0:* " + (f'users:(("{program}",pid={process},fd=3))' if program else "")


def waits(found: list[dict[str, Any]]) -> list[str]:
    return [f"{each['name']} {each['kind']} {each['port']}/{each['protocol']}" for each in found]


PEERS = ["otro\t10.8.0.0/24", "operador\t10.8.0.2/32 fd00::2/128", "nadie\t(none)"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"listen_port": ["4321"], "allowed_ips": PEERS}, ["wg0 WireGuard 4321/udp"]),
        ({"_Hlunp": [socket(51820), socket(2049), socket(53, "dnsmasq")]}, ["wg0 WireGuard 51820/udp"]),  # without `wg`
        ({"_Hlunp": [socket(41234)]}, []),  # without `wg`, and of a number that nobody chose
        (
            {
                "listen_port": ["4321"],
                "allowed_ips": PEERS,
                "persistent_keepalive": ["otro\t25", "operador\toff", "nadie\toff"],
            },
            ["wg0 WireGuard 4321/udp"],
        ),
        (
            {"listen_port": ["4321"], "allowed_ips": PEERS, "persistent_keepalive": ["otro\toff", "operador\t25"]},
            [],  # the server itself keeps calling him
        ),
    ],
)
def test_the_port_at_which_the_operators_wireguard_begins(probe: Any, said: dict[str, Any], found: list[str]) -> None:
    assert waits(probe.look(looking("wg0", "wireguard", **said), OPERATOR)) == found


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("openvpn\0--config\0server.conf\0", "client-to-client\nport 1194\nremote-cert-tls client\n", True),
        ("openvpn\0--config\0campus.conf\0", "dev tun\nclient\nnobind\n", False),
        ("openvpn\0--config\0campus.conf\0", "dev tun\n  remote vpn.example 1194\n", False),
        ("openvpn\0--remote\0vpn.example\0--dev\0tun\0", "", False),
    ],
)
def test_openvpn_that_waits_for_others_is_found_and_one_that_calls_is_not(
    probe: Any, words: str, text: str, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "read", {"/proc/7/cmdline": words}.__getitem__)
    monkeypatch.setattr(probe, "read_plain", lambda path: text if path.startswith("/proc/7/cwd/") else "")
    udp = [socket(1194, "openvpn"), socket(41641, "tailscaled"), socket(45000, "openvpn")]
    tcp = [socket(1195, "openvpn"), socket(7505, "openvpn", "127.0.0.1")]
    look = looking("tun0", "tun", _Hlunp=udp, _Hltnp=tcp)
    assert waits(probe.look(look, OPERATOR)) == (["tun0 OpenVPN 1194/udp", "tun0 OpenVPN 1195/tcp"] if found else [])


POLICY = [
    "src 10.8.0.0/24 dst 10.0.0.0/24 ", "\tdir %s priority 371327 ptype main ",
    "\ttmpl src 198.51.100.7 dst 203.0.113.10", "\t\tproto esp reqid 1 mode tunnel",
    "src 0.0.0.0/0 dst 0.0.0.0/0 ", "\tsocket in priority 0 ptype main ",
]  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "file", "kind", "found"),
    [
        ("in", "conn oficina\n  auto=add\n", "", True),
        ("in", "conn oficina\n  auto = start\n", "", False),  # the server is the one who calls
        ("in", "#  auto=start\n  auto=route\n", "", True),  # it calls only when it has something to send
        ("out", "", "", False),
        ("out", "", "xfrm", True),
    ],
)
def test_ipsec_that_waits_for_others_is_found(
    probe: Any, direction: str, file: str, kind: str, found: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ipsec.conf").write_text(file)
    monkeypatch.setattr(probe._begins, "__defaults__", ((str(tmp_path),), ()))
    policies = [line.replace("%s", direction) for line in POLICY]
    look = looking("eth0", kind, policy=policies, _Hlunp=[socket(500, "charon"), socket(4500, "charon")])
    said = ["eth0 IPsec 4500/udp", "eth0 IPsec 500/udp"]
    assert waits(probe.look(look, OPERATOR)) == (said if found else [])
    assert probe.look(looking("eth0", kind, policy=policies), OPERATOR) == [], "no program waits"


@pytest.mark.parametrize("connection", ["", "UNKNOWN 65535 UNKNOWN 65535", "203.0.113.9 5 10.0.0.5 22"])
def test_who_comes_by_no_tunnel_is_asked_nothing_more(probe: Any, connection: str) -> None:
    asked: list[tuple[str, ...]] = []
    assert probe.look(lambda *words: asked.append(words) or [], connection) == []
    assert not any(words[:2] == ("ip", "xfrm") or words[0] == "wg" for words in asked), "it would load modules"


def test_a_tunnel_that_nobody_could_begin_any_more_stops_the_run() -> None:
    """The open one stays open, so the proof of a login succeeded; minutes later nobody came in any more."""
    server = replace(with_facts(env={"SSH_CONNECTION": OPERATOR}), neighbours=Neighbours(tunnel=(TUNNEL,)))
    wanted = {**WANTED, "trusted": ["10.8.0.0/24"]}
    (said,) = problems(server, **wanted)
    assert said.startswith("usted entra por un túnel de WireGuard (wg0) que termina en este servidor")
    assert "corra sudo ufw allow 51820/udp (si falta" in said
    assert said.endswith("PersistentKeepalive = 25 en su [Peer]")
    ports = [("eth0", "IPsec", 500, "udp"), ("eth0", "IPsec", 4500, "udp")]
    (said,) = problems(replace(server, neighbours=Neighbours(tunnel=tuple(ports))), **wanted)
    assert "cerraría 500/udp y 4500/udp, donde comienza" in said
    assert "corra sudo ufw allow 500/udp y sudo ufw allow 4500/udp (" in said


@pytest.mark.parametrize(
    ("rule", "stops"),
    [
        (RULE, False),
        ("allow any 50000:52000 0.0.0.0/0 any 198.51.100.0/24 in", False),
        ("allow udp any 0.0.0.0/0 any 0.0.0.0/0 in_eth0", False),
        ("allow tcp 51820 0.0.0.0/0 any 0.0.0.0/0 in", True),
        ("allow udp 1194,51821 0.0.0.0/0 any 0.0.0.0/0 in", True),
        ("route:allow udp 51820 0.0.0.0/0 any 0.0.0.0/0 in", True),
        ("allow", True),  # as after a disk's damage
    ],
)
def test_a_tunnel_whose_port_a_rule_of_the_owners_admits_goes_on(rule: str, stops: bool) -> None:
    server = replace(SERVER, neighbours=Neighbours(tunnel=(TUNNEL,)), rules=(rule,))
    found = problems(server, **{**WANTED, "kept_rules": [rule]})
    assert [each.startswith("usted entra por un túnel") for each in found] == [True] * stops


def test_a_tunnel_whose_port_iptables_admits_goes_on() -> None:
    rule = "-A INPUT -p udp -m udp --dport 51820 -j ACCEPT"
    assert problems(replace(SERVER, neighbours=Neighbours(tunnel=(TUNNEL,), accepting=(rule,))), **WANTED) == []


@pytest.mark.parametrize(
    ("kind", "route", "found"),
    [
        ("wireguard", "10.8.0.0/24 dev wg0 proto kernel scope link", []),
        ("wireguard", "default dev wg0 scope link", ["eth0", "wg0"]),
        ("tun", "0.0.0.0/1 via 10.9.0.1 dev wg0", ["eth0", "wg0"]),
        ("bridge", "10.8.0.0/24 dev wg0", ["eth0", "wg0"]),
        ("", "10.8.0.0/24 dev wg0", ["eth0", "wg0"]),
    ],
)
def test_a_tunnel_to_the_address_of_a_card_is_no_detour(kind: str, route: str, found: list[str]) -> None:
    """His packets come out of the tunnel, whichever of the server's addresses he asks for."""
    known = ["2: eth0    inet 10.8.0.1/24 scope global eth0"]
    look = looking("wg0", kind, show=known, fibmatch=[route])
    assert load("module_utils/probe/queues.py").detour(look, OPERATOR) == found


ROUTER = {"default_ipv4": {"interface": "eno-1", "gateway": "10.9.0.1"}, "default_ipv6": {"gateway": "fe80::1"}}


@pytest.mark.parametrize(
    ("address", "more", "told"),
    [
        ("10.9.0.1", {}, True),
        ("fe80::1", {}, True),
        ("10.9.0.4", {}, False),
        ("10.9.0.1", {"virtualization_tech_guest": ["docker", "container"]}, False),  # it is the machine around it
        ("10.9.0.1", {"virtualization_tech_guest": ["kvm"]}, True),
        ("", {"default_ipv4": {}, "default_ipv6": {}}, False),
    ],
)
def test_an_operator_with_the_address_of_the_servers_router_is_told_what_that_means(
    address: str, more: dict[str, Any], told: bool
) -> None:
    """Where a perimeter puts its own address into all that comes in, whom it lets through would be trusted."""
    found = of_a_router(address, {**ROUTER, **more})
    assert [each.startswith(f"{address} es la puerta de enlace del servidor: si no es") for each in found] == [
        True
    ] * told
    assert ("AVISO: desde dónde entra usted: " in diagnosis(judged={"router": found})) is told


def test_the_address_of_the_servers_router_is_not_just_to_be_trusted() -> None:
    server = with_facts(env={"SSH_CONNECTION": "10.9.0.1 5 10.9.0.10 22"}, **ROUTER)
    (said,) = problems(server, **{**WANTED, "trusted": ["10.9.0.4"]})
    assert "pida que no traduzca el origen; si lo es, agréguela a difusor_trusted_addresses o a election_" in said
    assert problems(server, **{**WANTED, "trusted": ["10.9.0.1"]}) == [], "it may be a bastion"
