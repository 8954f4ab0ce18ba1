"""Judges what /etc/hosts.allow and /etc/hosts.deny say of SSH, by the rules of libwrap (hosts_access(5)).

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LIBRARY = "libwrap0"
"""The package without which sshd does not ask these files."""


def problems(said: Mapping[str, Sequence[str]], trusted: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each line of these files by which trusted addresses do not get in.

    `said` has the lines about sshd, by `allow` and `deny`.
    """
    refused: dict[str, list[str]] = {}
    for origin in map(ipaddress.ip_network, trusted):
        if place := _refusal(said, origin):
            refused.setdefault(place, []).append(_spelt(origin))
    for place, origins in refused.items():
        yield (
            f"{place}, y SSH no dejaría entrar desde todas las direcciones confiables; ponga como primera línea de "
            f"/etc/hosts.allow «sshd: {' '.join(origins)}»"
        )


def _refusal(said: Mapping[str, Sequence[str]], origin: Network) -> str:
    """Return file and line that keep some of `origin` out: the first that fits counts, and hosts.allow comes first."""
    for name in ("allow", "deny"):
        for line in said.get(name, ()):
            _, clients, *options = re.split(r"\s*:(?![^\[]*\])\s*", line + ":")
            is_denied = name == "deny"
            for option in options:
                is_denied = {"allow": False, "deny": True}.get(option.strip().lower(), is_denied)
            if _fits(clients, origin, whole=not is_denied):
                return f"/etc/hosts.{name} dice «{line}»" if is_denied else ""
    return ""


def _fits(clients: str, origin: Network, *, whole: bool) -> bool:
    """Tell whether a list of clients has all of `origin`, or, unless `whole`, a part of it."""
    named, _, but = clients.partition(" EXCEPT ")
    inside, outside = (_contains, _overlaps) if whole else (_overlaps, _contains)
    return inside(_networks(named), origin) and not outside(_networks(but.replace("EXCEPT", " ")), origin)


def _contains(networks: Iterable[Network], origin: Network) -> bool:
    return any(
        net.version == origin.version and int(net[0]) <= int(origin[0]) and int(origin[-1]) <= int(net[-1])
        for net in networks
    )


def _overlaps(networks: Iterable[Network], origin: Network) -> bool:
    return any(
        net.version == origin.version and int(net[0]) <= int(origin[-1]) and int(origin[0]) <= int(net[-1])
        for net in networks
    )


def _networks(clients: str) -> list[Network]:
    """Return the networks that a list of clients names; of names, and files of them, an address does not tell."""
    found: list[Network] = []
    for each in re.split(r"[\s,]+", clients):
        text = re.sub(r"[\[\]]", "", each)
        if octets := re.fullmatch(r"((?:\d+\.){1,3})", text):  # "10.1." is what begins so
            count = octets[1].count(".")
            text = f"{octets[1]}{'.'.join(['0'] * (4 - count))}/{8 * count}"
        for every in ("0.0.0.0/0", "::/0") if text.upper() == "ALL" else (text,):
            with suppress(ValueError):
                found.append(ipaddress.ip_network(every, strict=False))
    return found


def _spelt(origin: Network) -> str:
    """Write a network as these files do: one address without its length, IPv6 in brackets."""
    length = "" if origin.prefixlen == origin.max_prefixlen else f"/{origin.prefixlen}"
    return f"[{origin.network_address}]{length}" if origin.version == 6 else f"{origin.network_address}{length}"
