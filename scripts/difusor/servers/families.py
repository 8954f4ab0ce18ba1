"""Sorts a page's addresses by family."""

from __future__ import annotations

import random
from collections.abc import Iterable

FAMILIES = ("IPv4", "IPv6")


def family(address: str) -> str:
    """Return the family of an address, as FAMILIES calls it."""
    return FAMILIES[":" in address]


def by_family(addresses: Iterable[str], most: int = 2) -> dict[str, tuple[str, ...]]:
    """Return at most so many addresses of each family, in their order: a hostile name server may give any number.

    Of more they are drawn by lot, so that nobody can know behind which ones another page would never be seen.
    """
    found = list(addresses)
    return {each: _drawn([one for one in found if family(one) == each], most) for each in FAMILIES}


def _drawn(found: list[str], most: int) -> tuple[str, ...]:
    chosen = random.SystemRandom().sample(range(len(found)), min(most, len(found)))
    return tuple(found[each] for each in sorted(chosen))
