"""Judges the certificate of a page at one address as a citizen's browser does: who issued it, for whom, until when."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography import x509

from corte.format.errors import why

PORT = 443
SECONDS = 5.0
UNTRUSTED = "un navegador no aceptaría la página"
"""How the sentence on a certificate begins that is good for no visitor."""
REFUSALS = {
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
NO_ROAD = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""With these this machine says that it has no road to any address of that family; the server is not to blame."""
OWN = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""With these it says that it may open no more files, or has no memory; the server is not to blame either."""
AUTHORITIES = {
    "Let's Encrypt": "letsencrypt.org", "Google Trust Services": "pki.goog", "DigiCert": "digicert.com",
    "Sectigo": "sectigo.com", "GlobalSign": "globalsign.com", "GoDaddy": "godaddy.com", "Amazon": "amazon.com",
}  # fmt: skip
"""How some issuers are called in CAA records, by the beginning of their names."""


@dataclass(frozen=True)
class Certificate:
    """What was seen at one address.

    `refusal`: why a browser would not accept it; `trouble`: why nothing was seen; both are sentences without full
    stop, or "". Nothing is known of the server if it is `away`, this machine having no road to addresses of that
    family, or if it was `lacking` something of its own, such as memory.
    """

    address: str
    refusal: str = ""
    trouble: str = ""
    away: bool = False
    lacking: bool = False
    expires: datetime | None = None
    issuer: str = ""

    @property
    def authority(self) -> str:
        """How CAA records call who issued it; "" when that is not known."""
        return next((domain for name, domain in AUTHORITIES.items() if self.issuer.startswith(name)), "")


def refusal(code: int) -> str:
    """Return what a browser has against a certificate, by OpenSSL's number of what it found wrong."""
    said = REFUSALS.get(code, f"su certificado no es válido (OpenSSL {code})")
    return f"{UNTRUSTED}: {said}"


def context(authority: Path | None = None) -> ssl.SSLContext:
    """Return a context that judges as a browser does: by the authorities that the system trusts, or by one alone."""
    found = ssl.create_default_context(cafile=str(authority) if authority else None)
    found.verify_flags &= ~ssl.VERIFY_X509_STRICT  # since 3.13 Python asks for extensions that browsers do not
    return found


shared_context = cache(context)
"""The same context for whoever looks at many servers: to read the authorities takes longer than a look."""


def look(name: str, address: str, authority: Path | None = None, seconds: float = SECONDS) -> Certificate:
    """Return what a browser sees that opens https://name at one address; nothing is raised.

    `seconds` is how long each of connection and handshake may take.
    """
    try:
        der = _handshake(name, address, shared_context(authority), seconds)
    except ssl.SSLCertVerificationError as error:
        return _described(address, _seen_anyway(name, address, seconds), refusal(error.verify_code))
    except ssl.SSLError as error:
        return Certificate(address, trouble=f"la conexión cifrada falló ({error.reason or 'sin causa'})")
    except TimeoutError:
        return Certificate(address, trouble="no responde a tiempo")
    except OSError as error:
        away = error.errno in NO_ROAD and not (error.errno == errno.ENETUNREACH and _has_road(address))
        return Certificate(address, trouble=why(error), away=away, lacking=error.errno in OWN)
    return _described(address, der)


def _handshake(name: str, address: str, judge: ssl.SSLContext, seconds: float) -> bytes:
    with (
        socket.create_connection((address, PORT), timeout=seconds) as plain,
        judge.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


def _has_road(address: str) -> bool:
    """Tell whether this machine itself knows a road to an address; nothing is sent.

    A router further away may say as well that the network is not reached, as where an outlet's own line is cut.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as unsent:
            unsent.connect((address, PORT))
    except OSError:
        return False
    return True


def _seen_anyway(name: str, address: str, seconds: float) -> bytes:
    """Return the certificate that a browser refuses, to tell whose it is and until when; b"" when it does not come."""
    forgiving = ssl.create_default_context()
    forgiving.check_hostname, forgiving.verify_mode = False, ssl.CERT_NONE
    try:
        return _handshake(name, address, forgiving, seconds)
    except OSError:
        return b""


def _described(address: str, der: bytes, refused: str = "") -> Certificate:
    try:
        seen = x509.load_der_x509_certificate(der)
        issuer = seen.issuer.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
        expires = seen.not_valid_after_utc  # a certificate may say the year 0
    except ValueError:
        return Certificate(address, refused)
    named = str(issuer[0].value) if issuer else ""
    return Certificate(address, refused, expires=expires, issuer=named)
