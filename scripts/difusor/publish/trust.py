"""Says why a citizen's browser would not accept the certificate of a page."""

from __future__ import annotations

import ssl

import httpx

CERTIFICATES = {
    9: "su certificado aún no es válido",
    10: "su certificado expiró",
    18: "su certificado no es de una autoridad conocida",
    19: "su certificado no es de una autoridad conocida",
    20: "su certificado no es de una autoridad conocida, o le falta el intermedio",
    21: "su certificado no es de una autoridad conocida, o le falta el intermedio",
    62: "su certificado es para otro nombre",
    64: "su certificado es para otra dirección",
}
"""By OpenSSL's number of what it found wrong (X509_V_ERR_)."""


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


def refusal(code: int) -> str:
    """Return what a browser has against a certificate, by OpenSSL's number of what it found wrong."""
    said = CERTIFICATES.get(code, f"su certificado no es válido (OpenSSL {code})")
    return f"un navegador no aceptaría la página: {said}"
