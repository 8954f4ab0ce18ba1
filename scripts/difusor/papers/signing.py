"""Signs a paper: PAdES (ETSI EN 319 142), which readers of PDF show, added behind what was there before."""

from __future__ import annotations

import io
import os
from zoneinfo import ZoneInfoNotFoundError

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from difusor.papers.bounds import bounded
from difusor.papers.certificates import Credentials, in_pyhanko
from difusor.papers.checking import opened
from difusor.project import UnusableError

DIGEST = "sha256"
FIELD = "Firma"


def signed(content: bytes, credentials: Credentials, reason: str) -> bytes:
    """Return a PDF with one more signature; every byte of `content` stays.

    UnusableError when it is no usable PDF, or admits no signature, and as `require_zone`.
    The instant in the signature is this machine's own. Nothing is asked of the network: there is no time stamp, and
    whether the certificate was revoked is for whoever verifies to ask.
    """
    from asn1crypto.keys import PrivateKeyInfo
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    require_zone()
    known = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    known.register_multiple(in_pyhanko(each) for each in credentials.others)
    signer = signers.SimpleSigner(
        signing_cert=in_pyhanko(credentials.certificate),
        signing_key=PrivateKeyInfo.load(
            credentials.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
        cert_registry=known,
    )
    with bounded():
        metadata = signers.PdfSignatureMetadata(
            field_name=f"{FIELD}{len(opened(content).embedded_signatures) + 1}",
            subfilter=SigSeedSubFilter.PADES,
            md_algorithm=DIGEST,
            name=credentials.holder.name,
            reason=reason,
        )
        try:
            done = signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content)), metadata, signer)
        except Exception as error:  # the file is anybody's, as in `checking`
            raise UnusableError(
                f"el PDF no admite una firma ({type(error).__name__}); si está protegido con contraseña o contra "
                "cambios, pídalo sin protección. Nada cambió"
            ) from error
    return bytes(done.getvalue())


def require_zone() -> None:
    """Raise UnusableError when this machine's time zone is none with which a paper can be signed.

    Whoever makes a paper to sign asks first, because making it takes seconds. The library that signs will ask the same.
    """
    from tzlocal import get_localzone

    try:
        get_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a name, a path, a file of another kind
        raise UnusableError(
            f"«{os.environ.get('TZ', '')}» (TZ) no es una zona horaria de /usr/share/zoneinfo; quítela: unset TZ. "
            "Nada cambió"
        ) from None
