"""Certificates of people who sign papers: as SAT issues them (DER, and an encrypted key), PEM or PKCS#12."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12

from corte.format.errors import why
from corte.format.files import small
from difusor.inventory.certificates import belongs, whole
from difusor.project import UnusableError, home
from difusor.terminal import plain

AUTHORITIES = "authorities.pem"
"""The institute's own file, in its home: the certificates, in PEM, of those whose word on who signs it takes."""
NUMBER_DIGITS = 20
"""SAT writes the number of a certificate into its serial number as text, one byte a digit."""
PEM = b"-----BEGIN "
FEWEST_BITS = 2048

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Password = Callable[[], bytes]
"""Asks for the password of a key; called only when the key has one."""


@dataclass(frozen=True)
class Holder:
    """Whom a certificate names, its number, who issued it, and from when until when it is valid, in UTC."""

    name: str
    number: str
    issuer: str
    starts: datetime
    ends: datetime

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Holder:
        """Return that of a certificate."""
        return cls(
            name=_named(certificate.subject), number=_number(certificate.serial_number),
            issuer=_named(certificate.issuer), starts=certificate.not_valid_before_utc,
            ends=certificate.not_valid_after_utc,
        )  # fmt: skip

    def valid(self, at: datetime) -> bool:
        """Tell whether the certificate was valid at an instant."""
        return self.starts <= at <= self.ends


@dataclass(frozen=True)
class Credentials:
    """A person's certificate, the key that belongs to it, and the certificates of authorities that came with them."""

    certificate: x509.Certificate
    key: Key
    others: tuple[x509.Certificate, ...] = ()

    @property
    def holder(self) -> Holder:
        """Whom the certificate names."""
        return Holder.of(self.certificate)


def load(certificate: Path, key: Path | None, password: Password, at: datetime) -> Credentials:
    """Return what signs a paper at an instant; without `key` the first file holds both (PKCS#12, or PEM with a key).

    UnusableError when the files are not that, the password is wrong, one does not belong to the other, or the
    certificate is not valid then.
    """
    content = _content(certificate)
    if found := _unpacked(certificate, content, password) if key is None and PEM not in content else None:
        credentials = found
    else:
        first, *others = _certificates(certificate, content)
        credentials = Credentials(first, _key(key or certificate, password), tuple(others))
    _refuse_unfit(certificate, credentials, at)
    return credentials


def authorities(paths: Sequence[Path] = ()) -> tuple[x509.Certificate, ...]:
    """Return the certificates of the authorities that are believed: those in these files, else in the home's own.

    Empty when no file is given and the home has none. UnusableError when a file has no certificate.
    """
    own = home() / AUTHORITIES
    return tuple(
        each for path in paths or ([own] if own.exists() else ()) for each in _certificates(path, _content(path))
    )


def in_pyhanko(certificate: x509.Certificate) -> Any:
    """Return a certificate as pyHanko takes it."""
    from asn1crypto import x509 as theirs

    mend()
    return theirs.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def mend() -> None:
    """Have asn1crypto read SAT's certificates, which have the taxpayer's number as text where it expects bits.

    Its issue 228 is open; without this a signature with such a certificate can neither be made nor read.
    """
    from asn1crypto import x509 as theirs

    theirs.NameTypeAndValue._oid_specs["unique_identifier"] = theirs.DirectoryString


def _content(path: Path) -> bytes:
    try:
        return small(path)
    except OSError as error:
        raise UnusableError(f"no se puede leer {path} ({why(error)}); corrija la ruta o sus permisos") from None


def _certificates(path: Path, content: bytes) -> Sequence[x509.Certificate]:
    try:
        if PEM in content:
            return whole(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise UnusableError(
            f"{path} no es un certificado en DER (el .cer del SAT) ni en PEM, o no está entero; revise que no sea la "
            "llave"
        ) from None


def _unpacked(path: Path, content: bytes, password: Password) -> Credentials | None:
    """Return what a PKCS#12 file holds; None when this is a certificate alone."""
    try:
        x509.load_der_x509_certificate(content)
    except ValueError:
        pass
    else:
        raise UnusableError(f"{path} es solo un certificado; dé también su llave con --key")
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, password() or None)
    except ValueError:
        raise UnusableError(f"{path} no es un PKCS#12, o la contraseña no es la suya") from None
    except UnsupportedAlgorithm:
        raise _of_no_known_kind(path) from None
    if certificate is None or not isinstance(key, Key):
        raise UnusableError(f"{path} no trae certificado y llave de una persona; expórtelo otra vez con los dos")
    return Credentials(certificate, key, tuple(others))


def _key(path: Path, password: Password) -> Key:
    content = _content(path)
    read_key = serialization.load_pem_private_key if PEM in content else serialization.load_der_private_key
    try:
        try:
            key = read_key(content, None)
        except TypeError:  # it is encrypted
            key = _decrypted(path, partial(read_key, content, password()))
    except ValueError:
        raise UnusableError(f"{path} no es una llave privada en DER (el .key del SAT) ni en PEM") from None
    except UnsupportedAlgorithm:  # such as a curve of 160 bits
        raise _of_no_known_kind(path) from None
    if not isinstance(key, Key):
        raise _of_no_known_kind(path)
    return key


def _of_no_known_kind(path: Path) -> UnusableError:
    return UnusableError(f"la llave de {path} no es RSA ni de una curva que lean los programas; firme con otra")


def _decrypted(path: Path, read: Callable[[], PrivateKeyTypes]) -> PrivateKeyTypes:
    """Return the key that `read` decrypts.

    The cipher does not tell every wrong password: one of some 256 leaves bytes that end as they should and are no key.
    So bytes that are none are told as a wrong password first.
    """
    try:
        return read()
    except (ValueError, TypeError):
        raise UnusableError(
            f"esa no es la contraseña de {path}, o el archivo no está entero, o se cifró de un modo que no se conoce; "
            "nada se firmó"
        ) from None


def _refuse_unfit(path: Path, credentials: Credentials, at: datetime) -> None:
    certificate, holder, key = credentials.certificate, credentials.holder, credentials.key
    if not belongs(key, certificate):
        raise UnusableError(f"la llave no es la del certificado {path}, de {holder.name}; dé los dos de una persona")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < FEWEST_BITS:
        raise UnusableError(f"la llave de {path} es RSA de {key.key_size} bits; hace falta una de {FEWEST_BITS} o más")
    if _of_an_authority(certificate):
        raise UnusableError(f"{path} es el certificado de una autoridad, no el de quien firma")
    if not holder.valid(at):
        when = f"venció el {holder.ends:%d/%m/%Y}" if at > holder.ends else f"vale desde el {holder.starts:%d/%m/%Y}"
        raise UnusableError(f"el certificado de {holder.name} {when}; firme con uno vigente")


def _of_an_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _named(name: x509.Name) -> str:
    """Return the common name of a subject, else its organisation, else the whole."""
    for each in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME):
        if found := name.get_attributes_for_oid(each):
            return plain(found[0].value, 200)
    return plain(name.rfc4514_string(), 200)


def _number(serial: int) -> str:
    text = serial.to_bytes((serial.bit_length() + 7) // 8)
    return text.decode() if len(text) == NUMBER_DIGITS and text.isdigit() else f"{serial:X}"
