"""`difusor file`: scans are kept as they came with what they are, and an official difusor lacks none of its papers."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pwd
import shutil
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from form_kit import png
from PIL import Image

from corte.format import instants
from difusor import spec
from difusor.inventory import attestations
from difusor.inventory.variables import read
from difusor.partners.facts import FactError
from difusor.partners.filing import attested, filing, papers, scan
from difusor.partners.filing.filing import Filing
from difusor.project import UnusableError
from difusor.terminal import local

ZONE = ZoneInfo("America/Tijuana")
"""Of the place of the election."""
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n2 0 obj\n<</Type/Pages>>\nendobj\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n"


def sent(tmp_path: Path, content: bytes = PDF, name: str = "escaneo.pdf") -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def letter(**more: Any) -> Filing:
    return Filing(**{"paper": "carta", "folio": "C/1", **more})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no es PDF, PNG ni JPEG"),
        (PDF.replace(b"/Type/Pages", b""), "PDF sin páginas"),
        (b"MZ\x90\x00", "no es PDF, PNG ni JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no es PDF, PNG ni JPEG"),
        (PDF[:-8], "está incompleto"),
        (PDF.replace(b"<<>>\nstartxref", b"<</Encrypt 3 0 R>>\nstartxref"), "protegido con contraseña"),
        (png()[:-12], "está incompleto"),
        (png()[:50] + png()[60:], "está dañado"),
        (b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9", "está dañado"),
        (png(4, 4).replace(b"\x00\x00\x00\x04\x00\x00\x00\x04", b"\x00\x00\xff\xff\x00\x00\xff\xff"), "dañado|pixeles"),
        (b"%PDF-1.7\n" + bytes(scan.LARGEST), "mide más de 20 MB"),
    ],
    ids=[
        "empty",
        "no pages",
        "program",
        "svg",
        "cut",
        "encrypted",
        "cut png",
        "torn png",
        "torn jpeg",
        "bomb",
        "large",
    ],
)
def test_what_could_not_be_opened_later_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match=told):
        scan.read(sent(tmp_path, content))


def jpeg(**saved: Any) -> bytes:
    """Return a photograph with a smaller one inside it, which has an end of its own, as a telephone makes it."""
    written, small = io.BytesIO(), io.BytesIO()
    picture = Image.effect_noise((640, 480), 80)
    picture.resize((64, 48)).save(small, "JPEG")
    picture.save(written, "JPEG", exif=b"Exif\0\0" + small.getvalue(), **saved)
    return written.getvalue()


@pytest.mark.parametrize("saved", [{}, {"progressive": True}], ids=["plain", "progressive"])
def test_a_photograph_with_a_film_behind_it_is_filed_and_one_that_is_cut_off_is_not(
    saved: dict[str, Any], tmp_path: Path
) -> None:
    whole = jpeg(**saved)
    film = b"MotionPhoto_Data\0\0\0\x18ftypmp42" + bytes(range(200)) * 1000
    assert scan.read(sent(tmp_path, whole + film)).content == whole + film
    for left in (len(whole) - 2, len(whole) - 2000, len(whole) // 2):
        for filled in (b"", bytes(len(whole) - left)):
            with pytest.raises(UnusableError, match="está incompleto"):
                scan.read(sent(tmp_path, whole[:left] + filled))


@pytest.mark.filterwarnings("error")  # whose words would be English, on the clerk's terminal
def test_a_picture_with_too_many_pixels_is_refused_before_they_are_made(tmp_path: Path) -> None:
    header = struct.pack(">II", 12_000, 12_000)
    content = png(4, 4)
    start = content.index(b"IHDR")
    chunk = b"IHDR" + header + content[start + 12 : start + 17]
    bomb = content[:start] + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[start + 21 :]
    with pytest.raises(UnusableError, match="tiene demasiados pixeles"):
        scan.read(sent(tmp_path, bomb))


def test_neither_a_link_nor_a_pipe_is_a_scan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tubo")
    (tmp_path / "vinculo.pdf").symlink_to(sent(tmp_path))
    for name in ("tubo", "vinculo.pdf", "nada.pdf", "."):
        with pytest.raises(UnusableError, match="no es un archivo que se pueda leer"):
            scan.read(tmp_path / name)


def test_a_scan_is_kept_as_it_came_and_attests_its_clause(enrolled: Path, tmp_path: Path) -> None:
    done = filing.file(enrolled, sent(tmp_path, png(), "foto.pdf"), letter())
    assert (done.outcome, done.sha256, done.late) == ("archivado", hashlib.sha256(png()).hexdigest(), False)
    assert done.file.endswith(".png") and (enrolled / done.file).read_bytes() == png()
    (values,) = (each for each in read(enrolled).hosts.values() if "difusor_fqdn" in each)
    (found,) = values["difusor_attestations"]
    assert (found["clause"], found["sha256"], found["signed_by"]) == ("DG-09", done.sha256, "Luis Güemes")
    assert hashlib.sha256(Path(found["document"]).read_bytes()).hexdigest() == done.sha256


def test_the_evidence_says_on_which_day_of_the_place_a_paper_was_received(enrolled: Path, tmp_path: Path) -> None:
    """On the evening of the 25th it is the 26th by UTC; on which day it was signed, nobody has said."""
    filing.file(enrolled, sent(tmp_path), letter(received=datetime(2026, 5, 26, 2, 30, tzinfo=UTC)))
    (values,) = (each for each in read(enrolled).hosts.values() if "difusor_fqdn" in each)
    (found,) = attestations(values, "DG-09")
    assert found.told == "firmado por Luis Güemes, recibido el 2026-05-25"


def test_of_a_paper_that_an_earlier_version_filed_nobody_says_on_which_day_it_was_signed(
    enrolled: Path, tmp_path: Path
) -> None:
    """That version wrote the day of its receipt where that of the signature belongs; the next filing corrects it."""
    filing.file(enrolled, sent(tmp_path), letter(received=datetime(2026, 5, 26, 2, 30, tzinfo=UTC)))
    told = enrolled / f"group_vars/{enrolled.name}/{attested.FILE}"
    told.write_text(told.read_text().replace("received: ", "date: ").replace("2026-05-25", "2026-05-26"))

    def evidence() -> str:
        rendered = yaml.safe_load(told.read_text())["difusor_attestations"][0]
        document = rendered["document"].replace("{{ inventory_dir }}", str(enrolled))
        (found,) = attestations({"difusor_attestations": [{**rendered, "document": document}]}, "DG-09")
        return found.told

    assert evidence() == "firmado por Luis Güemes (se firmó o se recibió el 2026-05-26)"
    filing.file(enrolled, sent(tmp_path), letter())
    assert evidence() == "firmado por Luis Güemes, recibido el 2026-05-25"


def test_the_same_scan_twice_changes_nothing_and_another_needs_to_be_meant(enrolled: Path, tmp_path: Path) -> None:
    first = filing.file(enrolled, sent(tmp_path), letter())
    record = (enrolled / papers.FILE).read_bytes()
    assert filing.file(enrolled, sent(tmp_path), letter()).outcome == "ya estaba"
    for other, options in ((PDF + b"\n", {}), (PDF, {"folio": "C/2"})):
        with pytest.raises(UnusableError, match="repita con --replace: el anterior se conserva"):
            filing.file(enrolled, sent(tmp_path, other), letter(**options))
    assert (enrolled / papers.FILE).read_bytes() == record
    second = filing.file(enrolled, sent(tmp_path, PDF + b"\n"), letter(replace=True))
    assert (second.outcome, second.replaced) == ("sustituido", first.file)
    assert (enrolled / first.file).exists() and len(papers.read(enrolled).filed) == 2
    assert papers.read(enrolled).standing["carta", ""].sha256 == second.sha256
    with pytest.raises(UnusableError, match="ya es «Carta compromiso"):
        filing.file(enrolled, sent(tmp_path, PDF + b"\n"), Filing("oficio", "O/1"))


def test_what_the_clerk_mistyped_of_a_scan_is_corrected_with_replace_and_the_rest_stays(
    enrolled: Path, tmp_path: Path
) -> None:
    came, typed = datetime(2026, 5, 25, tzinfo=UTC), datetime(2026, 5, 27, tzinfo=UTC)
    first = filing.file(enrolled, sent(tmp_path), letter(received=typed))
    assert filing.file(enrolled, sent(tmp_path), letter(received=typed, signed_by="Luis Güemes")).outcome == "ya estaba"
    for said in ({"received": came}, {"signed_by": "Rosa Salgado"}):
        with pytest.raises(UnusableError, match=f"de Luis Güemes, recibido el {local(typed, ZONE)} .* con --replace"):
            filing.file(enrolled, sent(tmp_path), letter(**said))
    done = filing.file(enrolled, sent(tmp_path), letter(received=came, replace=True))
    assert (done.outcome, done.replaced, done.file) == ("sustituido", "", first.file)
    filing.file(enrolled, sent(tmp_path), letter(signed_by="Rosa Salgado", replace=True))
    found = papers.read(enrolled).standing["carta", ""]
    assert (found.received, found.signed_by, len(papers.read(enrolled).filed)) == (came, "Rosa Salgado", 3)
    assert filing.file(enrolled, sent(tmp_path), letter(replace=True)).outcome == "ya estaba"


def test_all_that_the_clerk_mistyped_is_told_at_once(enrolled: Path, tmp_path: Path) -> None:
    future = instants.now() + timedelta(days=1)
    wrong = Filing("carta", "{{ 7*7 }}", "HW-05", "a\nb", future)
    with pytest.raises(FactError) as refused:
        filing.file(enrolled, sent(tmp_path), wrong)
    assert refused.value.faults.keys() == {"--folio", "--signed-by", "--clause", "--received"}
    for clause in ("", "DG-01", "DG-09", "nada"):
        with pytest.raises(FactError, match="--clause: va con --as constancia"):
            filing.file(enrolled, sent(tmp_path), Filing("constancia", "1", clause))
    assert not (enrolled / papers.FILE).exists()


def test_an_interrupted_filing_is_completed_by_the_next(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power goes before the record, and before the inventory knows; then somebody loses the scan itself."""
    for place, name in ((papers, "write"), (attested, "tell")):
        with monkeypatch.context() as patch:
            real = getattr(place, name)
            patch.setattr(place, name, lambda folder, said, real=real: real(folder, said) if not said.filed else 1 / 0)
            with pytest.raises(ZeroDivisionError):
                filing.file(enrolled, sent(tmp_path), letter())
        assert "carta" in filing.missing(enrolled) if name == "write" else True
    again = filing.file(enrolled, sent(tmp_path), letter())
    assert "carta" not in filing.missing(enrolled)
    (enrolled / again.file).unlink()
    assert "falta o no se puede leer" in filing.missing(enrolled)["carta"]
    assert filing.file(enrolled, sent(tmp_path), letter()).outcome == "ya estaba"
    assert "carta" not in filing.missing(enrolled)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"filed": [{"paper": "carta"}]}', b'{"filed": [], "otro": 1}', None])
def test_a_damaged_record_is_told_and_not_written_over(damage: bytes | None, enrolled: Path, tmp_path: Path) -> None:
    filing.file(enrolled, sent(tmp_path), letter())
    if damage is None:
        (enrolled / papers.FILE).unlink()
    else:
        (enrolled / papers.FILE).write_bytes(damage)
    told = "una versión posterior del proyecto" if b"otro" in (damage or b"") else "recupérelo de su copia"
    for action in (filing.missing, lambda folder: filing.file(folder, sent(tmp_path), letter())):
        with pytest.raises(UnusableError, match=told):
            action(enrolled)
    assert damage is None or (enrolled / papers.FILE).read_bytes() == damage


def test_a_changed_scan_no_longer_counts(enrolled: Path, tmp_path: Path) -> None:
    done = filing.file(enrolled, sent(tmp_path), letter())
    (enrolled / done.file).write_bytes(PDF + b" ")
    assert "no es el que se archivó" in filing.missing(enrolled)["carta"]


def test_a_list_of_attestations_that_somebody_wrote_stays_the_only_one(enrolled: Path, tmp_path: Path) -> None:
    main = enrolled / f"group_vars/{enrolled.name}/main.yml"
    main.write_text(f"{main.read_text()}difusor_attestations: []\n")
    done = filing.file(enrolled, sent(tmp_path), letter())
    assert "ya tiene difusor_attestations" in done.notes[0]
    assert not main.with_name(attested.FILE).exists()


def test_what_is_missing_is_told_paper_by_paper_until_it_is_filed_or_excused(enrolled: Path, tmp_path: Path) -> None:
    assert list(filing.missing(enrolled)) == ["oficio", "carta"]
    filing.file(enrolled, sent(tmp_path), Filing("oficio", "O/7", received=datetime(2026, 5, 3, tzinfo=UTC)))
    filing.file(enrolled, sent(tmp_path, png()), letter())
    assert filing.missing(enrolled) == {}
    (enrolled / "logotipo.png").write_bytes(png(90, 90))
    assert "no es el logotipo que se inscribió" in filing.missing(enrolled)["logotipo"]
    for wrong, told in ((" x ", "diga la razón y quién lo decidió"), ("acuerdo " * 90, "letras; que no pase de 500")):
        with pytest.raises(FactError, match=told):
            filing.excuse(enrolled, "logotipo", wrong)
    excused = filing.excuse(enrolled, "logotipo", "acuerdo CG/12/2027 del Pleno")
    said = json.loads((enrolled / papers.FILE).read_text())["excused"]
    assert [each["reason"] for each in said] == [excused.reason] and said[0]["by"] and said[0]["at"]


def test_an_excuse_is_only_for_a_paper_that_is_missing_and_ends_with_its_filing(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old excuse would let through a letter that somebody exchanged; and nobody excuses under another's name."""
    monkeypatch.setenv("LOGNAME", "ev\nil")
    assert filing.excuse(enrolled, "carta", "acuerdo CG/12/2027").by == pwd.getpwuid(os.getuid()).pw_name
    done = filing.file(enrolled, sent(tmp_path), letter())
    with pytest.raises(UnusableError, match="está en el expediente; nada se registró"):
        filing.excuse(enrolled, "carta", "acuerdo CG/13/2027")
    (enrolled / done.file).write_bytes(PDF + b" ")
    assert "carta" in filing.missing(enrolled) and papers.read(enrolled).excuse("carta") is None
    filing.excuse(enrolled, "carta", "acuerdo CG/14/2027")
    found = papers.read(enrolled).excuse("carta")
    assert found and found.reason == "acuerdo CG/14/2027"


def test_the_file_of_another_difusor_is_not_this_ones(enrolled: Path, tmp_path: Path) -> None:
    """A clerk who copies an inventory to begin the next one copies its signed letter too."""
    filing.file(enrolled, sent(tmp_path), letter())
    copied = shutil.copytree(enrolled, enrolled.with_name("otro"), symlinks=True)
    with pytest.raises(UnusableError, match=f"es el expediente de «{enrolled.name}» y no de «otro»"):
        filing.missing(copied)
    (tmp_path / "vinculo").symlink_to(enrolled)
    assert "carta" not in filing.missing(tmp_path / "vinculo")
    assert not filing.file(tmp_path / "vinculo", sent(tmp_path, png()), letter(replace=True)).notes


def test_the_letter_that_nobody_signed_is_not_filed(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsigned = filing.folder_of(enrolled) / filing.UNSIGNED
    unsigned.parent.mkdir(parents=True)
    unsigned.write_bytes(PDF)
    with pytest.raises(UnusableError, match="es la carta sin firmar"):
        filing.file(enrolled, sent(tmp_path), letter())


def test_a_late_oficio_is_marked_and_one_of_another_folio_refused(
    enrolled: Path, tmp_path: Path, home: Path, with_notice: Callable[[Path], None]
) -> None:
    text = (home / "elections/ensayo.yml").read_text()
    (home / "elections/ensayo.yml").write_text(f'{text.rstrip()}\n    election_notice_until: "2026-01-01T00:00:00Z"\n')
    with_notice(enrolled)
    with pytest.raises(UnusableError, match="tiene el folio MED/7 y no O/9"):
        filing.file(enrolled, sent(tmp_path), Filing("oficio", "O/9"))
    assert filing.file(enrolled, sent(tmp_path), Filing("oficio", "MED/7")).late


def test_an_oficio_came_when_its_enrolment_says_however_late_it_is_scanned(
    enrolled: Path, tmp_path: Path, home: Path, with_notice: Callable[..., None]
) -> None:
    text = (home / "elections/ensayo.yml").read_text()
    (home / "elections/ensayo.yml").write_text(f'{text.rstrip()}\n    election_notice_until: "2026-05-22T00:00:00Z"\n')
    filing.file(enrolled, sent(tmp_path), Filing("oficio", "MED/7"))
    with_notice(enrolled, "2026-05-20T16:30:00-07:00")
    with pytest.raises(UnusableError, match="repita con --replace"):
        filing.file(enrolled, sent(tmp_path), Filing("oficio", "MED/7"))
    assert not filing.file(enrolled, sent(tmp_path), Filing("oficio", "MED/7", replace=True)).late
    came = datetime(2026, 5, 20, 23, 30, tzinfo=UTC)
    assert papers.read(enrolled).standing["oficio", ""].received == came
    assert filing.file(enrolled, sent(tmp_path), Filing("oficio", "MED/7", received=came)).outcome == "ya estaba"
    mistyped = Filing("oficio", "MED/7", received=came + timedelta(days=3), replace=True)
    told = f"llegó el {local(came, ZONE)} y no el {local(came + timedelta(days=3), ZONE)}; corrija --received"
    with pytest.raises(UnusableError, match=told):
        filing.file(enrolled, sent(tmp_path), mistyped)


def test_a_deadline_that_moved_makes_no_other_paper_of_a_scan(enrolled: Path, tmp_path: Path, home: Path) -> None:
    """The same command was refused, with the very values that had been given."""
    election, oficio = (
        home / "elections/ensayo.yml",
        Filing("oficio", "O/1", received=datetime(2026, 5, 25, tzinfo=UTC)),
    )
    text = election.read_text().rstrip()
    election.write_text(f'{text}\n    election_notice_until: "2026-05-22T00:00:00Z"\n')
    assert filing.file(enrolled, sent(tmp_path), oficio).late
    election.write_text(f'{text}\n    election_notice_until: "2026-05-26T00:00:00Z"\n')
    again = filing.file(enrolled, sent(tmp_path), oficio)
    assert (again.outcome, again.late) == ("ya estaba", True)
    judged = filing.file(enrolled, sent(tmp_path), replace(oficio, replace=True))
    assert (judged.outcome, judged.late) == ("sustituido", False)


def test_a_difusor_that_never_sent_a_form_has_its_signed_one_on_file(home: Path, tmp_path: Path) -> None:
    """As `difusor new` makes it; nobody has its logo then, which is excused or enrolled."""
    folder = home / "inventories/nuevo"
    folder.mkdir()
    (folder / "election.yml").symlink_to("../../elections/ensayo.yml")
    assert list(filing.missing(folder)) == list(papers.REQUIRED)
    done = filing.file(folder, sent(tmp_path), Filing("formato", "F/1"))
    assert list(filing.missing(folder)) == ["oficio", "logotipo", "carta"]
    (folder / done.file).write_bytes(b"otra cosa")
    assert "no es el que se archivó" in filing.missing(folder)["formato"]


def test_two_clerks_at_once_lose_no_paper(enrolled: Path, tmp_path: Path) -> None:
    """Each has read the record before the other writes it, unless one waits."""
    clauses = ("RED-01", "RED-03", "RED-06")

    def clerk(clause: str) -> None:
        scanned = sent(tmp_path, PDF + clause.encode() + b"\n", f"{clause}.pdf")
        filing.file(enrolled, scanned, Filing("constancia", "1", clause))

    with ThreadPoolExecutor(len(clauses)) as pool:
        list(pool.map(clerk, clauses))
    assert {each.clause for each in papers.read(enrolled).filed} == set(clauses)


def test_a_document_is_taken_for_each_clause_that_the_call_has_on_paper_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for one that no other call has, and that cannot be excused."""
    call = spec.load("ribera-2027")
    own = call["DG-09"].model_copy(update={"id": "DG-15", "waivable": ()})
    monkeypatch.setattr(spec, "load", lambda name: call.model_copy(update={"clauses": (*call.clauses, own)}))
    assert "DG-15" in filing._attestable("ribera-2027") and "DG-09" not in filing._attestable("ribera-2027")
