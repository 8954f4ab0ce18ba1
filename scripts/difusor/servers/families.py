"""Sorts a page's addresses by family."""

from __future__ import annotations

from collections.abc import Iterable

FAMILIES = ("IPv4", "IPv6")


def family(address: str) -> str:
    """Return the family of an address, as FAMILIES calls it."""
    return FAMILIES[":" in address]


def by_family(addresses: Iterable[str], most: int = 2) -> dict[str, tuple[str, ...]]:
    """Return at most so many addresses of each family: a hostile name server may give any number."""
    found = list(addresses)
    return {each: tuple(one for one in found if family(one) == each)[:most] for each in FAMILIES}
