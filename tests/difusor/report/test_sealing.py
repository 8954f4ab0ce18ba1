"""`difusor seal` and `difusor verify`: the dictamen as a signed PDF with its data inside, made once for all tests."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from call_kit import FIRST
from call_kit import results as measured
from click.testing import CliRunner, Result
from command_kit import difusor
from papers_kit import structure_of, text_of
from publish_kit import command_of
from signer_kit import NAME, NUMBER, PASSWORD, Authority

from difusor.commands import seal, verify
from difusor.inventory.revision import revision
from difusor.papers import certificates
from difusor.papers.checking import opened
from difusor.papers.printing import pdf
from difusor.partners.filing import scan
from difusor.project import HOME, ROOT, UnusableError
from difusor.report import dictamen
from difusor.report.sealing import Sealing
from difusor.report.sealing import seal as seal_paper
from difusor.spec import deviations
from difusor.terminal.asking import secret

FOLIO, REVISION = "IER/0045/2027", "0123456789abcdef" * 4


@dataclass(frozen=True)
class Desk:
    """A home with a measured difusor, and who signs."""

    home: Path
    authority: Authority
    signer: tuple[str, ...]
    told: Result

    @property
    def pdf(self) -> Path:
        return self.home / "build/dictamen/diario.pdf"


def run(verb: ModuleType, *words: object) -> Result:
    return CliRunner().invoke(command_of(verb), [str(word) for word in words])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Seal the dictamen of the stored results, as a clerk does."""
    home = tmp_path_factory.mktemp("instituto")
    folder = home / "build/dictamen"
    moment = measured().finished.replace(microsecond=59_214)  # as a measurement ends: the dictamen says the second
    results = measured().model_copy(update={"revision": REVISION, "finished": moment})
    composed = dictamen.compose(results, "web1", FIRST, deviations.load())
    dictamen.write_papers(composed, folder / "diario")
    (folder / "diario.results.json").write_text(results.model_dump_json(indent=2), encoding="utf-8")
    authority = Authority.made(home)
    certificate, key = authority.as_sat(home)
    password = home / "clave"
    password.write_bytes(PASSWORD + b"\n")
    password.chmod(0o600)
    signer = ("--certificate", str(certificate), "--key", str(key), "--password-file", str(password))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME, str(home))
        told = run(seal, "diario", "--folio", FOLIO, "--post", "Dirección de Informática", *signer)
    return Desk(home, authority, signer, told)


@pytest.fixture
def copy(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the home that the test may change."""
    monkeypatch.setenv(HOME, str(shutil.copytree(desk.home, tmp_path / "copia")))
    return tmp_path / "copia/build/dictamen"


def test_a_difusor_is_named_and_its_dictamen_comes_out_signed(desk: Desk) -> None:
    assert desk.told.exit_code == 0, desk.told.output
    assert f"diario.pdf, firmado por {NAME}" in desk.told.output
    assert hashlib.sha256(desk.pdf.read_bytes()).hexdigest() in desk.told.output
    assert "contraseña" not in desk.told.output and PASSWORD not in desk.pdf.read_bytes()


def test_the_paper_says_what_it_is_who_signed_and_where_the_original_is(desk: Desk) -> None:
    said = text_of(desk.pdf)
    pages = int(re.findall(r"Página \d+ de (\d+)", said)[0])
    foot = f"Folio {FOLIO} · Diario del Valle · 2024-06-02 · copia: el original es el PDF firmado"
    assert said.count(foot) == pages == len(re.findall(r"Página \d+ de \d+", said)) > 5
    assert f"{NAME}, Dirección de Informática" in said and f"Certificado {NUMBER}" in said
    assert f"El original es el archivo electrónico diario.pdf, folio {FOLIO}; lo conserva el Instituto." in said
    assert "Una impresión es una copia" in said and "./difusor verify diario.pdf" in said
    assert REVISION in said.replace(" ", "")
    assert "SHA256:jGlSLxpEyNo3t1DMlp4u97b72utRF8C2/rsLzBtaKbY" in said  # the server's host key
    assert "Lugar y fecha" not in said  # nobody signs it by hand


def test_the_annex_has_the_evidence_of_every_test(desk: Desk) -> None:
    annex = " ".join(text_of(desk.pdf).partition("Anexo B: cada prueba y su evidencia")[2].split()).replace(" ", "")
    findings = json.loads(desk.pdf.with_name("diario.results.json").read_bytes())["findings"]
    missing = [each["test"] for each in findings if each["test"].replace(" ", "") not in annex]
    assert findings and missing == []
    values = [value for each in findings for value in each["evidence"]]
    assert [value for value in values if "".join(value.split()) not in annex] == []


def test_the_measured_data_are_inside_byte_for_byte(desk: Desk, tmp_path: Path) -> None:
    subprocess.run(["pdfdetach", "-saveall", "-o", tmp_path, desk.pdf], check=True)
    names = {"diario.json", "diario.results.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert all((tmp_path / name).read_bytes() == desk.pdf.with_name(name).read_bytes() for name in names)


def test_it_claims_pdf_a_and_keeps_what_can_be_seen_of_it_here(desk: Desk) -> None:
    """No validator of PDF/A is at hand: these are the rules that a test can look at, on the signed file."""
    objects = structure_of(desk.pdf.read_bytes())
    assert objects.rfind(b'pdfaid:part="3" pdfaid:conformance="A"') > 0
    for each in (b"/MarkInfo", b"es-MX", b"/StructTreeRoot", b"/OutputIntents", b"/AFRelationship /Data"):
        assert each in objects, each
    for each in (b"/JavaScript", b"/Encrypt", b"/NeedAppearances", b"/Launch"):
        assert each not in objects, each
    assert re.search(rb"/Subtype */application#2[fF]json", objects)
    fonts = subprocess.run(["pdffonts", desk.pdf], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts and all(re.search(r"Identity-H +yes yes yes", line) for line in fonts)
    # Signs that the fonts of ./difusor lack would be empty boxes, which PDF/A forbids.
    assert all("Liberation" in line for line in fonts)
    pages = [each.get_object() for each in opened(desk.pdf.read_bytes()).root["/Pages"]["/Kids"]]
    marks = [each.get_object() for page in pages for each in page.get("/Annots", ())]
    assert {str(each["/Subtype"]) for each in marks} == {"/Link", "/Widget"}
    assert all(each["/F"] & 4 for each in marks)  # printed, as PDF/A asks of every annotation
    (widget,) = (each for each in marks if each["/Subtype"] == "/Widget")
    assert list(map(int, widget["/Rect"])) == [0, 0, 0, 0]  # else it would need an appearance


def test_verify_says_who_signed_and_whether_the_issuer_is_known(desk: Desk, copy: Path) -> None:
    known = run(verify, copy / "diario.pdf", "--ca", desk.authority.path)
    assert known.exit_code == 0, known.output
    assert known.output.startswith("VÁLIDO: nada cambió desde que se firmó")
    for each in (f"Dictamen, folio {FOLIO}", NAME, NUMBER, "autoridad conocida", "Lleva dentro diario.json"):
        assert each in known.output
    unknown = run(verify, copy / "diario.pdf", "--json")
    answer = json.loads(unknown.output)
    assert unknown.exit_code == answer["status"] == 2
    assert answer["signatures"][0]["known"] is False and answer["signatures"][0]["at"].endswith("Z")
    (copy.parents[1] / "authorities.pem").write_bytes(desk.authority.path.read_bytes())
    assert run(verify, copy / "diario.pdf").exit_code == 0


def test_verify_tells_a_good_paper_from_the_one_in_force(desk: Desk, copy: Path, tmp_path: Path) -> None:
    """Whoever shows the dictamen of before the last measurement has a good signature under it."""
    paper = shutil.copy(copy / "diario.pdf", tmp_path / "recibido.pdf")
    assert "VIGENTE" not in run(verify, paper, "--ca", desk.authority.path).output
    later = json.loads((copy / "diario.json").read_bytes()) | {"verdict": "NO CUMPLE"}
    (copy / "diario.json").write_text(json.dumps(later))
    told = run(verify, paper, "--ca", desk.authority.path)
    assert (
        told.exit_code == 0
        and "NO ES EL DICTAMEN VIGENTE" in told.output
        and "dice NO CUMPLE y se midió" in told.output
    )
    (said,) = json.loads(run(verify, paper, "--json").stdout)["superseded"]
    assert str(copy / "diario.json") in said
    (copy / "diario.json").unlink()
    assert json.loads(run(verify, paper, "--json").stdout)["superseded"] == []


def test_verify_tells_what_does_not_hold(desk: Desk, copy: Path, tmp_path: Path) -> None:
    paper = bytearray((copy / "diario.pdf").read_bytes())
    paper[paper.index(b"stream") + 40] ^= 1
    other = tmp_path / "papel.pdf"
    for content, told in (
        (bytes(paper), "alteró"),
        (desk.pdf.read_bytes() + b"%\n", "después de la última firma"),
        (b"hola", "papel.pdf: no es un PDF"),
    ):
        other.write_bytes(content)
        found = run(verify, other, "--ca", desk.authority.path)
        assert found.exit_code == 1 and told in found.output, found.output


def test_a_signed_dictamen_is_not_lost_and_a_second_signature_is_added(desk: Desk, copy: Path) -> None:
    before = (copy / "diario.pdf").read_bytes()
    again = run(seal, "diario", "--folio", "OTRO/1", *desk.signer)
    assert again.exit_code == 1 and "ya está firmado y nada cambió" in again.output and "--replace" in again.output
    assert (copy / "diario.pdf").read_bytes() == before
    certificate, key = desk.authority.as_pem(copy.parents[1])
    added = run(seal, copy / "diario.pdf", "--certificate", certificate, "--key", key, "--json")
    assert added.exit_code == 0 and json.loads(added.output)["signed_by"] == "AUDITORA DE PRUEBA"
    assert (copy / "diario.pdf").read_bytes().startswith(before)
    assert run(verify, copy / "diario.pdf", "--ca", desk.authority.path).exit_code == 0
    assert scan.read(copy / "diario.pdf").kind == "pdf"  # difusor file takes it


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("zone", ["CST6", "/nada"])  # libc knows the first form, the library that signs does not
def test_a_zone_that_is_none_is_told_before_the_paper_is_made(zone: str, desk: Desk, tmp_path: Path) -> None:
    """In a process of its own: a program asks for its zone once. There, what makes a paper is missing."""
    (tmp_path / "weasyprint.py").write_text("raise OSError")
    words = ("seal", "diario", "--folio", FOLIO, "--replace", *desk.signer)
    told = difusor(*words, cwd=tmp_path, env={**os.environ, "TZ": zone})
    assert told.returncode == 1
    assert f"«{zone}» (TZ) no es una zona horaria" in told.stderr


def test_two_people_who_sign_at_once_do_so_one_after_the_other(
    desk: Desk, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would begin with the same paper, and the signature of whoever ends first would be lost."""

    def meanwhile(content: bytes, *_: object) -> bytes:
        folder = os.open(copy, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(folder)
        return content

    monkeypatch.setattr("difusor.report.sealing.signed", meanwhile)
    monkeypatch.setattr("difusor.report.sealing.pdf", lambda *_: b"%PDF-")
    at = datetime.now(UTC)
    certificate, key = (Path(word) for word in desk.signer[1:4:2])
    credentials = certificates.load(certificate, key, lambda: PASSWORD, at)
    for source in ("diario.pdf", "diario.json"):
        seal_paper(copy / source, Sealing(FOLIO, at, replace=True), credentials)


def test_what_cannot_be_sealed_is_refused_and_nothing_is_written(desk: Desk, copy: Path, tmp_path: Path) -> None:
    (copy / "diario.pdf").unlink()
    shutil.copy(copy / "diario.json", copy / "viejo.json")
    old = json.loads((copy / "viejo.json").read_bytes())
    del old["tools"]
    (copy / "viejo.json").write_text(json.dumps(old))
    shutil.copy(copy / "diario.html", copy / "tocado.html")
    (copy / "tocado.json").write_bytes((copy / "diario.json").read_bytes().replace(b"NO CUMPLE", b"CUMPLE"))
    whole = json.loads((copy / "diario.json").read_bytes())
    damages = {"hora": {"finished": "ayer"}, "zona": {"election": {"timezone": "Marte"}}, "forma": {"servers": 3}}
    for name, damage in damages.items():
        (copy / f"{name}.json").write_text(json.dumps(whole | damage))
    (copy / "hondo.json").write_bytes(b"[" * 100_000)
    for source, folio, told in (
        (copy / "diario.json", "", "falta el folio"),
        (copy / "diario.json", "x" * 121, "120 letras o menos"),
        (copy / "diario.json", "dos\nrenglones", "va en un renglón"),
        (copy / "diario.results.json", "F/1", "no es un dictamen: dé el JSON"),
        (ROOT / "README.md", "F/1", "no es un dictamen"),
        (copy / "viejo.json", "F/1", "es de otra versión"),
        (copy / "tocado.json", "F/1", "ya no es el que se emitió: tocado.html da otro SHA-256"),
        (copy / "hora.json", "F/1", "o está dañado"),
        (copy / "zona.json", "F/1", "o está dañado"),
        (copy / "forma.json", "F/1", "o está dañado"),
        (copy / "hondo.json", "F/1", "no es un dictamen"),
    ):
        found = run(seal, source, "--folio", folio, *desk.signer)
        assert found.exit_code == 1 and told in " ".join(found.output.split()), found.output
    assert list(copy.glob("*.pdf")) == []
    (tmp_path / "x.pdf").write_bytes(desk.pdf.read_bytes() + b"%")
    altered = run(seal, tmp_path / "x.pdf", *desk.signer)
    assert altered.exit_code == 1 and "ya no es lo que se firmó" in altered.output


def test_results_of_another_measurement_stay_out(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So do results that are not there; without a certificate the paper leaves room to sign by hand."""
    pages: list[str] = []
    monkeypatch.setattr("difusor.report.sealing.pdf", lambda html, attached: pages.append(html) or b"%PDF-")
    results = json.loads((copy / "diario.results.json").read_bytes())
    (copy / "diario.results.json").write_text(json.dumps({**results, "finished": "2024-06-05T00:00:00Z"}))
    (copy / "diario.pdf").unlink()
    done = seal_paper(copy / "diario.json", Sealing(FOLIO, measured().finished), None)
    assert done.attached == ("diario.json",) and "es de otra" in done.notes[0]
    assert "Lugar y fecha" in pages[0] and "no lleva firma electrónica" in pages[0]


def test_results_that_contradict_the_dictamen_are_not_sealed_with_it(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They went into the signed paper as the evidence for its verdicts, whatever somebody had written into them."""
    monkeypatch.setattr("difusor.report.sealing.pdf", lambda html, attached: b"%PDF-")
    (copy / "diario.pdf").unlink()
    (copy / "diario.html").unlink()  # without which the JSON's own digest is nowhere
    texts = {name: (copy / name).read_text(encoding="utf-8") for name in ("diario.results.json", "diario.json")}
    raw = json.loads(texts["diario.results.json"])
    first, *others = raw["findings"]
    verdict = json.loads(texts["diario.json"])
    clause = next(each for each in verdict["clauses"] if each["verdict"] == "NO CUMPLE")
    failed = next(each for each in clause["findings"] if each["outcome"] == "failed")
    failed["outcome"], clause["verdict"] = "passed", "CUMPLE"
    for name, altered, test in (
        ("diario.results.json", raw | {"findings": [first | {"evidence": ["otro valor"]}, *others]}, first["test"]),
        ("diario.results.json", raw | {"findings": others}, first["test"]),
        ("diario.results.json", raw | {"findings": [*raw["findings"], first | {"test": "t.py::t"}]}, "t.py::t"),
        ("diario.json", verdict, failed["test"]),
    ):
        (copy / name).write_text(json.dumps(altered), encoding="utf-8")
        with pytest.raises(UnusableError, match="no dicen lo mismo de") as refused:
            seal_paper(copy / "diario.json", Sealing(FOLIO, measured().finished), None)
        assert f"de {test}, y son de la misma medición: uno de los dos se alteró" in str(refused.value)
        (copy / name).write_text(texts[name], encoding="utf-8")
    assert not (copy / "diario.pdf").exists()
    said = json.loads(texts["diario.json"])
    for each in [finding for entry in said["clauses"] for finding in entry["findings"]] + said["unbound"]:
        del each["raised"], each["ended"]  # as one of a version that did not have them yet
    (copy / "diario.json").write_text(json.dumps(said), encoding="utf-8")
    assert len(seal_paper(copy / "diario.json", Sealing(FOLIO, measured().finished), None).attached) == 2


def test_the_post_of_the_election_is_that_of_the_person_whom_it_names(
    desk: Desk, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Capitals and accents apart; for anybody else there is a note, and no post but the one that is given."""
    pages: list[str] = []
    monkeypatch.setattr("difusor.report.sealing.pdf", lambda html, attached: pages.append(html) or pdf("<p>"))
    certificate, key = (Path(word) for word in desk.signer[1:4:2])
    at = datetime.now(UTC)
    credentials = certificates.load(certificate, key, lambda: PASSWORD, at)
    said = json.loads((copy / "diario.json").read_bytes())
    (copy / "diario.html").unlink()
    for name, post, notes in (("Funcionária de  Prueba", "Secretaría", 0), ("Otra Persona", "", 1)):
        said["election"]["institute"] = {"signs": {"name": name, "post": "Secretaría"}}
        (copy / "diario.json").write_text(json.dumps(said))
        done = seal_paper(copy / "diario.json", Sealing(FOLIO, at, replace=True), credentials)
        assert len(done.notes) == notes and all("Otra Persona" in each for each in done.notes)
        assert (f"<b>{NAME}</b>, {post}" in pages[-1]) is bool(post)


def test_a_password_comes_from_a_closed_file_or_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "clave"
    path.write_bytes(b"\xef\xbb\xbfsecreta\r\notra\n")
    path.chmod(0o644)
    with pytest.raises(UnusableError, match="otros lo pueden leer; ciérrelo: chmod 600"):
        secret("Contraseña", "--password-file", path)
    path.chmod(0o600)
    assert secret("Contraseña", "--password-file", path) == b"secreta"
    with pytest.raises(UnusableError, match="no hay terminal"):
        secret("Contraseña", "--password-file", None)


def test_the_revision_of_an_inventory_changes_with_any_of_its_files(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "inventories/ejemplo", tmp_path / "ejemplo")
    first = revision(folder)
    assert first == revision(ROOT / "inventories/ejemplo") and re.fullmatch("[0-9a-f]{64}", first)
    (folder / "notas.txt").write_text("Ansible no lo lee")
    assert revision(folder) == first
    (folder / "hosts.yml").write_text((folder / "hosts.yml").read_text() + "#\n")
    assert revision(folder) != first
