"""Checks the signatures of a PDF: who signed, when, whether anything changed after, and whether the issuer is known."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from difusor.papers.bounds import bounded
from difusor.papers.certificates import Holder, in_pyhanko, mend
from difusor.project import UnusableError
from difusor.terminal import plain

MAGIC = b"%PDF-"
VALID, INVALID, UNKNOWN = 0, 1, 2
"""Exit statuses: everything holds; something does not; nothing changed, but who signed is not known."""
MOST = 200
"""Characters of what a paper calls something, as far as it is told."""
AHEAD = timedelta(minutes=5)
"""How far the clock of whoever signed may be ahead of this machine's."""
CHANGED = "el contenido se modificó después de esta firma"
SHOWN = "después de esta firma se agregó algo que se ve, como otra firma visible, un dato u otro título"
TITLE = re.compile(rb"<dc:title\b.*?</dc:title>", re.DOTALL)
DAMAGED = "el PDF está dañado o se alteró: no se puede leer"


@dataclass(frozen=True)
class Signature:
    """One signature. `faults`: what does not hold, sentences without full stop; `known`: its issuer is believed.

    `at`: when, in UTC, by the clock of whoever signed; None when it does not say.
    """

    field: str
    holder: Holder
    at: datetime | None
    reason: str
    known: bool
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Attachment:
    """A file inside a paper: its name, its size in bytes, its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Checked:
    """What a PDF says of itself. `faults` are of the file as a whole; `attached` is empty when anything is at fault."""

    sha256: str
    signatures: tuple[Signature, ...]
    faults: tuple[str, ...]
    attached: tuple[Attachment, ...] = ()

    @property
    def status(self) -> int:
        """One of VALID, INVALID, UNKNOWN."""
        if self.faults or any(each.faults for each in self.signatures):
            return INVALID
        return VALID if all(each.known for each in self.signatures) else UNKNOWN


def opened(content: bytes) -> Any:
    """Return pyHanko's reader of a PDF; UnusableError when it is none, or cannot be read."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    if not content.startswith(MAGIC):
        raise UnusableError("no es un PDF, diga lo que diga su nombre")
    mend()
    reader = _tried(lambda: PdfFileReader(io.BytesIO(content)))
    _tried(lambda: reader.embedded_signatures)
    return reader


def check(content: bytes, believed: Sequence[x509.Certificate], now: datetime) -> Checked:
    """Return what the signatures of a PDF say, and what of it does not hold; UnusableError as `opened`.

    `believed` are the authorities whose certificates tell who signed. A certificate is judged at the instant of its
    signature. Nothing is asked of the network, so whether one was revoked is not known. UnusableError also when the
    file takes more time or memory than a paper does; call it from the main thread (`bounded`).
    """
    with _silent(), bounded():
        reader = opened(content)
        found = _tried(lambda: [_signature(each, believed, now) for each in reader.embedded_regular_signatures])
        if not found:
            return Checked(hashlib.sha256(content).hexdigest(), (), ("no tiene firma electrónica",))
        faults = () if _tried(lambda: _ends_signed(reader)) else ("se le agregó algo después de la última firma",)
        whole = Checked(hashlib.sha256(content).hexdigest(), tuple(found), faults)
        attached = () if whole.status == INVALID else _tried(lambda: tuple(_attachments(reader)))
    return Checked(whole.sha256, whole.signatures, whole.faults, attached)


def _tried[T](step: Callable[[], T]) -> T:
    """Return what a step makes of the file; UnusableError when it cannot be made."""
    try:
        return step()
    except MemoryError:
        raise
    except Exception as error:  # the file is anybody's: its parser stumbles in as many ways as there are mistakes
        raise UnusableError(f"{DAMAGED} ({type(error).__name__})") from error


def _signature(embedded: Any, believed: Sequence[x509.Certificate], now: datetime) -> Signature:
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    holder = Holder.of(x509.load_der_x509_certificate(embedded.signer_cert.dump()))
    at = embedded.self_reported_timestamp
    status = validate_pdf_signature(
        embedded,
        ValidationContext(trust_roots=[in_pyhanko(each) for each in believed], moment=at, allow_fetching=False),
        # SAT marks its certificates for both; who signs with another one may have either, or none of them.
        key_usage_settings=KeyUsageConstraints(key_usage=set()),
    )
    faults = []
    if not status.intact:
        faults.append("el contenido se alteró después de firmarse")
    elif not status.valid or _uncovered(embedded):
        faults.append("la firma no corresponde al certificado que la acompaña, o está dañada")
    elif not status.docmdp_ok or status.modification_level not in (
        ModificationLevel.NONE, ModificationLevel.LTA_UPDATES, ModificationLevel.FORM_FILLING
    ):  # fmt: skip
        faults.append(CHANGED)
    elif _shows_more(embedded, status):
        faults.append(SHOWN)
    faults += _when(holder, at, now)
    return Signature(
        field=plain(embedded.field_name, MOST), holder=holder, at=at and at.astimezone(UTC),
        reason=plain(embedded.sig_object.get("/Reason", ""), MOST), known=bool(status.trusted), faults=tuple(faults),
    )  # fmt: skip


def _shows_more(embedded: Any, status: Any) -> bool:
    """Tell whether what came after a signature is seen: another title, a place that was not there yet, or other fields.

    Readers draw a field over the page, so a later signature as large as the page would hide all that was signed.
    """
    from pyhanko.sign.fields import enumerate_sig_fields

    then = _as_signed(embedded)
    before = {name for name, _, _ in enumerate_sig_fields(then)}
    now = {name: field.get_object() for name, _, field in enumerate_sig_fields(embedded.reader)}
    added = any(_shows_or_acts(field) for name, field in now.items() if name not in before)
    return (
        added
        or _title(then) != _title(embedded.reader)
        or bool(getattr(status.diff_result, "changed_form_fields", set()) - now.keys())
    )


def _as_signed(embedded: Any) -> Any:
    """Return a reader of the file as a signature covers it: all up to where that ends."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    _, _, start, length = embedded.byte_range
    embedded.reader.stream.seek(0)
    return PdfFileReader(io.BytesIO(embedded.reader.stream.read(int(start) + int(length))))


def _title(revision: Any) -> tuple[Any, ...]:
    """Return what a reader may show as the title of a paper: the two places that have it."""
    metadata, info = _entry(revision.root, "/Metadata", None), _entry(revision.trailer_view, "/Info", {})
    told = TITLE.findall(metadata.data) if metadata else []
    return _entry(info, "/Title", ""), [re.sub(rb"<[^>]*>", b"", each).strip() for each in told]


def _entry(dictionary: Any, key: str, otherwise: Any) -> Any:
    """Return an entry of a dictionary in a PDF; pyHanko's own `get` returns a reference as it is."""
    try:
        return dictionary[key]
    except KeyError:
        return otherwise


def _shows_or_acts(field: Any) -> bool:
    """Tell whether a field, or one of its parts, has a place on a page, or something to do when the page is read."""
    left, bottom, right, top = (float(field["/Rect"][side]) for side in range(4)) if "/Rect" in field else (0.0,) * 4
    has_room = left != right and bottom != top
    parts = _entry(field, "/Kids", ())
    return has_room or "/A" in field or "/AA" in field or any(_shows_or_acts(parts[each]) for each in range(len(parts)))


def _when(holder: Holder, at: datetime | None, now: datetime) -> list[str]:
    """Return what is wrong with the instant of a signature."""
    if at is None:
        return ["no dice cuándo se firmó"]
    if at > now + AHEAD:
        return ["dice que se firmó en el futuro"]
    return [] if holder.valid(at) else ["el certificado no estaba vigente cuando dice que se firmó"]


def _uncovered(embedded: Any) -> bool:
    """Tell whether what no signature covers is not as it has to be: the algorithm's name, and zeros in unused room."""
    from asn1crypto.cms import ContentInfo

    content = embedded.pkcs7_content
    named = [each["algorithm"].native for each in embedded.signed_data["digest_algorithms"]]
    return named != [embedded.md_algorithm] or any(content[len(ContentInfo.load(content).dump()) :])


def _ends_signed(reader: Any) -> bool:
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    last = reader.embedded_signatures[-1]
    return bool(last.evaluate_signature_coverage() == SignatureCoverageLevel.ENTIRE_FILE)


def _attachments(reader: Any) -> Iterator[Attachment]:
    associated = reader.root.get("/AF", ())
    # WeasyPrint lists each file twice.
    for each in {associated.raw_get(number): associated[number] for number in range(len(associated))}.values():
        data = each["/EF"]["/F"].data
        yield Attachment(plain(each["/UF"], MOST), len(data), hashlib.sha256(data).hexdigest())


@contextmanager
def _silent() -> Iterator[None]:
    """Keep pyHanko from printing each fault, with a traceback, before it is told in a sentence."""
    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    before = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)
