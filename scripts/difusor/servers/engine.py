"""Judges the Docker engine that a server has or gets: whom it would cut off, and with what it would not start.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Facts = Mapping[str, Any]

BRIDGE = "docker0"
"""The engine's own bridge, which keeps its network for as long as it is there."""
POOLS = (
    *(ipaddress.IPv4Network(f"172.{number}.0.0/16") for number in range(17, 32)),
    *ipaddress.IPv4Network("192.168.0.0/16").subnets(new_prefix=20),
)
"""The networks among which an engine without options chooses one for BRIDGE: the first that overlaps none it knows."""
NETWORK = "prep"
"""The name of the network of the project's containers (`docker_network`)."""
CONTAINERS = "br-prep"
"""The interface of that network (`docker_bridge`), which stays in the kernel while the engine does not run."""
OTHER_BRIDGE = '{"bip": "198.18.240.1/24"}'
"""The option that gives BRIDGE a network of a range that nobody has (RFC 2544)."""
WIDEST = 8
"""Length of the shortest prefix that says where somebody is; a VPN's routes for half the Internet do not."""


def problems(facts: Facts, named: Iterable[str], subnet: str) -> list[str]:
    """Return every reason not to go on, one sentence each.

    `named`: addresses, networks and names that the inventory says the server needs; `subnet`: the addresses that the
    network of the project's containers would get, "" for none.
    """
    try:
        network = ipaddress.IPv4Network(subnet) if subnet else None
    except ValueError:
        return [f"docker_subnet dice «{subnet}», que no es una red de IPv4; escriba una como 192.168.241.0/28"]
    return [*_cut_off(facts, named, network), *_remapped(facts), *_flagged(facts)]


def _cut_off(facts: Facts, named: Iterable[str], subnet: ipaddress.IPv4Network | None) -> Iterator[str]:
    """Tell of addresses that the engine would take for its containers', so that no answer reaches them any more."""
    known = list(dict.fromkeys([*named, *facts.get("reached", ())]))
    for network, remedy in _taken(facts, subnet):
        for origin in known:
            if _overlaps(origin, network):
                yield (
                    f"{origin} quedaría incomunicada con el servidor, porque Docker toma {network} para sus "
                    f"contenedores; {remedy}"
                )


def _taken(facts: Facts, subnet: ipaddress.IPv4Network | None) -> Iterator[tuple[ipaddress.IPv4Network, str]]:
    """Yield each network that the run would take for containers, and how another one is chosen."""
    if bridge := of_the_bridge(facts):
        yield bridge, f"déle otra en /etc/docker/daemon.json: {OTHER_BRIDGE}"
    networks = facts.get("current_state", {}).get("networks", {})
    if subnet and NETWORK not in networks and CONTAINERS not in facts.get("interfaces", ()):
        yield subnet, "ponga otra red en el inventario (docker_subnet: 192.168.241.0/28)"


def of_the_bridge(facts: Facts) -> ipaddress.IPv4Network | None:
    """Return the network that a new engine would take for its own bridge; None where that is settled already.

    It avoids the server's own networks and its name servers, but knows of no network beyond a router.
    """
    is_there = facts.get("docker_before") or BRIDGE in facts.get("interfaces", ())
    if is_there or {"bip", "bridge"} & facts.get("docker_daemon", {}).keys():
        return None
    avoided = [*facts.get("all_ipv4_addresses", ()), *facts.get("avoided", ())]
    return next((pool for pool in POOLS if not any(_overlaps(each, pool) for each in avoided)), None)


def _overlaps(origin: str, network: ipaddress.IPv4Network) -> bool:
    try:
        other = ipaddress.ip_network(origin, strict=False)
    except ValueError:  # a name
        return False
    return isinstance(other, ipaddress.IPv4Network) and other.prefixlen >= WIDEST and other.overlaps(network)


def _remapped(facts: Facts) -> Iterator[str]:
    """Tell of an owner's engine in whose containers a user is another one outside, so that no socket can be made."""
    if facts.get("docker_before") and facts.get("docker_daemon", {}).get("userns-remap"):
        yield (
            "el Docker del servidor cambia la identidad de los contenedores (userns-remap en /etc/docker/daemon.json), "
            "y el WAF no podría abrir sus sockets; quite esa opción, o use otro servidor"
        )


def _flagged(facts: Facts) -> Iterator[str]:
    """Tell of options on the engine's command line with which it would not start once they are in its file too."""
    if flags := facts.get("docker_flags"):
        yield (
            f"Docker recibe {', '.join(flags)} en su línea de órdenes y no arrancaría, porque el proyecto lo pone en "
            "/etc/docker/daemon.json; quítelo de DOCKER_OPTS en /etc/default/docker, o de la unidad (systemctl cat "
            "docker), y reinicie Docker"
        )
