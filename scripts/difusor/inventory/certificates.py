"""Checks of a page's TLS certificate and its key: both are valid and belong together."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationInfo

from difusor.inventory.values import content


def check_certificate(path: str, name: str, info: ValidationInfo) -> None:
    """Raise ValueError unless the file `path` is a PEM certificate that is in force and covers `name` (empty: any)."""
    certificate = _certificate(path, info)
    if certificate is None:
        return
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise ValueError(f"{path} venció el {certificate.not_valid_after_utc:%Y-%m-%d}; renueve el certificado")
    if name and not any(_covers(pattern, name) for pattern in _names(certificate)):
        raise ValueError(f"{path} no es para {name} sino para {', '.join(_names(certificate)) or 'nadie'}")


def check_key(path: str, certificate: str, info: ValidationInfo) -> None:
    """Raise ValueError unless `path` is a PEM private key that belongs to `certificate` (a path; empty: any)."""
    pem = content(path, info)
    if pem is None:
        return
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise ValueError(f"{path} no es una llave privada en PEM sin contraseña") from None
    own = _certificate(certificate, info) if certificate else None
    if own and own.public_key() != key.public_key():
        raise ValueError(f"{path} no es la llave del certificado {certificate}")


def _certificate(path: str, info: ValidationInfo) -> x509.Certificate | None:
    pem = content(path, info)
    if pem is None:
        return None
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise ValueError(f"{path} no es un certificado en PEM") from None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*.") and pattern[2:] == name.partition(".")[2])
