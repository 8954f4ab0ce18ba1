"""Tells which clauses of the call a server meets, as far as that can be judged before anything is installed.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from difusor import spec
from difusor.servers.preflight import GIGABYTE, Machine

NOT_DISKS = ("dm-", "fd", "loop", "md", "nbd", "ram", "sr", "zram")
Judged = tuple[bool, str]
"""Whether a clause is met, and what was found."""
Judge = Callable[[Machine, Mapping[str, Any]], Judged | None]
"""Judges a clause by what was read of the server and what the call requires; None when that takes a measurement."""


@dataclass(frozen=True)
class Diagnosis:
    """Whether the server meets one clause; `found` tells what was found, in both cases."""

    clause: spec.Clause
    met: bool
    found: str


def diagnose(
    server: Machine, call: spec.Spec, *, public_address: str, registered: bool, attested: Iterable[str]
) -> list[Diagnosis]:
    """Return a diagnosis for each clause of the call that can be judged before anything is installed.

    `public_address` may be empty; `registered`: ANEXO 2 has been received; `attested`: ids of clauses with documents.
    """
    on_file = set(attested)
    judges: dict[str, Judge] = {
        "SW-01": _release,
        "HW-01": _physical,
        "HW-02": _processor,
        "HW-03": _memory,
        "HW-04": _storage,
        "RED-01": lambda server, expected: _link(server, expected, public_address),
        "RED-02": lambda *_: _public(public_address),
        "DG-08": lambda *_: (registered, "ANEXO 2 registrado" if registered else "ANEXO 2 sin registrar"),
    }
    found = []
    for clause in call.clauses:
        if clause.on_paper or (clause.id == "RED-01" and clause.id in on_file):
            judged: Judged | None = _document(clause.id in on_file)
        else:
            judged = judges[clause.id](server, clause.expect) if clause.id in judges else None
        if judged:
            found.append(Diagnosis(clause, *judged))
    return found


def _document(on_file: bool) -> Judged:
    return on_file, "el documento firmado" if on_file else "ningún documento firmado"


def _release(server: Machine, expected: Mapping[str, Any]) -> Judged:
    distribution, version = server.release
    met = distribution == expected["distribution"] and version in expected["versions"]
    return met, f"{distribution} {version}"


def _physical(server: Machine, expected: Mapping[str, Any]) -> Judged:
    guest = server.facts.get("virtualization_role") == "guest"
    kind = server.facts.get("virtualization_type", "") if guest else ""
    return not kind, f"una máquina virtual o contenedor ({kind})" if kind else "servidor físico"


def _processor(server: Machine, expected: Mapping[str, Any]) -> Judged:
    cores = int(server.facts.get("processor_count", 0)) * int(server.facts.get("processor_cores", 0))
    speed = f"{server.mhz / 1000:.1f} GHz" if server.mhz else "una velocidad que no declara"
    met = cores >= expected["cores"] and server.mhz >= expected["ghz"] * 1000
    return met, f"{cores} núcleos a {speed}"


def _memory(server: Machine, expected: Mapping[str, Any]) -> Judged:
    ram = int(server.facts.get("memtotal_mb", 0)) * 1024**2 / GIGABYTE
    return ram >= expected["ram_gb"], f"{ram:.1f} GB de memoria"


def _storage(server: Machine, expected: Mapping[str, Any]) -> Judged:
    solid, spinning = _disks(server.facts)
    more = f" y {spinning:.0f} GB en discos giratorios" if spinning else ""
    return solid >= expected["disk_gb"], f"{solid:.0f} GB en estado sólido{more}"


def _public(address: str) -> Judged:
    met = bool(address) and ipaddress.ip_address(address).is_global
    return met, f"la dirección {address}" if address else "ninguna dirección pública"


def _link(server: Machine, expected: Mapping[str, Any], public_address: str) -> Judged | None:
    """Judge the link only where that is possible before it is measured: a card that is too slow."""
    card = _card_mbps(server.facts, public_address)
    return (False, f"una interfaz de {card} Mbps") if 0 < card < expected["mbps"] else None


def _disks(facts: Mapping[str, Any]) -> tuple[float, float]:
    """Return what the machine's own disks hold in gigabytes: (solid state, spinning); mirrored ones count once."""
    sizes, devices = {"0": 0.0, "1": 0.0}, facts.get("devices", {})
    shares = _shares(devices)
    for name, disk in devices.items():
        if not name.startswith(NOT_DISKS):
            share = shares.get(name, 1.0)
            sizes[str(disk.get("rotational", "1"))] += share * int(disk["sectors"]) * 512 / GIGABYTE
    return sizes["0"], sizes["1"]


def _shares(devices: Mapping[str, Any]) -> dict[str, float]:
    """Return for each disk in an array of mdadm the share of it that the array, the largest one, holds."""
    members: dict[str, dict[str, int]] = {}
    for name, disk in devices.items():
        for part in (disk, *disk.get("partitions", {}).values()):
            for array in part.get("holders", []):
                if array in devices and array.startswith("md"):
                    members.setdefault(array, {})[name] = int(part["sectors"])
    shares: dict[str, float] = {}
    for array, disks in sorted(members.items(), key=lambda each: int(devices[each[0]]["sectors"])):
        shares |= dict.fromkeys(disks, int(devices[array]["sectors"]) / sum(disks.values()))
    return shares


def _card_mbps(facts: Mapping[str, Any], public_address: str) -> int:
    """Return the speed in Mbit/s of the interface that has the public address, else of that towards the Internet.

    It is 0 when unknown.
    """
    default = facts.get("default_ipv4", {}).get("interface", "")
    cards = [facts.get(name.replace("-", "_"), {}) for name in (*facts.get("interfaces", []), default)]
    public = (card for card in cards if card.get("type") != "loopback" and public_address in _addresses(card))
    return max(0, int(next(public, cards[-1]).get("speed") or 0))


def _addresses(card: Mapping[str, Any]) -> set[str]:
    found = [card.get("ipv4", {}), *card.get("ipv4_secondaries", []), *card.get("ipv6", [])]
    return {each["address"] for each in found if "address" in each}
