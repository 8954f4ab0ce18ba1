"""Says why a citizen's browser would not accept the certificate of a page."""

from __future__ import annotations

import ssl

import httpx

from difusor.servers.certificate import refusal


class UntrustedError(httpx.ConnectError):
    """A browser would not accept the certificate of this page; the message says why."""


def reason(error: BaseException) -> str:
    """Return why a certificate was refused, from the error of a request; "" when it failed for another reason."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return refusal(found.verify_code)
        found = found.__cause__ or found.__context__
    return ""
