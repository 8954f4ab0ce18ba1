"""Finds values that are still the example inventory's or could not be rendered; they are not checked any further."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from difusor.inventory.rendering import cause

# What the values of inventories/ejemplo contain: markers, example domains, and networks reserved for documentation
# (RFC 5737, RFC 3849).
EXAMPLE_TEXT = re.compile(r"EJEMPLO|cambiame|\bejemplo\.(mx|com|org)\b|\bexample\.(com|net|org)\b|\.example\b")
EXAMPLE_NETWORKS = tuple(
    ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def unfinished(value: object) -> str:
    """Return what is wrong with a value, at any depth: not rendered, or still an example; empty when neither."""
    if isinstance(value, Exception):
        return f"no se puede calcular: {cause(value)}"
    if isinstance(value, Mapping):
        return next(filter(None, map(unfinished, value.values())), "")
    if isinstance(value, (list, tuple)):
        return next(filter(None, map(unfinished, value)), "")
    if isinstance(value, str) and (EXAMPLE_TEXT.search(value) or _documentation(value)):
        return f"conserva el valor de ejemplo «{value[:60]}»; escriba el suyo"
    return ""


def _documentation(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return any(network.network_address in other for other in EXAMPLE_NETWORKS)
