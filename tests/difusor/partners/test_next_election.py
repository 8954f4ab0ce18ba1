"""What an outlet gave for one election counts in its rehearsals and on its night, and in no other one's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from form_kit import as_yaml, png

from corte.format import instants
from difusor.board import rows
from difusor.commands.enroll import show
from difusor.inventory import attestations, counts, load, load_election, polling_day, polling_day_of
from difusor.inventory.variables import read
from difusor.listing import entries
from difusor.partners import letters, record
from difusor.partners.answer import Answer
from difusor.partners.filing import attested, filing, papers
from difusor.partners.filing.filing import Filing
from difusor.partners.filing.papers import REQUIRED
from difusor.project import UnusableError

PDF = b"%PDF-1.7\n1 0 obj\n<</Type/Pages>>\nendobj\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n"
FIRST, NEXT = date(2027, 6, 6), date(2030, 6, 2)
CAME = datetime(2027, 5, 20, tzinfo=UTC)
LATER = datetime(2030, 5, 10, tzinfo=UTC)
Enroll = Callable[..., Answer]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Return the function that sets the hour; it is that of the first election."""

    def is_now(at: datetime) -> None:
        monkeypatch.setattr(instants, "now", lambda: at)

    is_now(CAME)
    return is_now


def election(home: Path, name: str, day: date | None, environment: str = "official") -> Path:
    """Write an election that opens in the evening of a day, from that of the home; return its file."""
    document = yaml.safe_load((home / "elections/ensayo.yml").read_text())
    opens = datetime.combine(day or FIRST, datetime.min.time(), UTC).replace(hour=20)
    document["all"]["vars"] |= {
        "election_id": name, "election_environment": environment, "election_interval_minutes": 20,
        "election_opens": f"{opens:%Y-%m-%dT%H:%M:%SZ}", "election_closes": f"{opens:%Y-%m-%dT}23:00:00Z",
    }  # fmt: skip
    del document["all"]["vars"]["election_day"]
    if day and environment != "official":
        document["all"]["vars"]["election_day"] = str(day)
    path = home / f"elections/{name}.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def link(folder: Path, name: str) -> None:
    (folder / "election.yml").unlink()
    (folder / "election.yml").symlink_to(f"../../elections/{name}.yml")


@pytest.fixture
def diario(home: Path, tmp_path: Path, enroll: Enroll, clock: object) -> Path:
    """Return the inventory of an outlet that has given everything for the election of FIRST."""
    for name, day in (("primera", FIRST), ("segunda", NEXT)):
        election(home, name, day)
    answer = enroll(as_yaml(tmp_path / "correo"), election="primera", folio="MED/7", notified=CAME)
    folder = home / "inventories" / answer.difusor
    give(folder, tmp_path)
    assert filing.missing(folder) == {}
    return folder


def give(folder: Path, tmp_path: Path, mark: bytes = b"", **more: Any) -> None:
    for number, (paper, folio) in enumerate((("oficio", "MED/7"), ("carta", "C/1"))):
        (tmp_path / "escaneo.pdf").write_bytes(PDF + mark + b"\n" * number)
        filing.file(folder, tmp_path / "escaneo.pdf", Filing(paper, folio, **more))  # type: ignore[arg-type]


def test_the_next_election_lacks_every_paper_of_the_former(diario: Path, home: Path, clock: Any) -> None:
    """No list, no board, no letter and no dictamen takes them for its own."""
    link(diario, "segunda")
    clock(LATER)
    missing = filing.missing(diario)
    assert list(missing) == list(REQUIRED)
    assert all("otra elección, la del 2027-06-06" in told for told in missing.values())
    assert {state for _, state in filing.state(diario)} == {"falta"}
    found = load_election(home / "elections/segunda.yml")
    listed = entries.entries([diario], polling_day(found))
    assert not listed.listed and "falta la carta" in listed.left[0].reason
    (row,) = rows.board(found, [diario], LATER).rows
    assert {each.key: each.state for each in row.steps if each.key in REQUIRED} == dict.fromkeys(REQUIRED, "falta")
    assert row.action == "enviar su oficio"
    with pytest.raises(UnusableError, match="es de otra elección, la del 2027-06-06; inscriba el de esta"):
        letters.write(diario, letters.KINDS, LATER, (), letters.folder_of(diario))
    (values,) = (each for each in read(diario).hosts.values() if "difusor_fqdn" in each)
    assert attestations(values, "DG-09") == [] and polling_day_of(values) == NEXT
    link(diario, "primera")
    assert filing.missing(diario) == {}


def test_rehearsals_and_night_of_one_election_share_the_papers(home: Path, tmp_path: Path, diario: Path) -> None:
    election(home, "ensayo-general", FIRST, "simulacro")
    election(home, "sin-dia", None, "simulacro")
    election(home, "corregida", date(2027, 6, 13))
    for name in ("ensayo-general", "sin-dia", "corregida"):
        link(diario, name)
        assert filing.missing(diario) == {}, name


def test_what_was_given_for_a_rehearsal_counts_on_the_night(
    home: Path, tmp_path: Path, enroll: Enroll, clock: object
) -> None:
    election(home, "ensayo-general", FIRST, "simulacro")
    election(home, "primera", FIRST)
    form = as_yaml(tmp_path / "correo")
    answer = enroll(form, election="ensayo-general", folio="MED/7", notified=CAME)
    folder = home / "inventories" / answer.difusor
    give(folder, tmp_path)
    link(folder, "primera")
    assert filing.missing(folder) == {}
    assert enroll(form, election="primera").outcome == "sin cambios"


def test_an_excuse_is_for_one_election(diario: Path, tmp_path: Path, home: Path) -> None:
    (diario / papers.read(diario).standing["carta", ""].file).unlink()
    said = filing.excuse(diario, "carta", "acuerdo CG/12/2027")
    assert said.day == FIRST and papers.read(diario).in_election(FIRST).excuse("carta")
    assert papers.read(diario).in_election(NEXT).excuse("carta") is None
    link(diario, "segunda")
    assert dict(filing.state(diario))["Carta compromiso (ANEXO 3)"] == "falta"


def test_the_same_form_comes_anew_for_another_election(
    diario: Path, home: Path, tmp_path: Path, enroll: Enroll, clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is shown before it is written, it came when it came, and the oficio of the former election is gone."""
    form = as_yaml(tmp_path / "correo")
    clock(LATER)
    with pytest.raises(UnusableError, match="inscrito en la elección «primera» y nada cambió") as refused:
        enroll(form, election="segunda")
    assert f"ln -sfn ../../elections/segunda.yml {diario}/election.yml" in str(refused.value)
    link(diario, "segunda")
    before = record.read(diario)
    shown = enroll(form, election="segunda")
    assert shown.outcome == "por confirmar" and record.read(diario) == before
    assert [each.key for each in shown.changes] == ["jornada", "fechas", "oficio"]
    done = enroll(form, election="segunda", update=True)
    show(done)
    assert "Los documentos de la elección anterior no cuentan" in capsys.readouterr().out
    kept = record.read(diario)
    assert done.outcome == "corregido" and kept
    assert (kept.day, kept.received, kept.corrected, kept.notice) == (NEXT, LATER, None, None)
    assert "difusor_notice" not in (diario / f"group_vars/{diario.name}/registration.yml").read_text()
    assert list(filing.missing(diario)) == ["oficio", "carta"]
    assert enroll(form, election="segunda").outcome == "sin cambios"


def test_a_form_that_came_after_the_next_elections_night_is_refused(
    diario: Path, tmp_path: Path, enroll: Enroll, clock: Any
) -> None:
    link(diario, "segunda")
    clock(datetime(2030, 6, 5, tzinfo=UTC))
    with pytest.raises(UnusableError, match="terminó el"):
        enroll(as_yaml(tmp_path / "correo"), election="segunda", update=True)


def test_the_file_grows_with_the_papers_of_the_next_election(
    diario: Path, tmp_path: Path, enroll: Enroll, clock: Any
) -> None:
    link(diario, "segunda")
    clock(LATER)
    (tmp_path / "escaneo.pdf").write_bytes(PDF + b"%")
    filing.file(diario, tmp_path / "escaneo.pdf", Filing("constancia", "1", "RED-03"))
    assert [each.signed_by for each in papers.read(diario).filed] == ["Luis Güemes"] * 2 + ["Representante legal"]
    enroll(as_yaml(tmp_path / "correo"), election="segunda", folio="MED/7", notified=LATER, update=True)
    (tmp_path / "escaneo.pdf").write_bytes(PDF + b"\n")
    again = filing.file(diario, tmp_path / "escaneo.pdf", Filing("carta", "C/1"))
    assert again.outcome == "archivado" and "se guardó para otra elección, la del 2027-06-06" in again.notes[0]
    give(diario, tmp_path, b"%%", replace=True)
    assert filing.missing(diario) == {} and len(papers.read(diario).filed) == 6
    said = yaml.safe_load((diario / f"group_vars/{diario.name}/{attested.FILE}").read_text())
    assert [each["election_day"] for each in said["difusor_attestations"]] == ["2030-06-02"] * 2
    (host,) = load(diario)
    assert host.partner.notice and host.partner.registration
    assert host.partner.notice.election_day == host.partner.registration.election_day == NEXT


def test_what_an_earlier_version_filed_counts_until_it_is_known_for_what(
    diario: Path, home: Path, tmp_path: Path, enroll: Enroll
) -> None:
    for name in (papers.FILE, record.FILE):
        said = json.loads((diario / name).read_text())
        for each in (said, *said.get("filed", ())):
            each.pop("day", None)
        (diario / name).write_text(json.dumps(said))
    link(diario, "segunda")
    assert filing.missing(diario) == {}
    link(diario, "primera")
    (tmp_path / "cortafuegos.png").write_bytes(png())
    filing.file(diario, tmp_path / "cortafuegos.png", Filing("constancia", "1", "RED-03"))
    assert {each.day for each in papers.read(diario).filed} == {FIRST}
    assert enroll(as_yaml(tmp_path / "correo"), election="primera", update=True).outcome == "corregido"
    link(diario, "segunda")
    assert list(filing.missing(diario)) == list(REQUIRED)


@pytest.mark.parametrize("day", [FIRST, None])
@pytest.mark.parametrize("environment", ["official", "simulacro"])
def test_the_day_is_the_same_by_the_file_and_by_the_servers_variables(
    home: Path, day: date | None, environment: str
) -> None:
    path = election(home, "una", day, environment)
    assert polling_day_of(yaml.safe_load(path.read_text())["all"]["vars"]) == polling_day(load_election(path))
    assert polling_day_of({}) is None
    assert polling_day_of({"election_environment": "official", "election_place": "nada", "election_opens": "x"}) is None


def test_a_day_that_was_corrected_or_put_off_is_no_other_election() -> None:
    assert counts(FIRST, date(2027, 7, 6)) and counts(date(2027, 7, 6), FIRST) and not counts(FIRST, date(2027, 7, 7))
