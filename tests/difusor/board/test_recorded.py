"""What the board knows of a mirror's days, from what `publish`, `audit` and `purge` leave of its log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from corte_kit import make_key
from form_kit import GOOD
from publish_kit import make_target, write_election

from corte.format import instants
from difusor.board import recorded, rows
from difusor.partners import record
from difusor.partners.form.items import Received, read
from difusor.project import HOME
from difusor.publish.seen import Seen
from difusor.publish.target import Target

HOST = "www.diarioderibelos.com.mx"
DAY = datetime(2027, 5, 16, 20, tzinfo=UTC)


@pytest.fixture
def diario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the inventory of a difusor in a home of its own, on the day of its rehearsal."""
    monkeypatch.setenv(HOME, str(tmp_path))
    monkeypatch.setattr("difusor.publish.notes.kept_in", lambda: tmp_path / "build/cortes")
    monkeypatch.setattr(instants, "now", lambda: DAY)
    folder = tmp_path / "inventories/diario"
    folder.mkdir(parents=True)
    values, _, _ = read(Received(GOOD, {}))
    assert values
    (folder / record.FILE).write_bytes(record.Record(form=values, received=DAY, written={}).to_bytes())
    return folder


@pytest.fixture
def mirror(tmp_path: Path) -> Target:
    path = write_election(tmp_path, make_key(tmp_path, "firma"))
    path.write_text(path.read_text().replace("official", "simulacro"))
    return make_target(path, HOST)


def said(entries: int) -> dict[str, object]:
    return {"log": {"entries": entries, "head": f"{entries:064}", "segments": 1}}


def purge(seen: Seen, mirror: Target, home: Path) -> None:
    evidence = home / "build/purge/20270516T203000Z" / HOST
    evidence.mkdir(parents=True)
    seen.hand_over(mirror, evidence)


def move_the_opening(seen: Seen, mirror: Target, home: Path) -> None:
    path = home / "election.yml"
    path.write_text(path.read_text().replace("2024-06-03T02:00", "2024-06-03T01:00"))
    seen.note(make_target(path, HOST), said(3), datetime(2027, 5, 23, 20, tzinfo=UTC))


@pytest.mark.parametrize("then", [lambda *_: None, purge, move_the_opening], ids=["kept", "purged", "another opening"])
def test_a_rehearsal_that_was_done_stays_done(
    then: Callable[[Seen, Target, Path], None], diario: Path, mirror: Target, tmp_path: Path
) -> None:
    """The documented end of a rehearsal, `purge`, made it one that was missed, and for good."""
    seen = Seen()
    assert seen.note(mirror, said(5), DAY) == []
    then(seen, mirror, tmp_path)
    found = recorded.read(diario, "ribera", None)
    assert found.answered["simulacro"][0] == DAY and found.damage == []
    election = SimpleNamespace(
        id="ribera", name="Proceso", timezone="America/Tijuana", environment="official", contact="Unidad", call=None,
        simulacros=[DAY.date()], notice_until=None, day=None, institute=SimpleNamespace(name="Instituto"),
        opens=datetime(2027, 6, 7, 2, tzinfo=UTC), closes=datetime(2027, 6, 7, 22, tzinfo=UTC),
        catalog=SimpleNamespace(zone=ZoneInfo("America/Tijuana")), window=mirror.election.window,
    )  # fmt: skip
    (row,) = rows.board(election, [diario], datetime(2027, 5, 30, tzinfo=UTC)).rows  # type: ignore[arg-type]
    assert [each.state for each in row.steps if each.key.startswith("simulacro")] == ["hecho"]


def test_a_damaged_record_that_was_put_aside_spoils_nothing(diario: Path, mirror: Target) -> None:
    """By its new name it was read again, before the good one: the board lost the mirror for good."""
    seen = Seen()
    seen.note(mirror, said(5), DAY)
    path = seen.path(mirror.election, f"{HOST}@10.0.0.1")
    path.write_bytes(path.read_bytes()[:-20])
    assert "estaba dañado" in seen.note(mirror, said(6), DAY)[0]
    found = recorded.read(diario, "ribera", None)
    assert (found.answered, found.damage) == ({"simulacro": [DAY]}, [])
    assert seen.without_light(mirror.election) == []
    assert len([*path.parent.glob(".apartado-*")]) == 1, "it is not put aside again"


def test_what_the_other_records_of_a_mirror_say_counts_though_one_is_damaged(diario: Path, mirror: Target) -> None:
    seen = Seen()
    seen.note(mirror, said(5), DAY)
    path = seen.path(mirror.election, f"{HOST}@10.0.0.1")
    path.with_name(f"{HOST}@10.0.0.0.json").write_bytes(path.read_bytes()[:-20])
    found = recorded.read(diario, "ribera", None)
    assert found.answered == {"simulacro": [DAY]}
    assert len(found.damage) == 1 and "10.0.0.0.json no se entiende" in found.damage[0]


def test_what_was_seen_of_a_mirror_under_another_election_counts_as_before_a_purge(
    diario: Path, tmp_path: Path, mirror: Target
) -> None:
    path = tmp_path / "election.yml"
    path.write_text(path.read_text().replace("simulacro", "official"))
    seen, official = Seen(), make_target(path, HOST)
    seen.note(official, said(5), DAY)
    purge(seen, mirror, tmp_path)
    assert recorded.read(diario, official.election.id, None).answered == {"official": [DAY]}
    assert recorded.read(diario, "ribera", None).answered == {}


def test_what_another_official_opening_saw_is_no_evidence_of_this_night(
    diario: Path, tmp_path: Path, mirror: Target
) -> None:
    path = tmp_path / "election.yml"
    path.write_text(path.read_text().replace("simulacro", "official"))
    official = make_target(path, HOST)
    seen = Seen()
    seen.note(official, said(5), DAY)
    assert recorded.read(diario, official.election.id, None).answered == {"official": [DAY]}
    aside = seen.path(official.election, f"{HOST}@10.0.0.1")
    (aside.parent / "anteriores").mkdir()
    aside.rename(aside.parent / "anteriores" / aside.name)
    assert recorded.read(diario, official.election.id, None).answered == {}
