"""Judges which TCP ports of a server answer: those that have to, and whose the answers of others are.

An answer need not be the server's: firewalls with a proxy or SYN cookies complete a connection themselves, on some
ports or on all, also for addresses that nobody has.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

MANY = 50
"""Ports, beyond which they are counted and not listed, and so many of them asked once more."""
NOBODYS = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Addresses that stand in documents (RFC 5737, 3849) and that nobody has."""
SOCKETS = "ss --no-header --tcp --listening --numeric"
"""Run on the server, prints the ports at which its programs wait."""
TRANSLATIONS = """
for each in iptables ip6tables; do $each -w 10 -t nat -S 2>/dev/null; done
nft list tables 2>/dev/null | while read -r word family name; do
  nft list table "$family" "$name" 2>/dev/null | grep -E 'dnat|redirect|tproxy'
done
true
"""
"""Run on the server, prints rules that may lead a port elsewhere, such as to a container: no socket tells of those.

iptables shows no chains of others in its tables, and nft of Debian 11 ends where it cannot print one of iptables'.
"""
LEADS = re.compile(r"-j (?:DNAT|REDIRECT|NETMAP|TPROXY)\b|\b(?:dnat|redirect|tproxy)\b")
NAMED = re.compile(r"(! )?--dports? (\S+)|\bdport (!= )?(?:\{ ([^}]*)\}|(\S+))")
EVERY = range(1, 65536)


def told(ports: Iterable[int]) -> str:
    """Return ports as people read them: each, or how many there are."""
    found = sorted(set(ports))
    return str(found) if len(found) <= MANY else f"{len(found):,} puertos, del {found[0]} al {found[-1]}"


def beyond(found: Mapping[str, Collection[int]], allowed: Collection[int]) -> dict[str, set[int]]:
    """Return those of the ports that answer, by address, that are not allowed to; no address without any."""
    return {address: extra for address, ports in found.items() if (extra := set(ports) - set(allowed))}


def required(found: Mapping[str, Collection[int]], closed: Collection[int], public: str, entry: str = "") -> set[str]:
    """Return at which of a server's addresses the ports for trusted addresses have to be open.

    `found`: by address, the ports that answered; `closed`: the ports that only trusted addresses reach; `public`: the
    server's public address; `entry`: the address by which the institute comes in, where that is another one, as over a
    VPN. If all the closed ports answer at `entry`, they need not answer at `public` too.
    """
    reached = {address for address, ports in found.items() if set(closed) & set(ports)}
    return reached - {public} if entry and set(closed) <= set(found.get(entry, ())) else reached | {public}


def sample(ports: Collection[int]) -> list[int]:
    """Return at most MANY of the ports, from everywhere among them."""
    found = sorted(ports)
    return found[:: -(-len(found) // MANY) or 1]


def nobodys(address: str) -> str:
    """Return an address of the same family that nobody has."""
    return NOBODYS[ipaddress.ip_address(address).version]


def whose(
    extra: Mapping[str, Collection[int]],
    again: Mapping[str, Collection[int]],
    sockets: str,
    translations: str,
) -> tuple[set[int], str]:
    """Return (the ports of `extra` at which the server itself answers, why nothing is known of the others).

    `extra`: the ports that answer, by address; `again`: those of the `sample` of each address, and of its `nobodys`,
    that answered when they were asked once more. `sockets` and `translations`: what the server says to SOCKETS and to
    TRANSLATIONS. A port with a program, or with a rule about it, is the server's; so is one that fell silent.
    """
    waiting, led = listening(sockets), diverted(translations)
    servers, own, between = set[int](), set[int](), set[int]()
    for address, ports in extra.items():
        once_more, imitated = set(again.get(address, ())), set(again.get(nobodys(address), ()))
        unasked = set(ports).difference(sample(ports)) if imitated else set[int]()
        for port in ports:
            is_silent = len(ports) <= MANY and port not in once_more
            if port in waiting or is_silent or any(port in each for each in led):
                servers.add(port)
            elif port in imitated or port in unasked:
                own.add(port)
            else:
                between.add(port)
    return servers, "; ".join(_doubts(own, between, extra))


def _doubts(own: Collection[int], between: Collection[int], addresses: Iterable[str]) -> Iterator[str]:
    if own:
        yield (
            f"en {told(own)} contesta un equipo de la red del punto de observación, que lo hace también por "
            f"{' y '.join(sorted(set(map(nobodys, addresses))))}, que nadie tiene; mida desde otra red, o pida que ahí "
            "no se intervengan esos puertos"
        )
    if between:
        yield (
            f"en {told(between)} contesta un equipo intermedio: el servidor no escucha ahí ni lleva esos puertos a "
            "otra parte; pida a quien administra la red del difusor que ese equipo no conteste por el servidor"
        )


def listening(sockets: str) -> set[int]:
    """Return the ports at which programs wait for others than the server itself, from what it says to SOCKETS."""
    found = set()
    for line in sockets.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        if not address.startswith(("127.", "[::1]")):
            found.add(int(port))
    return found


def diverted(translations: str) -> list[range]:
    """Return the ports that the server leads elsewhere, from what it says to TRANSLATIONS.

    A rule that names them in another way than by their numbers may be about any.
    """
    found = []
    for line in translations.splitlines():
        if LEADS.search(line):
            named = NAMED.search(line)
            found += _ranges(named) if named and not (named[1] or named[3]) else [EVERY]
    return found


def _ranges(named: re.Match[str]) -> list[range]:
    """Return the ports in the words of a rule such as 80,8000:8100 and 80, 8000-8100."""
    found = []
    for word in re.split(r"[,\s]+", (named[2] or named[4] or named[5]).strip()):
        bounds = re.fullmatch(r"(\d+)(?:[:-](\d+))?", word)
        found.append(range(int(bounds[1]), int(bounds[2] or bounds[1]) + 1) if bounds else EVERY)
    return found
