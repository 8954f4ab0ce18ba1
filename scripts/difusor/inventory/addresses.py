"""IP addresses and host names as texts, in the one spelling in which two of them can be compared."""

from __future__ import annotations

from ipaddress import ip_address


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address, and not a host name or anything else."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def shortest(address: str) -> str:
    """Return an IP address in its shortest notation, and a host name in small letters."""
    return str(ip_address(address)) if is_address(address) else address.lower()
