"""Judges which TCP ports of a server answer: where those for trusted addresses have to."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def required(found: Mapping[str, Collection[int]], closed: Collection[int], public: str, entry: str = "") -> set[str]:
    """Return the addresses at which the ports for trusted addresses have to answer one that answered as in `found`.

    `closed`: those ports; `public`: the server's public address; `entry`: its own by which the institute comes in where
    that is another one, as over a VPN: where it has all of them there, the public one need not have them too.
    """
    reached = {address for address, ports in found.items() if set(closed) & set(ports)}
    return reached - {public} if entry and set(closed) <= set(found.get(entry, ())) else reached | {public}
