"""A made-up official with a certificate, and the made-up authority that issued it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from difusor.papers.certificates import AUTHORITIES
from difusor.project import write

NAME, AUTHORITY = "FUNCIONARIA DE DEMOSTRACIÓN", "AUTORIDAD DE DEMOSTRACIÓN"
VALID = timedelta(days=30)


@dataclass(frozen=True)
class Signer:
    """The official's certificate and key, in PEM; the key has no password."""

    certificate: Path
    key: Path

    @classmethod
    def made(cls, folder: Path, home: Path, name: str = "") -> Signer:
        """Draw both keys, write the official's to `folder`, and have the home know the authority.

        `name`: who signs according to the election; the names in certificates have capitals only.
        """
        of_authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = _certificate(AUTHORITY, of_authority, of_authority, of_an_authority=True)
        write(home / AUTHORITIES, authority)
        self = cls(folder / "funcionaria.pem", folder / "funcionaria.key")
        write(self.certificate, _certificate(name.upper() or NAME, own, of_authority, of_an_authority=False))
        write(self.key, own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        self.key.chmod(0o600)
        return self


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuers: ec.EllipticCurvePrivateKey, *, of_an_authority: bool
) -> str:
    """Return a certificate by the authority, in PEM."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(_named(AUTHORITY), _named(name), key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + VALID)
    whole = dated.add_extension(x509.BasicConstraints(of_an_authority, None), critical=True)
    return whole.sign(issuers, SHA256()).public_bytes(Encoding.PEM).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
