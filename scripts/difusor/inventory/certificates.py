"""Checks of a page's TLS certificate and its key: both are valid, belong together, and last as long as the page."""

from __future__ import annotations

import codecs
import os
import re
import ssl
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from pydantic import ValidationInfo

from corte.format.signature import UTF16
from difusor.inventory.values import content

if TYPE_CHECKING:
    from difusor.inventory.model import Election  # which imports this module

FIRST_LINE = rb"(?m)^-----BEGIN CERTIFICATE-----[ \t\r]*$"


def check_certificate(path: str, name: str, aliases: Iterable[str], info: ValidationInfo) -> None:
    """Raise ValueError unless the file `path` is a PEM certificate that is in force and covers `name` (empty: any).

    It has to cover the aliases, too: nginx shows it under all of its names.
    """
    certificate = _certificate(path, info)
    if certificate is None:
        return
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        raise ValueError(f"{path} venció el {certificate.not_valid_after_utc:%Y-%m-%d}; renueve el certificado")
    if certificate.not_valid_before_utc > now:
        raise ValueError(
            f"{path} vale desde el {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC y los navegadores aún no lo "
            "aceptan; deje hasta entonces el anterior, o pida uno que ya valga"
        )
    if name and not _covers(certificate, name):
        raise ValueError(f"{path} no es para {name} sino para {', '.join(_names(certificate)) or 'nadie'}")
    if others := [alias for alias in aliases if not _covers(certificate, alias)]:
        raise ValueError(
            f"{path} no es también para {', '.join(others)}; pida uno que lo sea, o quite de difusor_aliases los "
            "nombres que no son para visitantes"
        )


def check_key(path: str, certificate: str, info: ValidationInfo) -> None:
    """Raise ValueError unless `path` is a PEM private key that belongs to `certificate` (a path; empty: any)."""
    pem = content(path, info)
    if pem is None:
        return
    _refuse_utf16(path, pem)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise ValueError(f"{path} no es una llave privada en PEM sin contraseña") from None
    except UnsupportedAlgorithm:
        raise ValueError(f"{path} es una llave que los navegadores no aceptan; pida una RSA o de P-256") from None
    own = _certificate(certificate, info) if certificate else None
    if own and not belongs(key, own):
        raise ValueError(f"{path} no es la llave del certificado {certificate}")
    if own and not _starts_nginx(pem, content(certificate, info) or b""):
        raise ValueError(
            f"nginx no podría leer {path}: ningún renglón lleva sangría, y los de -----BEGIN y -----END van solos, sin "
            "bytes nulos ni renglones que solo acaben en CR; cópiela otra vez como se la dieron"
        )


def belongs(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Tell whether a private key is the one of a certificate; not where the library cannot read the certificate's."""
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _starts_nginx(key: bytes, certificate: bytes) -> bool:
    """Tell whether OpenSSL finds a key and its certificate in the file that the role nginx makes of both.

    It takes less than the library does, such as a key that is indented, and nginx would not start. The file is in
    memory alone.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # What is too weak for a server is for the server's own OpenSSL to say.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with open(os.memfd_create("tls"), "wb") as file:
        file.write(b"\n".join([_unmarked(key).rstrip(), _unmarked(certificate).rstrip(), b""]))
        file.flush()
        try:
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=lambda: b"")  # else it might ask for one
        except ssl.SSLError:
            return False
    return True


def _unmarked(pem: bytes) -> bytes:
    """Return a text without the marks (BOM) that Windows puts before files; the role nginx leaves them out too."""
    return pem.replace(codecs.BOM_UTF8, b"")


def _refuse_utf16(path: str, pem: bytes) -> None:
    if pem.startswith(UTF16):
        raise ValueError(f"{path} está en UTF-16, como guardan algunos programas de Windows; guárdelo en UTF-8")


def distrust(pem: bytes) -> str:
    """Return why a citizen's browser would not follow a page's chain to a public authority; "" when it would.

    The public authorities are those that this machine trusts; "" too on a machine without a store.
    """
    store = _store()
    known = _authorities(store) if store else ()
    chain = x509.load_pem_x509_certificates(pem)
    last = chain[0]
    while known and not any(each == last or _issued(each, last) for each in known):
        if last.issuer == last.subject:
            return f"lo firma «{_common_name(last.issuer)}», que no es una autoridad pública"
        issuer = next((each for each in chain if each is not last and _issued(each, last)), None)
        if issuer is None:
            return f"le falta el certificado intermedio «{_common_name(last.issuer)}», o esa autoridad no es pública"
        chain.remove(last)
        last = issuer
    return ""


def shortfall(pem: bytes, election: Election) -> str:
    """Return when a certificate ends and the publication later, as the start of a sentence; "" when it lasts.

    To get another one from the outlet takes days. "" too for what is no certificate, which is refused elsewhere.
    """
    until, zone = max(election.closes, election.retain_until or election.closes), election.catalog.zone
    try:
        ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
        told = f"vence el {ends.astimezone(zone):%Y-%m-%d %H:%M}" if ends <= until else ""
    except (ValueError, OverflowError):  # a certificate may say the year 0, or 1
        return ""
    return told and f"{told} y la publicación termina el {until.astimezone(zone):%Y-%m-%d %H:%M}"


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _store() -> str:
    """Return the file with the authorities that this machine trusts; "" when it has none."""
    paths = ssl.get_default_verify_paths()
    bundle = f"{paths.capath}/ca-certificates.crt" if paths.capath else ""
    return paths.cafile or (bundle if Path(bundle).is_file() else "")


@cache
def _authorities(store: str) -> tuple[x509.Certificate, ...]:
    with warnings.catch_warnings():  # some old authorities break rules that do not matter here
        warnings.simplefilter("ignore")
        return tuple(x509.load_pem_x509_certificates(Path(store).read_bytes()))


def _common_name(name: x509.Name) -> str:
    names = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else name.rfc4514_string()


def _certificate(path: str, info: ValidationInfo) -> x509.Certificate | None:
    pem = content(path, info)
    if pem is None:
        return None
    _refuse_utf16(path, pem)
    try:
        return whole(pem)[0]
    except ValueError:
        raise ValueError(f"{path} no es un certificado en PEM, o no está entero; cópielo otra vez") from None


def whole(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM text; ValueError when there is none, or one of them is damaged.

    The library passes over one whose last line is missing or has another behind it; nginx does not start with it.
    """
    pem = _unmarked(pem)
    found = x509.load_pem_x509_certificates(pem)
    if not len(found) == pem.count(b"BEGIN CERTIFICATE") == len(re.findall(FIRST_LINE, pem)):
        raise ValueError
    return found


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _covers(certificate: x509.Certificate, name: str) -> bool:
    return any(each == name or each == f"*.{name.partition('.')[2]}" for each in _names(certificate))
