"""After the publication's end no measurement takes the place of the dictamen of the night."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from call_kit import FIRST
from call_kit import results as measured
from click.testing import CliRunner, Result
from corte_kit import make_key
from listing_kit import enrolled, furnish
from publish_kit import command_of

from corte.format import instants
from difusor.board import dictamens, night
from difusor.commands import report
from difusor.partners import steps
from difusor.partners.revocation import Order, revoke
from difusor.publish import standing
from difusor.report.dictamen import compose
from difusor.report.index import OFF_THE_LIST, Row
from difusor.report.results import ResultsError
from difusor.report.verdict import Overall
from difusor.spec import deviations
from difusor.suite import everyone, measurement

OPENS = datetime(2024, 6, 3, 2, tzinfo=UTC)
CLOSES = OPENS + timedelta(hours=24)
AFTER = CLOSES + timedelta(minutes=5)
NIGHT, END = "2024-06-03T04:00:00Z", "2024-06-04T02:00:00Z"


def measure(*_: object, **__: object) -> None:
    raise ResultsError("se midió")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home with an official election that retains nothing, five minutes after its close; norte is in it."""
    home = furnish(tmp_path / "instituto", make_key(tmp_path, "firma"), monkeypatch)
    change(home, "2039-06-10T05:59:00Z", "2024-06-04T02:00:00Z")
    enrolled(home, "norte")
    monkeypatch.setattr(instants, "now", lambda: AFTER)
    for module in (measurement, everyone):
        monkeypatch.setattr(module, "measure", measure)
    return home


def change(home: Path, before: str, after: str) -> None:
    path = home / "elections/demo.yml"
    path.write_text(path.read_text().replace(before, after))


def in_force(home: Path, **changes: Any) -> bytes:
    """Write the dictamen of norte, as `report` would have in the night; return what it says."""
    said = compose(measured(), "web1", FIRST, deviations.load())
    election = said["election"] | {"id": "demo"}
    said |= {"verdict": "CUMPLE", "started": NIGHT, "finished": NIGHT, "election": election}
    (home / "build/dictamen").mkdir(parents=True, exist_ok=True)
    for ending in ("json", "html", "results.json"):
        (home / f"build/dictamen/norte.{ending}").write_text(json.dumps(said | changes))
    return (home / "build/dictamen/norte.json").read_bytes()


def reported(home: Path, *options: object) -> Result:
    words = [str(each) for each in ("-i", home / "inventories/norte", *options)]
    return CliRunner().invoke(command_of(report), words)


@pytest.mark.parametrize("verdict", ["CUMPLE", "NO CUMPLE", "INCOMPLETO"])
def test_the_dictamen_of_the_night_stays_after_the_end(verdict: str, home: Path) -> None:
    """At 20:05 the suite found no corte, and an INCOMPLETO that nobody can complete took the good one's place."""
    before = in_force(home, verdict=verdict)
    done = reported(home)
    told = " ".join(done.output.split())
    assert done.exit_code == report.NOT_EVALUATED and "se midió" not in told
    assert "la publicación terminó el 03/06/2024 19:00:00 PDT, y desde entonces no hay corte que medir" in told
    assert f"vale el dictamen de la noche ({verdict}, medido el 02/06/2024 21:00:00 PDT) y se queda" in told
    assert f"./difusor report -i {home}/inventories/norte --output CARPETA" in told
    assert all((home / f"build/dictamen/norte.{each}").read_bytes() == before for each in ("json", "results.json"))
    in_force(home, verdict=verdict, finished=END)  # it began in time
    assert "vale el dictamen de la noche" in reported(home).output


@pytest.mark.parametrize(
    "otherwise",
    [
        lambda home: (home / "build/dictamen/norte.json").unlink(),
        lambda home: (home / "build/dictamen/norte.json").write_text("{"),
        lambda home: in_force(home, verdict="NO EVALUADO"),
        lambda home: in_force(home, verdict="INCOMPLETO", finished="2024-06-03T01:59:59Z"),
        lambda home: in_force(home, verdict="INCOMPLETO", started=END, finished=END),
        lambda home: in_force(home, election={"id": "otra"}),
        lambda home: change(home, ": official", ": simulacro"),
        lambda home: change(home, 'retain_until: "2024-06-04T02:00', 'retain_until: "2024-06-10T02:00'),
        lambda home: (home / "inventories/norte/election.yml").unlink(),
    ],
    ids=[
        "there is none", "a damaged one", "the server did not answer", "before the opening", "after the end",
        "another election's", "a rehearsal", "results are retained", "whose election, nobody knows",
    ],
)  # fmt: skip
def test_where_nothing_is_lost_it_is_measured(otherwise: Callable[[Path], object], home: Path) -> None:
    """What is measured then is all there can be; a rehearsal is repeated, and one in a lab too."""
    in_force(home)
    otherwise(home)
    assert "se midió" in reported(home).output


@pytest.mark.parametrize("options", [("--output", "{}/otra"), ("--lab",)], ids=["another folder", "a lab"])
def test_another_folder_and_a_lab_are_as_before(options: tuple[str, ...], home: Path) -> None:
    in_force(home)
    assert "se midió" in reported(home, *(each.format(home) for each in options)).output


@pytest.mark.parametrize(
    ("signed", "minutes", "is_measured"),
    [(None, -4, False), (None, -6, True), (60, 5, True), (60, 65, False), (-60, -30, False)],
    ids=["it would end after the end", "there is time", "moved to later", "and over", "moved to earlier"],
)
def test_the_end_is_the_one_that_was_signed_last(
    signed: int | None, minutes: int, is_measured: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes from the close of the election's file, which may be older than what was ordered in the night."""
    in_force(home)
    if signed is not None:
        end = CLOSES + timedelta(minutes=signed)
        found = SimpleNamespace(window=SimpleNamespace(opens=OPENS, closes=end, retain_until=end))
        monkeypatch.setattr(standing.Records, "newest", lambda records: found)
    monkeypatch.setattr(instants, "now", lambda: CLOSES + timedelta(minutes=minutes))
    assert ("se midió" in reported(home).output) is is_measured


def test_what_this_machine_signed_cannot_be_read(home: Path, records: Path) -> None:
    """Then the election's own hours count: what is told of that record is told by `sign` and `publish`."""
    in_force(home)
    (records / "demo-official").mkdir(parents=True)
    (records / "demo-official/20240603T020000Z.firmado.json").write_text("{")
    assert "la publicación terminó" in reported(home).output


def test_a_server_that_was_given_back_after_the_night_leaves_its_dictamen(home: Path) -> None:
    in_force(home)
    steps.forget(home / "inventories/norte")
    assert "vale el dictamen de la noche" in reported(home).output


def test_all_are_not_measured_again_after_the_end(home: Path) -> None:
    """The index has the dictamen of the night of whoever has one, and advises nothing that cannot be done."""
    before = in_force(home, verdict="INCOMPLETO", unbound=[])
    for each in ("sur", "fuera"):
        enrolled(home, each)
    (home / "inventories/fuera/group_vars/fuera").mkdir(parents=True)
    revoke(home / "inventories/fuera", Order(by="Dirección Ejecutiva", reason="altera los resultados"))
    (home / "build/dictamen/fuera.json").write_bytes(before)
    ended: list[Row] = []
    found = dictamens.measure(
        dictamens.chosen("demo"), home / "build/dictamen", 1, lambda name, percent: None, ended.append
    )
    rows = {row.id: row for row in found.index.rows}
    assert {row.id for row in ended} == rows.keys() == {"norte", "sur", "fuera"}
    kept = rows["norte"]
    assert (kept.verdict, kept.status, kept.action) == ("INCOMPLETO", 1, "")
    assert kept.why == "vale el de la noche: ya no hay corte que medir"
    assert kept.papers == ("norte.json", "norte.html")
    assert (home / "build/dictamen/norte.results.json").read_bytes() == before
    assert (rows["sur"].verdict, rows["sur"].why) == (Overall.UNREACHABLE, "se midió")
    assert rows["fuera"].verdict == OFF_THE_LIST


def test_a_dictamen_of_another_form_stops_nobody(home: Path) -> None:
    (home / "build/dictamen").mkdir(parents=True)
    said = {"verdict": "CUMPLE", "finished": NIGHT, "election": {"id": "demo"}}
    (home / "build/dictamen/norte.json").write_text(json.dumps(said))
    chosen = dictamens.chosen("demo")
    assert night.row(chosen.folders[0], chosen.election, home / "build/dictamen") is None
