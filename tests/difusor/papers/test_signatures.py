"""Signatures of papers: with what certificates they are made, and what is said of one that does not hold."""

from __future__ import annotations

import io
import random
import re
import resource
import signal
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from papers_kit import structure_of
from signer_kit import NAME, NUMBER, PASSWORD, Authority

from difusor.papers import certificates, checking, wording
from difusor.papers.bounds import bounded
from difusor.papers.certificates import AUTHORITIES, Credentials
from difusor.papers.checking import INVALID, SHOWN, UNKNOWN, VALID, Checked, check
from difusor.papers.printing import Attached, pdf
from difusor.papers.signing import signed
from difusor.project import HOME, UnusableError


def _no_password() -> bytes:
    raise AssertionError("asked for a password that the key does not have")


@dataclass(frozen=True)
class Signed:
    """A paper signed with a certificate as SAT issues it, and with what."""

    folder: Path
    authority: Authority
    credentials: Credentials
    paper: bytes

    @property
    def believed(self) -> tuple[x509.Certificate, ...]:
        return certificates.authorities([self.authority.path])

    def check(self, content: bytes | None = None, *, now: datetime | None = None) -> Checked:
        return check(self.paper if content is None else content, self.believed, now or datetime.now(UTC))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("firmas")
    authority = Authority.made(folder)
    credentials = certificates.load(*authority.as_sat(folder), lambda: PASSWORD, datetime.now(UTC))
    page = pdf("<html lang=es-MX><title>P</title><p>Hola", [Attached("a.json", b"{}", datetime.now(UTC), "datos")])
    return Signed(folder, authority, credentials, signed(page, credentials, "Folio 7"))


def test_a_certificate_of_sat_s_signs_and_pyhanko_finds_the_signature_good(made: Signed) -> None:
    """pyHanko's own validator, with its own rules, agrees; what was attached is still there, and the mark of PDF/A."""
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    from difusor.papers.checking import opened

    (embedded,) = opened(made.paper).embedded_signatures
    context = ValidationContext(trust_roots=[certificates.in_pyhanko(each) for each in made.believed])
    status = validate_pdf_signature(embedded, context, key_usage_settings=KeyUsageConstraints(key_usage=set()))
    assert status.bottom_line and status.coverage.name == "ENTIRE_FILE"
    assert embedded.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    found = made.check()
    assert (found.status, found.faults) == (VALID, ())
    assert [(each.name, each.size) for each in found.attached] == [("a.json", 2)]
    assert b'pdfaid:part="3" pdfaid:conformance="A"' in structure_of(made.paper)
    (one,) = found.signatures
    assert (one.holder.name, one.holder.number, one.holder.issuer) == (NAME, NUMBER, "AUTORIDAD DE PRUEBA")
    assert one.at is not None and abs(one.at - datetime.now(UTC)) < timedelta(hours=1)
    assert one.reason == "Folio 7"


def test_a_reader_of_pdf_finds_the_signature_valid_and_its_issuer_unknown(made: Signed) -> None:
    """As docs/es/dictamen.md explains: poppler has no authorities of its own."""
    path = made.folder / "firmado.pdf"
    path.write_bytes(made.paper)
    said = subprocess.run(["pdfsig", "-nssdir", made.folder, path], capture_output=True, text=True).stdout
    assert "Signature is Valid" in said and "Certificate issuer is unknown" in said
    assert "Total document signed" in said and f"Common Name: {NAME}" in said


def test_whoever_is_not_believed_is_told_as_unknown(made: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authorities are those given, else the home's own file, else none; a namesake of one is not it."""
    monkeypatch.setenv(HOME, str(made.folder))
    assert certificates.authorities() == ()
    unknown = check(made.paper, (), datetime.now(UTC))
    assert unknown.status == UNKNOWN
    assert any("--ca" in each for each in wording.sentences(unknown, None))
    namesake = made.folder / "otra"
    namesake.mkdir()
    other = Authority.made(namesake)
    assert check(made.paper, certificates.authorities([other.path]), datetime.now(UTC)).status == UNKNOWN
    own = made.folder / AUTHORITIES
    own.write_bytes(other.path.read_bytes() + made.authority.path.read_bytes())
    assert check(made.paper, certificates.authorities(), datetime.now(UTC)).status == VALID
    own.unlink()
    der = made.folder / "ac.cer"
    der.write_bytes(made.believed[0].public_bytes(Encoding.DER))
    assert certificates.authorities([der]) == made.believed


def test_a_file_of_authorities_that_was_not_copied_whole_is_refused(made: Signed) -> None:
    """The one that was cut would be missing without a word."""
    cut = made.folder / "cortada.pem"
    cut.write_bytes(made.authority.path.read_bytes() * 2)
    assert len(certificates.authorities([cut])) == 2
    cut.write_bytes(cut.read_bytes()[:-20])
    with pytest.raises(UnusableError, match=r"cortada\.pem no es un certificado en DER .* o no está entero"):
        certificates.authorities([cut])


def test_the_authority_that_issued_the_certificate_has_to_be_known_and_not_only_the_one_above(made: Signed) -> None:
    """As with SAT's: the certificates of its people come without that of the authority between them and the root."""
    between = Authority.made(made.folder, "INTERMEDIA DE PRUEBA", made.authority)
    credentials = certificates.load(*between.as_pem(made.folder, days=40), _no_password, datetime.now(UTC))
    paper = signed(pdf("<p>Hola"), credentials, "")
    assert made.check(paper).status == UNKNOWN
    for paths in ([between.path], [made.authority.path, between.path]):
        assert check(paper, certificates.authorities(paths), datetime.now(UTC)).status == VALID


def test_no_byte_that_is_signed_can_change(made: Signed) -> None:
    """Nor one of the signature itself, but for those that say nothing, such as its format's version.

    A file that its reader stumbles over is told as damaged.
    """
    room = re.search(rb"/Contents <([0-9a-fA-F]+)>", made.paper)
    assert room is not None
    drawn = random.Random(17)
    places = {0, 6, room.start() - 1, room.end(), room.end(1) - 1, len(made.paper) - 1}
    places |= {drawn.randrange(len(made.paper)) for _ in range(60)}
    places |= {room.start(1) + digit for digit in range(0, 120, 2)}
    untouched = made.check()
    for place in sorted(places):
        altered = bytearray(made.paper)
        altered[place] ^= 1
        try:
            found = replace(made.check(bytes(altered)), sha256=untouched.sha256)
            is_of_the_signature = room.start(1) <= place < room.end(1)
            assert found.status == INVALID or (is_of_the_signature and found == untouched), place
        except UnusableError as told:
            assert "dañado" in str(told) or "no es un PDF" in str(told), place


def test_what_is_added_after_the_signature_is_told(made: Signed) -> None:
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(made.paper))
    writer.root["/OpenAction"] = generic.pdf_name("/Nada")
    writer.update_root()
    added = io.BytesIO()
    writer.write(added)
    assert added.getvalue().startswith(made.paper)
    for content in (added.getvalue(), made.paper + b"\n% mas\n"):
        found = made.check(content)
        assert found.status == INVALID and found.attached == ()
        assert any("después" in each for each in wording.sentences(found, None))


def test_a_second_person_signs_the_same_file(made: Signed) -> None:
    """The first signature stays good, and what is added after the second is told."""
    second = certificates.load(*made.authority.as_pem(made.folder), _no_password, datetime.now(UTC))
    both = signed(made.paper, second, "")
    assert both.startswith(made.paper)
    found = made.check(both)
    assert (found.status, found.faults) == (VALID, ())
    assert [each.holder.name for each in found.signatures] == [NAME, "AUDITORA DE PRUEBA"]
    assert made.check(both + b"\n%").status == INVALID


def test_a_later_signature_that_covers_the_page_is_told(made: Signed) -> None:
    """Whoever has any certificate could otherwise draw another result over what the official signed."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigFieldSpec, append_signature_field

    second = certificates.load(*made.authority.as_pem(made.folder), _no_password, datetime.now(UTC))
    script = {generic.pdf_name("/S"): generic.pdf_name("/JavaScript"), generic.pdf_name("/JS"): generic.pdf_string("x")}
    when_read = generic.DictionaryObject({generic.pdf_name("/PO"): generic.DictionaryObject(script)})
    for box, acts, told in (((0, 0, 600, 800), False, SHOWN), ((0, 0, 0, 0), False, ""), ((0, 0, 0, 0), True, SHOWN)):
        field, drawn = io.BytesIO(), IncrementalPdfFileWriter(io.BytesIO(made.paper))
        append_signature_field(drawn, SigFieldSpec("Firma2", box=box))
        if acts:
            drawn.root["/AcroForm"]["/Fields"][-1]["/AA"] = when_read
        drawn.write(field)
        assert made.check(signed(field.getvalue(), second, "")).signatures[0].faults == ((told,) if told else ())
        # A place that the first person saw may be signed in.
        reserved = IncrementalPdfFileWriter(io.BytesIO(pdf("<p>Hola")))
        append_signature_field(reserved, SigFieldSpec("Firma2", box=box))
        reserved.write(field := io.BytesIO())
        both = signed(signed(field.getvalue(), made.credentials, ""), second, "")
        assert made.check(both).status == VALID


def test_a_later_signature_may_not_change_the_title(made: Signed) -> None:
    """Readers show it above the pages, and pyHanko's own rules let it change."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    second = certificates.load(*made.authority.as_pem(made.folder), _no_password, datetime.now(UTC))
    writer, titled = IncrementalPdfFileWriter(io.BytesIO(made.paper)), io.BytesIO()
    info = writer.prev.trailer.raw_get("/Info")
    info.get_object()["/Title"] = generic.pdf_string("CUMPLE")
    writer.mark_update(info)
    writer.write(titled)
    first, added = made.check(signed(titled.getvalue(), second, "")).signatures
    assert (first.faults, added.faults) == ((SHOWN,), ())


def test_a_paper_made_to_keep_its_reader_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some kilobytes, with thousands of fields in one object stream, take pyHanko minutes."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.writer import PdfFileWriter

    writer, fields = PdfFileWriter(stream_xrefs=True), generic.ArrayObject()
    packed, kind = writer.prepare_object_stream(), generic.pdf_name("/Tx")
    for number in range(4000):
        field = {generic.pdf_name("/FT"): kind, generic.pdf_name("/T"): generic.TextStringObject(str(number))}
        fields.append(writer.add_object(generic.DictionaryObject(field), obj_stream=packed))
    writer.root["/AcroForm"] = generic.DictionaryObject({generic.pdf_name("/Fields"): fields})
    content = io.BytesIO()
    writer.write(content)
    before = resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGPROF)
    monkeypatch.setattr(checking, "bounded", partial(bounded, 0.2))
    with pytest.raises(UnusableError, match="toma más tiempo"):
        check(content.getvalue(), (), datetime.now(UTC))
    with pytest.raises(UnusableError, match="toma más memoria"), bounded(memory=1 << 20):
        bytearray(64 << 20)
    assert before == (resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGPROF))
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_certificate_is_judged_at_the_instant_of_the_signature(made: Signed) -> None:
    """A signature outlives the certificate; one that claims another time than the certificate's does not hold."""
    assert made.check(now=datetime.now(UTC) + timedelta(days=900)).status == VALID
    early = made.check(now=datetime.now(UTC) - timedelta(days=1))
    assert early.status == INVALID and early.signatures[0].faults == ("dice que se firmó en el futuro",)
    brief = made.authority.as_pem(made.folder, days=5)
    expired = certificates.load(*brief, _no_password, datetime.now(UTC) - timedelta(days=8))
    found = made.check(signed(pdf("<p>x"), expired, ""))
    assert found.signatures[0].faults == ("el certificado no estaba vigente cuando dice que se firmó",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hola", "no es un PDF, diga lo que diga su nombre"),
        (b"", "no es un PDF"),
        (b"%PDF-1.7\n%%EOF\n", "el PDF está dañado o se alteró"),
        (b"%PDF-1.7\nstartxref\n9\n%%EOF\n", "el PDF está dañado o se alteró"),
    ],
)
def test_what_is_no_pdf_is_told(content: bytes, told: str) -> None:
    with pytest.raises(UnusableError, match=told):
        check(content, (), datetime.now(UTC))


def test_a_pdf_without_signature_is_told() -> None:
    found = check(pdf("<p>Hola"), (), datetime.now(UTC))
    assert (found.status, found.faults) == (INVALID, ("no tiene firma electrónica",))


def test_a_pdf_with_a_password_is_refused_in_a_sentence(made: Signed) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.pdf_utils.writer import copy_into_new_writer

    writer, content = copy_into_new_writer(PdfFileReader(io.BytesIO(pdf("<p>Hola")))), io.BytesIO()
    writer.encrypt(owner_pass="a", user_pass="")
    writer.write(content)
    with pytest.raises(UnusableError, match=r"no admite una firma .*pídalo sin protección"):
        signed(content.getvalue(), made.credentials, "")


def test_pem_and_pkcs12_sign_too(made: Signed) -> None:
    for credentials in (
        certificates.load(*made.authority.as_pem(made.folder), _no_password, datetime.now(UTC)),
        certificates.load(made.authority.as_pkcs12(made.folder), None, lambda: PASSWORD, datetime.now(UTC)),
    ):
        assert made.check(signed(pdf("<p>Hola"), credentials, "")).status == VALID


def test_what_cannot_sign_is_refused_with_its_reason(made: Signed) -> None:
    folder, now = made.folder, datetime.now(UTC)
    sat, pem, packed = made.authority.as_sat(folder), made.authority.as_pem(folder), made.authority.as_pkcs12(folder)
    late, mine = now + timedelta(days=400), lambda: PASSWORD
    for certificate, key, password, at, told in (
        (*sat, lambda: b"otra", now, "esa no es la contraseña de .*funcionaria.key"),
        (sat[0], pem[1], mine, now, "la llave no es la del certificado .*funcionaria.cer"),
        (sat[1], sat[1], mine, now, "funcionaria.key no es un certificado"),
        (sat[0], sat[0], mine, now, "funcionaria.cer no es una llave privada"),
        (sat[0], None, mine, now, "es solo un certificado; dé también su llave"),
        (packed, None, lambda: b"otra", now, "no es un PKCS#12, o la contraseña no es la suya"),
        (*sat, mine, late, f"el certificado de {NAME} venció el"),
        (*sat, mine, now - timedelta(days=400), "vale desde el"),
        (folder / "no-hay", None, mine, now, "no se puede leer .*no-hay"),
    ):
        with pytest.raises(UnusableError, match=told):
            certificates.load(certificate, key, password, at)


def test_every_wrong_password_is_told_as_one(made: Signed) -> None:
    """One of some 256 decrypts the key to bytes that end as they should: of a thousand, two to seven mostly."""
    certificate, key = made.authority.as_sat(made.folder)
    for number in range(1000):
        with pytest.raises(UnusableError, match="esa no es la contraseña"):
            certificates.load(certificate, key, str(number).encode, datetime.now(UTC))


def test_a_key_or_certificate_on_a_small_curve_is_refused(made: Signed) -> None:
    certificate, key = made.authority.as_sat(made.folder)
    small, packed, own, both = (made.folder / name for name in ("small.key", "packed.key", "small.cer", "small.p12"))
    password = ["-passout", f"pass:{PASSWORD.decode()}"]
    for command in (
        ["ecparam", "-name", "brainpoolP160r1", "-genkey", "-noout", "-out", small],
        ["pkcs8", "-topk8", "-in", small, "-out", packed, *password],
        ["req", "-x509", "-new", "-key", small, "-subj", "/CN=x", "-out", own],
        ["pkcs12", "-export", "-inkey", small, "-in", own, "-out", both, *password],
    ):
        subprocess.run(["openssl", *command], capture_output=True, check=True)
    for one, other, told in (
        (certificate, small, "la llave de .*small.key no es RSA ni de una curva"),
        (certificate, packed, "la llave de .*packed.key no es RSA ni de una curva"),
        (both, None, "la llave de .*small.p12 no es RSA ni de una curva"),
        (own, key, "la llave no es la del certificado .*small.cer"),
    ):
        with pytest.raises(UnusableError, match=told):
            certificates.load(one, other, lambda: PASSWORD, datetime.now(UTC))
