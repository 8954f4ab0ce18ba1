"""Tells of a certificate that an outlet delivered and that ends before its page does: to get another one takes days."""

from __future__ import annotations

from cryptography import x509

from difusor.inventory.model import Election


def shortfall(pem: bytes, election: Election) -> str:
    """Return when a certificate ends and the publication later, as the start of a sentence; "" when it lasts.

    "" too for what is no certificate, which is refused elsewhere.
    """
    until, zone = max(election.closes, election.retain_until or election.closes), election.catalog.zone
    try:
        ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
        told = f"vence el {ends.astimezone(zone):%Y-%m-%d %H:%M}" if ends <= until else ""
    except (ValueError, OverflowError):  # a certificate may say the year 0, or 1
        return ""
    return told and f"{told} y la publicación termina el {until.astimezone(zone):%Y-%m-%d %H:%M}"
