"""Judges the way by which the operator comes in: what the firewall, or the kernel, would cut behind him.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from difusor.servers import neighbours
from difusor.servers.neighbours import Neighbours

REMARKS = {
    "WireGuard": "; si es el servidor quien llama, basta con PersistentKeepalive = 25 en su [Peer]",
    "IPsec": "; si entre los dos extremos no hay NAT, también sudo ufw allow proto esp from any",
}
"""What else there is to say of a kind of tunnel."""
CONTAINERS = frozenset({"container", "containerd", "docker", "lxc", "podman"})
"""Ansible's words for a server whose router is the machine that it runs on."""


def problems(found: Neighbours, rules: Iterable[str], behind: Collection[str], *, strict_paths: bool) -> list[str]:
    """Return every reason not to go on, one sentence each; see `preflight.problems`."""
    return [*(by_a_detour(found) if strict_paths else ()), *by_a_tunnel(found, rules), *of_others(found, behind)]


def by_a_detour(found: Neighbours) -> Iterator[str]:
    """Tell of an operator who comes in by one interface and is answered by another, which the kernel would not take."""
    if found.detour:
        came, gone = found.detour
        yield (
            f"usted entra por {came} y el servidor le contesta por {gone}, con lo que el núcleo dejaría de oírlo "
            "(rp_filter); corrija esa ruta, o ponga kernel_sysctl: {net.ipv4.conf.all.rp_filter: 2} en el inventario"
        )


def by_a_tunnel(found: Neighbours, rules: Iterable[str]) -> Iterator[str]:
    """Tell of a tunnel that nobody could begin any more, by which the operator comes in and which ends on this server.

    What is open stays open, so that the proof of a login succeeds; what begins after some idle minutes, or a restart,
    is dropped. `rules`: what the owner's rules of UFW admit; about those that are not to stay the preflight asks.
    """
    admitted = list(rules)
    shut = [
        (name, kind, port, protocol)
        for name, kind, port, protocol in found.tunnel
        if neighbours.stays_open(found, [(port, protocol, "")])[0]
        and not any(_admits(rule, port, protocol) for rule in admitted)
    ]
    if shut:
        name, kind = shut[0][:2]
        ports = [f"{port}/{protocol}" for _, _, port, protocol in shut]
        commands = " y ".join(f"sudo ufw allow {each}" for each in ports)
        yield (
            f"usted entra por un túnel de {kind} ({name}) que termina en este servidor, y el cortafuegos cerraría "
            f"{' y '.join(ports)}, donde comienza: la sesión de ahora seguiría, y tras unos minutos sin tráfico, o un "
            f"reinicio, nadie entraría por él; corra {commands} (si falta ufw, sudo apt install ufw) y repita, que se "
            f"dirá cómo conservar esa regla{REMARKS.get(kind, '')}"
        )


def of_others(found: Neighbours, others: Collection[str]) -> Iterator[str]:
    """Tell of other servers that ssh reaches through this one, whose SSH forwards nothing after the first run."""
    if others and not found.mirror_of:
        yield (
            f"a {' y '.join(others)} se llega a través de este servidor (ProxyJump), cuyo SSH dejará de admitir "
            "túneles, y la ejecución los perdería a la mitad; llegue a ellos por otra máquina (ansible_ssh_common_args "
            "en hosts.yml)"
        )


def of_a_router(operator: str, facts: Mapping[str, Any]) -> list[str]:
    """Return what it means that the operator comes from the address of the server's own router, nothing otherwise.

    He may work there, as on a bastion; or a perimeter writes its own address into all that comes in.
    """
    operator = operator.removeprefix("::ffff:")
    gateways = {facts.get(family, {}).get("gateway") for family in ("default_ipv4", "default_ipv6")}
    if operator not in gateways or CONTAINERS & {*facts.get("virtualization_tech_guest", ())}:
        return []
    return [
        f"{operator} es la puerta de enlace del servidor: si no es la máquina desde la que usted trabaja, el perímetro "
        "pone su dirección a todo lo que entra, con lo que sería confiable cualquiera a quien deje pasar a SSH o a los "
        "cortes, y la ciudadanía entera contaría como una sola dirección; pida que no traduzca el origen"
    ]


def _admits(rule: str, port: int, protocol: str) -> bool:
    """Tell whether a rule in UFW's files, as "allow udp 51820 0.0.0.0/0 any 0.0.0.0/0 in", admits a port."""
    said = re.match(r"(?:allow|limit)\S* (\S+) (\S+) ", rule)
    if not said or said[1] not in ("any", protocol):
        return False
    bounds = re.findall(r"(\d+)(?::(\d+))?", said[2])
    return said[2] == "any" or any(int(low) <= port <= int(high or low) for low, high in bounds)
