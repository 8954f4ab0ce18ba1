"""Sorts a page's addresses by family, and tells whether this machine has a road to a family at all."""

from __future__ import annotations

import socket
from collections.abc import Iterable

FAMILIES = ("IPv4", "IPv6")


def family(address: str) -> str:
    """Return the family of an address, as FAMILIES calls it."""
    return FAMILIES[":" in address]


def by_family(addresses: Iterable[str], most: int = 2) -> dict[str, tuple[str, ...]]:
    """Return at most so many addresses of each family: a hostile name server may give any number."""
    found = list(addresses)
    return {each: tuple(one for one in found if family(one) == each)[:most] for each in FAMILIES}


def has_road(address: str) -> bool:
    """Tell whether this machine can send to an address at all; nothing is sent."""
    kind = socket.AF_INET6 if family(address) == "IPv6" else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 443))
    except OSError:
        return False
    return True
