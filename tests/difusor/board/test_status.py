"""`difusor status`: from what is on record, who must act next, until when, and whom to call."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from form_kit import GOOD
from inventory_kit import Certificates

from corte.format import instants
from corte.format.manifest import Window
from difusor.board import page, rows
from difusor.board.rows import Board, Row, Step
from difusor.commands import status
from difusor.inventory import Election
from difusor.inventory.parts import Notice
from difusor.partners import record, review, steps
from difusor.partners.filing import papers
from difusor.partners.filing.papers import Entry, Excuse, Papers
from difusor.partners.form.items import Received, read
from difusor.partners.review import Surroundings
from difusor.partners.revocation import Order, end, in_force, order_restoration, revoke
from difusor.project import HOME, UnusableError
from difusor.terminal import local

ZONE = ZoneInfo("America/Tijuana")
NOW = datetime(2027, 5, 14, 18, tzinfo=UTC)
LATER = datetime(2027, 5, 20, 18, tzinfo=UTC)
HOST = "www.diarioderibelos.com.mx"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME, str(tmp_path))
    (tmp_path / "elections").mkdir()
    (tmp_path / "elections/ribera.yml").write_text("all:\n")
    return tmp_path


def election(**more: Any) -> Election:
    """Return an election as far as the board reads it."""
    said = {
        "id": "ribera", "name": "Proceso <b>2027</b>", "timezone": "America/Tijuana", "environment": "official",
        "contact": "Unidad, (600) 000 0000", "call": None, "day": date(2027, 6, 6),
        "simulacros": [date(2027, 5, 16), date(2027, 5, 23)],
        "notice_until": datetime(2027, 5, 13, 1, tzinfo=UTC), "institute": SimpleNamespace(name="Instituto"),
        "opens": datetime(2027, 6, 7, 2, tzinfo=UTC), "closes": datetime(2027, 6, 7, 22, tzinfo=UTC),
    }  # fmt: skip
    said |= more
    window = Window(said["opens"], said["closes"], said.get("retain_until") or said["closes"])
    return SimpleNamespace(**said, window=window)  # type: ignore[return-value]


def difusor(home: Path, name: str = "diario", title: str = "Diario de Ribelos", form: bool = True) -> Path:
    folder = home / "inventories" / name
    folder.mkdir(parents=True)
    (folder / "election.yml").symlink_to("../../elections/ribera.yml")
    if form:
        values, _, findings = read(Received({**GOOD, "nombre": title}, {}))
        assert values, findings
        (folder / "logotipo.png").write_bytes(b"")
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        kept = record.Record(form=values, received=NOW, written={"logotipo.png": empty})
        (folder / record.FILE).write_bytes(kept.to_bytes())
    return folder


def filed(folder: Path, *names: str, late: bool = False) -> None:
    entries = [
        Entry(paper=each, folio="1", received=NOW, filed=NOW, late=late, kind="pdf", sha256="0" * 64)  # type: ignore[arg-type]
        for each in names
    ]
    for each in entries:
        papers.keep(folder, each, b"")
    papers.write(folder, Papers(filed=tuple(entries)))


def board(*folders: Path, now: datetime = NOW, **more: Any) -> Board:
    return rows.board(election(**more), list(folders), now)


def states(row: Row) -> str:
    return " ".join(f"{each.key}:{each.state}" for each in row.steps)


def test_a_difusor_goes_from_its_form_to_the_night_step_by_step(home: Path) -> None:
    """Each time the next step is told with who acts and whom to call, until nothing is left."""
    folder = difusor(home)
    told = []

    def note() -> None:
        (row,) = board(folder).rows
        told.append((row.actor, row.action.partition(":")[0], row.call.partition(",")[0]))

    note()
    filed(folder, "oficio")
    note()
    filed(folder, "oficio", "carta")
    note()
    steps.note(folder, "web1", "preflight", NOW)
    note()
    steps.note(folder, "web1", "provisioned", NOW)
    note()
    dictamen = {"inventory": "inventories/diario", "election": {"id": "ribera"}, "finished": "2027-05-14T18:00:00Z"}
    (home / "build/dictamen").mkdir()
    (home / "build/dictamen/diario.json").write_text(json.dumps({**dictamen, "verdict": "NO EVALUADO"}))
    assert "dictamen:falta" in states(board(folder).rows[0])  # its server did not answer: nobody knows
    note()
    (home / "build/dictamen/diario.json").write_text(json.dumps({**dictamen, "verdict": "NO CUMPLE"}))
    note()
    (home / "build/dictamen/diario.json").write_text(json.dumps({**dictamen, "verdict": "CUMPLE CON EXENCIONES"}))
    note()
    assert told == [
        ("Difusor", "enviar su oficio", "Luis Güemes"),
        ("Difusor", "firmar y enviar la carta (ANEXO 3)", "Luis Güemes"),
        ("Instituto", "revisar el servidor", "Ana Peña Núñez"),
        ("Instituto", "instalar", "Ana Peña Núñez"),
        ("Instituto", "emitir el dictamen", "Ana Peña Núñez"),
        ("Instituto", "emitir el dictamen", "Ana Peña Núñez"),
        ("Difusor", "corregir lo que dice el dictamen", "Ana Peña Núñez"),
        ("Instituto", "participar en el simulacro", "Ana Peña Núñez"),
    ]


def answered(folder: Path, *when: str) -> None:
    folder.mkdir(parents=True)
    kept = json.dumps({"heads": [{"answered": each} for each in when]})
    (folder / f"{HOST}@189.240.1.7.json").write_text(json.dumps({"kept": kept, "sha256": ""}))


def test_a_rehearsal_counts_on_its_own_day_and_the_night_for_its_own_election(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days are those of the place: 03:00 UTC of the 17th is still the 16th there."""
    monkeypatch.setattr("difusor.publish.notes.kept_in", lambda: home / "build/cortes")
    folder = difusor(home)
    answered(home / "build/cortes/ensayo-simulacro", "2027-05-17T03:00:00Z")
    answered(home / "build/cortes/otra-official", "2027-06-07T03:00:00Z")
    (row,) = board(folder, now=datetime(2027, 6, 8, tzinfo=UTC)).rows
    assert row.action == "enviar su oficio"
    filed(folder, "oficio", "carta")
    steps.note(folder, "web1", "preflight", NOW)
    steps.note(folder, "web1", "provisioned", NOW)
    said = {"election": {"id": "ribera"}, "finished": "2027-05-14T18:00:00Z", "verdict": "CUMPLE"}
    (home / "build/dictamen").mkdir()
    (home / "build/dictamen/diario.json").write_text(json.dumps(said))
    (row,) = board(folder, now=datetime(2027, 6, 6, tzinfo=UTC)).rows
    assert row.action == "publicar el primer corte de la noche"  # a missed rehearsal is not made up for
    (row,) = board(folder, now=datetime(2027, 6, 8, tzinfo=UTC)).rows
    assert "simulacro-1:hecho simulacro-2:vencido oficial:vencido" in states(row)
    answered(home / "build/cortes/ribera-official", "2027-06-06T02:00:00Z", "2027-06-07T01:59:59Z")
    assert "oficial:falta" in states(board(folder).rows[0]), "`audit` asked it before the opening"
    shutil.rmtree(home / "build/cortes/ribera-official")
    answered(home / "build/cortes/ribera-official", "2027-06-06T02:00:00Z", "2027-06-07T02:00:00Z")
    assert "oficial:hecho" in states(board(folder).rows[0])


@pytest.mark.parametrize(
    ("measured", "state", "behind", "note"),
    [
        ("2027-05-14T18:00:00Z", "hecho", False, "incompleto hasta la apertura"),
        ("2027-06-07T03:00:00Z", "vencido", True, "INCOMPLETO"),
    ],
    ids=["before the opening", "after it"],
)
def test_a_dictamen_that_is_incomplete_is_not_laid_to_the_difusor(
    measured: str, state: str, behind: bool, note: str, home: Path
) -> None:
    """Before the opening there is no corte to measure; later the institute measures what is missing."""
    folder = difusor(home)
    filed(folder, "oficio", "carta")
    steps.note(folder, "web1", "preflight", NOW)
    steps.note(folder, "web1", "provisioned", NOW)
    said = {"election": {"id": "ribera"}, "finished": measured, "verdict": "INCOMPLETO"}
    (home / "build/dictamen").mkdir()
    (home / "build/dictamen/diario.json").write_text(json.dumps(said))
    now = NOW if not behind else datetime(2027, 6, 7, 4, tzinfo=UTC)
    (row,) = board(folder, now=now, simulacros=[] if behind else [date(2027, 5, 16)]).rows
    (step,) = (each for each in row.steps if each.key == "dictamen")
    assert (step.state, step.note, row.is_behind, row.actor) == (state, note, behind, "Instituto")
    assert row.action.startswith("emitir el dictamen" if behind else "participar en el simulacro")


@pytest.mark.parametrize(
    "measured",
    ["2027-05-14T18:00:00Z", "2027-06-07T03:00:00Z", "2027-06-07T22:05:00Z"],
    ids=["before the opening", "in the night", "after the end"],
)
def test_nobody_is_asked_for_what_can_no_longer_be_measured(measured: str, home: Path) -> None:
    """After the end no corte is shown: an incomplete dictamen stays so, and each run made it overdue for ever."""
    folder, end = difusor(home), datetime(2027, 6, 7, 22, tzinfo=UTC)
    filed(folder, "oficio", "carta")
    steps.note(folder, "web1", "preflight", NOW)
    steps.note(folder, "web1", "provisioned", NOW)
    answered(home / "build/cortes/ribera-official", "2027-06-07T02:00:00Z")
    unmeasured = "emitir el dictamen: ./difusor report -i diario"
    assert board(folder, now=end, simulacros=[]).rows[0].action == unmeasured
    said = {"election": {"id": "ribera"}, "finished": measured, "verdict": "INCOMPLETO"}
    (home / "build/dictamen").mkdir()
    (home / "build/dictamen/diario.json").write_text(json.dumps(said))
    (row,) = board(folder, now=end, simulacros=[]).rows
    (step,) = (each for each in row.steps if each.key == "dictamen")
    assert (step.state, step.note) == ("hecho", "incompleto; la publicación terminó")
    assert (row.is_behind, row.action) == (False, "")
    (row,) = board(folder, now=end, simulacros=[], retain_until=end + timedelta(days=2)).rows
    assert row.action == ("" if measured < "2027-06-07T02" else unmeasured)


def test_a_difusor_made_by_new_is_told_only_what_is_not_refused(home: Path) -> None:
    """Nobody can enrol it: its inventory is there already."""
    folder = difusor(home, form=False)
    told = [board(folder).rows[0].action]
    for names in (["oficio"], ["oficio", "formato"]):
        filed(folder, *names)
        told.append(board(folder).rows[0].action)
    assert "formato:hecho" in states(board(folder).rows[0])
    (folder / record.FILE).write_text("{")
    told.append(board(folder).rows[0].action)
    assert told == [
        "archivar su oficio: ./difusor file ARCHIVO -i diario --as oficio --folio FOLIO",
        "archivar su ANEXO 2 firmado: ./difusor file ARCHIVO -i diario --as formato --folio FOLIO",
        "decidir si se exceptúa el logotipo: ./difusor file -i diario --without logotipo --reason RAZÓN",
        "corregir lo que impide leer sus registros",
    ]


def test_records_of_a_later_version_are_told_as_that_and_written_over_by_nobody(home: Path) -> None:
    """Whoever went back to an earlier version was told to delete them, or to look for a copy."""
    folder = difusor(home)
    filed(folder, "oficio")
    steps.note(folder, "prep.diario.mx", "preflight", NOW)
    records = [folder / papers.FILE, folder / record.FILE, steps.file(folder)]
    before = []
    for path in records:
        path.write_text(json.dumps({**json.loads(path.read_text()), "tomorrow": "2027-05-13T00:00:00Z"}))
        before.append(path.read_text())
    with pytest.raises(UnusableError, match="lo escribió una versión posterior del proyecto"):
        papers.read(folder)
    with pytest.raises(UnusableError, match="lo escribió una versión posterior del proyecto"):
        steps.note(folder, "prep.diario.mx", "provisioned", NOW)
    damage = board(folder).rows[0].damage
    assert len(damage) == 2 and all("git pull" in told and "sin mover ese archivo" in told for told in damage)
    assert [path.read_text() for path in records] == before


def test_days_are_counted_by_the_calendar_of_the_place_and_the_most_urgent_comes_first(home: Path) -> None:
    late, letter, new = difusor(home, "a"), difusor(home, "b"), difusor(home, "c", form=False)
    filed(letter, "oficio", late=True)
    found = board(letter, new, late, now=datetime(2027, 5, 14, 6, 59, tzinfo=UTC))  # the 13th there
    assert [(row.id, row.days) for row in found.rows] == [("a", -1), ("c", -1), ("b", 3)]
    assert [page.left(row) for row in found.rows] == ["venció hace 1 día", "venció hace 1 día", "quedan 3 días"]
    assert found.rows[2].steps[0].note == "tardío"
    assert found.rows[1].call == "Unidad, (600) 000 0000"
    bare = board(letter, notice_until=None, simulacros=[], opens=datetime(2027, 6, 7, 2, tzinfo=UTC))
    assert bare.rows[0].until is not None and bare.rows[0].until.date() == date(2027, 6, 6)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2027-05-14T00:59:59Z", "vence hoy"),
        ("2027-05-14T01:00:00Z", "vence hoy"),
        ("2027-05-14T01:00:01Z", "venció hoy"),
    ],
)
def test_a_deadline_of_this_evening_is_over_after_its_second(now: str, told: str, home: Path) -> None:
    (row,) = board(difusor(home), now=instants.parse(now), notice_until=datetime(2027, 5, 14, 1, tzinfo=UTC)).rows
    assert (row.days, page.left(row), row.overdue) == (0, told, told == "venció hoy")
    assert f'"{"late" if row.overdue else "soon"}"' in page.html(
        board(difusor(home, "x")).model_copy(update={"rows": (row,)})
    )


def test_a_rehearsal_is_not_missed_before_midnight(home: Path) -> None:
    folder = difusor(home)
    for second, state in (("2027-05-17T06:59:59Z", "falta"), ("2027-05-17T07:00:00Z", "vencido")):
        assert f"simulacro-1:{state}" in states(board(folder, now=instants.parse(second)).rows[0])


def test_an_excuse_settles_a_paper_and_a_lost_scan_does_not(home: Path) -> None:
    folder = difusor(home)
    filed(folder, "oficio", "carta")
    said = Excuse(paper="carta", reason="acuerdo 12", by="mesa", at=NOW)
    for each in (folder / papers.FOLDER).iterdir():
        each.unlink()
    papers.write(folder, papers.read(folder).model_copy(update={"excused": (said,)}))
    (row,) = board(folder).rows
    assert states(row).startswith("oficio:vencido formato:hecho logotipo:hecho carta:exceptuado")


@pytest.mark.parametrize(
    "name",
    [
        record.FILE, papers.FILE, "build/pasos/diario.json", "build/dictamen/diario.json",
        "inventories/diario/group_vars/diario/revocations.yml",
    ],
)  # fmt: skip
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"kept": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_record_is_told_and_costs_nobody_else_his_row(name: str, content: bytes, home: Path) -> None:
    folder, other = difusor(home), difusor(home, "otro", "Otro Medio")
    path = home / name if "/" in name else folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    found = {row.id: row for row in board(folder, other).rows}
    assert found["otro"].damage == () and found["otro"].name == "Otro Medio"
    harmless = name == papers.FILE or "pasos" in name
    assert found["diario"].damage or (harmless and content == b"{}")


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00Z", "9999-12-31T23:00:00Z", "2027-05-01T00:00:00"])
def test_an_instant_that_has_no_day_or_no_zone_is_damage(said: str, home: Path) -> None:
    """Whoever converts or compares it would take the board from everybody."""
    entry = {"paper": "oficio", "folio": "1", "received": said, "filed": said, "kind": "pdf", "sha256": "0" * 64}
    verdict = {"election": {"id": "ribera"}, "verdict": "CUMPLE", "finished": said}
    folder, other = difusor(home), difusor(home, "otro")
    form = (folder / record.FILE).read_text().replace("2027-05-14T18:00:00Z", said)
    files = {
        folder / record.FILE: form, folder / papers.FILE: json.dumps({"filed": [entry]}),
        home / "build/pasos/diario.json": json.dumps({"servers": {"web1": {"preflight": said}}}),
        home / "build/dictamen/diario.json": json.dumps(verdict),
    }  # fmt: skip
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    found = {row.id: row for row in board(folder, other).rows}
    assert (len(found["diario"].damage), found["otro"].damage) == (3, ())  # the form's hides the papers'


def test_a_delivered_certificate_that_ends_before_the_page_is_told_with_whom_to_ask(home: Path) -> None:
    folder, now = difusor(home), instants.now()
    kept = record.read(folder)
    assert kept
    (folder / "tls").mkdir()

    def told(days: int, certificate: str = "lo entrega el difusor", after: int = 0) -> str:
        annex = kept.form.annex.model_copy(update={"certificate": certificate})
        form = kept.form.model_copy(update={"annex": annex})
        (folder / record.FILE).write_bytes(kept.model_copy(update={"form": form}).to_bytes())
        (folder / "tls/fullchain.pem").write_bytes(Certificates().page(days=days)[0])
        closing = {"closes": now + timedelta(days=60), "retain_until": None, "catalog": SimpleNamespace(zone=ZONE)}
        of_all = board(folder, now=now + timedelta(days=after), **closing)
        (row,) = of_all.rows
        assert all(each in page.html(of_all) for each in row.ending)
        return " ".join(row.ending)

    assert told(90) == "" and told(40, "lo solicita el servidor (ACME)") == ""
    assert "su certificado vence el" in told(40) and "pida otro que dure más a Ana Peña Núñez, " in told(40)
    assert told(40, after=61) == "", "when all is over"


def test_the_page_shows_what_a_name_says_and_does_nothing_of_it(home: Path) -> None:
    hostile = "<img src=x onerror=1> \u202e {{ 7*7 }} " + "W" * 4000
    row = Row(
        id="x", name=hostile, action=hostile, actor="Difusor", call=hostile, damage=(hostile,),
        steps=(Step(key="oficio", title="Oficio", state="vencido", note=hostile),),
    )  # fmt: skip
    shown = page.html(board(difusor(home)).model_copy(update={"rows": (row,)}))
    assert "<img" not in shown and "\u202e" not in shown and "{{ 7*7 }}" in shown and "&lt;img" in shown
    assert "src=" not in shown.replace("img src=x", "") and "href" not in shown and "<script" not in shown


@pytest.mark.parametrize(
    ("notified", "received", "late"),
    [
        (NOW, NOW, ""),
        (LATER, NOW, "oficio"),
        (NOW, LATER, "formato logotipo"),
        (LATER, LATER, "oficio formato logotipo"),
    ],
    ids=["in time", "letter late", "form late", "both late"],
)
def test_only_the_paper_that_came_late_is_called_late(
    notified: datetime, received: datetime, late: str, home: Path
) -> None:
    folder = difusor(home)
    call = SimpleNamespace(form_until=NOW, list_from=None)
    around = Surroundings(election(notice_until=NOW, call=call), [], received, notified)
    kept = record.read(folder)
    assert kept
    marks = tuple(str(each) for each in review._late({}, Received({}, {}), around))
    (folder / record.FILE).write_bytes(kept.model_copy(update={"marks": marks}).to_bytes())
    filed(folder, "oficio", late=notified > NOW)
    (row,) = board(folder, call=call).rows
    assert " ".join(step.key for step in row.steps if step.note == "tardío") == late


def test_an_oficio_is_as_late_as_its_enrolment_says_by_now(home: Path) -> None:
    """Its scan kept the mistyped date, and the acuse said another."""
    folder = difusor(home)
    kept = record.read(folder)
    assert kept
    notice = Notice(kind="medio de comunicación", folio="MED/7", received=instants.write(NOW))
    (folder / record.FILE).write_bytes(kept.model_copy(update={"notice": notice}).to_bytes())
    filed(folder, "oficio", late=True)
    (row,) = board(folder, notice_until=NOW).rows
    assert [step.note for step in row.steps if step.key == "oficio"] == [""]


@pytest.mark.parametrize("server", ["web1", ""], ids=["given back", "another one"])
def test_the_dictamen_of_a_server_that_is_no_more_does_not_count(
    home: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    """A server of the difusor was given back, or a correction names another one; installed again, it is measured."""
    folder, given_back = difusor(home), datetime(2027, 5, 15, 18, tzinfo=UTC)

    def measured(at: datetime) -> None:
        said = {"inventory": "inventories/diario", "election": {"id": "ribera"}, "finished": at.isoformat()}
        (home / "build/dictamen").mkdir(exist_ok=True)
        (home / "build/dictamen/diario.json").write_text(json.dumps({**said, "verdict": "CUMPLE"}))

    monkeypatch.setattr(instants, "now", lambda: given_back)
    steps.note(folder, "web1", "provisioned", NOW)
    steps.note(folder, "web2", "provisioned", NOW)
    measured(given_back - timedelta(hours=1))
    assert "dictamen:hecho" in states(board(folder).rows[0])
    steps.forget(folder, server)
    assert "dictamen:falta" in states(board(folder).rows[0])
    steps.note(folder, "web1", "provisioned", given_back + timedelta(hours=1))
    assert "dictamen:falta" in states(board(folder).rows[0])
    measured(given_back + timedelta(hours=2))
    assert "dictamen:hecho" in states(board(folder).rows[0])


def test_who_gives_his_server_back_after_the_night_has_been_judged(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, end = difusor(home), datetime(2027, 6, 7, 22, tzinfo=UTC)
    said = {"election": {"id": "ribera"}, "finished": "2027-06-07T03:00:00Z", "verdict": "CUMPLE"}
    (home / "build/dictamen").mkdir(parents=True)
    (home / "build/dictamen/diario.json").write_text(json.dumps(said))
    for given_back, state in ((end, "hecho"), (end - timedelta(hours=1), "vencido")):
        monkeypatch.setattr(instants, "now", lambda given_back=given_back: given_back)
        steps.forget(folder)
        assert f"dictamen:{state}" in states(board(folder, now=end + timedelta(days=3)).rows[0])


def test_a_server_that_was_given_back_and_another_elections_are_not_installed(home: Path) -> None:
    folder = difusor(home)
    for server in ("web1", "web2"):
        steps.note(folder, server, "provisioned", NOW)
    assert "instalado:hecho" in states(board(folder).rows[0])
    steps.forget(folder, "web1")
    assert steps.read(folder).servers.keys() == {"web2"}
    steps.forget(folder, "web2")
    assert "instalado:falta" in states(board(folder).rows[0])
    steps.note(folder, "web1", "provisioned", NOW)
    (folder / "election.yml").unlink()
    (folder / "election.yml").symlink_to("../../elections/otra.yml")
    assert "instalado:falta" in states(board(folder).rows[0])
    steps.note(folder, "web2", "provisioned", NOW)
    assert steps.read(folder).servers.keys() == {"web2"}, "what was another election's is gone"


def test_a_run_that_ends_later_installed_no_server_that_was_forgotten_meanwhile(home: Path) -> None:
    """Minutes after a correction named another server, the board said of the old one that it was installed."""
    folder = difusor(home)
    steps.note(folder, "web1", "preflight", NOW)
    steps.forget(folder)
    steps.note(folder, "web1", "provisioned", NOW, after="preflight")
    assert not steps.read(folder).servers
    steps.note(folder, "web2", "preflight", NOW)
    steps.note(folder, "web2", "provisioned", NOW, after="preflight")
    assert {*steps.read(folder).servers["web2"]} == {"preflight", "provisioned"}


def exit_status(monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how the verb ends when the oficio was due before today."""
    overdue = election(notice_until=datetime(2020, 1, 1, tzinfo=UTC))
    monkeypatch.setattr("difusor.inventory.load_election", lambda path: overdue)
    with pytest.raises(typer.Exit) as ended:
        status.run()
    return ended.value.exit_code


def test_nothing_is_asked_of_who_is_off_the_list(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was lacking is shown, and nobody is told to call, install or publish, until the difusor is back."""
    monkeypatch.setattr(status.results, "_width", 300)
    folder = difusor(home)
    (folder / "group_vars/diario").mkdir(parents=True)
    assert exit_status(monkeypatch) == 1
    assert "enviar su oficio" in capsys.readouterr().out
    revoke(folder, Order(by="Dirección Ejecutiva", reason="altera los <resultados>"))
    assert exit_status(monkeypatch) == 0
    told = capsys.readouterr().out
    assert "altera los <resultados>" in told and "enviar" not in told and "Güemes" not in told
    record = in_force(folder)
    assert record is not None
    since = local(record.since, ZoneInfo(election().timezone))
    assert f"desde {since}" in told
    (row,) = board(folder, difusor(home, "otro", "Otro Medio")).rows[1:]
    assert (row.action, row.call, row.is_behind) == ("", "", False)
    assert states(row).startswith("oficio:vencido") and row.revoked.startswith("fuera de la lista desde ")
    shown = page.html(board(folder))
    assert (
        'class="calm"' in shown
        and f"Está fuera de la lista desde {since}" in shown
        and "altera los &lt;resultados&gt;" in shown
    )
    order_restoration(folder, "Dirección Ejecutiva", "se aclaró")
    assert board(folder).rows[0].revoked.endswith("está por volver")
    end(folder)
    assert board(folder).rows[0].action == "enviar su oficio"


def test_only_the_inventories_of_the_election_are_on_its_board(home: Path) -> None:
    ours, other = difusor(home), difusor(home, "otro")
    (other / "election.yml").unlink()
    (other / "election.yml").symlink_to("../../elections/nada.yml")
    assert rows.folders_of(home / "elections/ribera.yml") == [ours.parent / "diario"]
    shown = board(ours)
    assert shown.astray == ("otro",) and "de qué elección son: otro." in page.html(shown)
    (other / "election.yml").unlink()
    (other / "election.yml").write_text((home / "elections/ribera.yml").read_text())
    assert board(ours).astray == ("otro",), "a copy is no link"
