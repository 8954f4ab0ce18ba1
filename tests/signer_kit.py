"""People who sign papers, as tests need them: an authority, and certificates that it issued, in the forms they come."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.name import _ASN1Type

NUMBER = "00001000000512345678"
"""A number as SAT's certificates have it: twenty digits, written into the serial number as text."""
PASSWORD = b"contrase\xc3\xb1a de prueba"
NAME = "FUNCIONARIA DE PRUEBA"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _name(common: str, taxpayer: str = "") -> x509.Name:
    found = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common)]
    if taxpayer:  # SAT has it as text, and asn1crypto expects bits
        found += [x509.NameAttribute(x509.NameOID.X500_UNIQUE_IDENTIFIER, taxpayer, _type=_ASN1Type.PrintableString)]
    return x509.Name(found)


@dataclass(frozen=True)
class Authority:
    """One that issues certificates, its own among them; `path` has that in PEM."""

    key: Key
    name: x509.Name
    path: Path

    @classmethod
    def made(cls, folder: Path, name: str = "AUTORIDAD DE PRUEBA", above: Authority | None = None) -> Authority:
        """Make one, with its certificate, which the one `above` or itself issued, in a folder."""
        self = cls(rsa.generate_private_key(65537, 2048), _name(name, "XAXX010101000"), folder / f"{name}.pem")
        own = (above or self).issue(self.key, self.name, 1, of_an_authority=True)
        self.path.write_bytes(own.public_bytes(Encoding.PEM))
        return self

    def issue(
        self, key: Key, subject: x509.Name, serial: int, days: int = 30, *, of_an_authority: bool = False
    ) -> x509.Certificate:
        """Return a certificate that is valid since ten days ago, and for `days` from then on."""
        start = datetime.now(UTC) - timedelta(days=10)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(of_an_authority, None), critical=True)
            .sign(self.key, SHA256())
        )

    def as_sat(self, folder: Path) -> tuple[Path, Path]:
        """Write a certificate and its key as SAT hands them out: DER, the key encrypted in PKCS#8 with triple DES."""
        key = rsa.generate_private_key(65537, 2048)
        found = self.issue(key, _name(NAME, "PUAA800101AA1 / PUAA800101MMSXXX09"), int.from_bytes(NUMBER.encode()))
        certificate, private = folder / "funcionaria.cer", folder / "funcionaria.key"
        certificate.write_bytes(found.public_bytes(Encoding.DER))
        command = ["openssl", "pkcs8", "-topk8", "-outform", "DER", "-v2", "des3", "-passout", "stdin"]
        plain = folder / "sin-cifrar.pem"
        plain.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        done = subprocess.run([*command, "-in", plain], input=PASSWORD + b"\n", capture_output=True, check=True)
        private.write_bytes(done.stdout)
        return certificate, private

    def as_pem(self, folder: Path, days: int = 30) -> tuple[Path, Path]:
        """Write a certificate and its key, on an elliptic curve and without a password, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, private = folder / f"auditora-{days}.pem", folder / f"auditora-{days}.key"
        found = self.issue(key, _name("AUDITORA DE PRUEBA"), 0xABC, days)
        certificate.write_bytes(found.public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, private

    def as_pkcs12(self, folder: Path) -> Path:
        """Write a certificate and its key in one encrypted file."""
        key = ec.generate_private_key(ec.SECP256R1())
        found = self.issue(key, _name("TITULAR DE PRUEBA"), 0xABD)
        path = folder / "titular.p12"
        sealed = pkcs12.serialize_key_and_certificates(b"t", key, found, None, BestAvailableEncryption(PASSWORD))
        path.write_bytes(sealed)
        return path
