"""The lab's election night: its window is set once, around the present; the night is over at the window's close."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from difusor import spec
from difusor.inventory import variables
from difusor.lab import night
from difusor.project import ROOT
from difusor.terminal import StepFailed

NOW = datetime(2026, 6, 7, 3, 25, tzinfo=UTC)


@pytest.fixture(autouse=True)
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(night, "BUILD", tmp_path)
    monkeypatch.delenv(night.ELECTION, raising=False)
    (tmp_path / "lab/demo").mkdir(parents=True)
    return tmp_path / "lab/demo/window.json"


def test_window_surrounds_the_moment_in_absolute_instants(window: Path) -> None:
    assert night.ensure_window("demo", NOW)
    instants = json.loads(window.read_text())
    assert instants == {
        "opens": "2026-06-07T01:00:00Z",
        "closes": "2026-06-08T01:00:00Z",
        "retain_until": "2026-06-14T01:00:00Z",
    }


def test_window_is_made_once(window: Path) -> None:
    night.ensure_window("demo", NOW)
    before = window.read_text()
    assert not night.ensure_window("demo", NOW + timedelta(days=2))
    assert window.read_text() == before


def test_night_is_over_at_its_close() -> None:
    assert not night.is_over("demo", NOW)
    night.ensure_window("demo", NOW)
    close = datetime(2026, 6, 8, 1, tzinfo=UTC)
    assert not night.is_over("demo", close - timedelta(seconds=1))
    assert night.is_over("demo", close)


def test_a_lab_that_is_not_there_or_damaged_is_told(window: Path) -> None:
    night.ensure_window("demo", NOW)
    with pytest.raises(StepFailed, match="no existe el laboratorio ensayo; los que hay: demo"):
        night.publish_latest("ensayo", NOW)
    for damaged in ('{"opens": "2026-06', "{}", "[]", '{"opens": 5, "closes": 6, "retain_until": 7}'):
        window.write_text(damaged)
        with pytest.raises(StepFailed, match=r"window\.json está dañado"):
            night.publish_latest("demo", NOW)


def test_a_corte_that_was_interrupted_is_made_again(window: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night.ensure_window("demo", NOW)
    interrupted, published = [True], []

    def run_step(title: str, *command: str | Path, **_: object) -> None:
        verb, tree = command[3], Path(command[4])
        if verb == "publish":
            published.append(sorted(path.name for path in tree.iterdir()))
            return
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "datos").touch()
        if interrupted.pop():
            interrupted.append(False)
            raise StepFailed("interrumpido")
        (tree / "descargas").touch()

    monkeypatch.setattr(night, "run_step", run_step)
    with pytest.raises(StepFailed):
        night.publish_latest("demo", NOW)
    night.publish_latest("demo", NOW)
    assert published == [["datos", "descargas"]]
    assert [path.name for path in (window.parent / "cortes").iterdir()] == ["0015"]


def test_a_lab_shows_any_election_of_the_project_but_its_own() -> None:
    assert "ribera-2027" in night.elections() and "demo" not in night.elections()


def test_cortes_of_another_election_are_not_taken_for_those_of_this(
    window: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.ensure_window("demo", NOW)
    made = []
    monkeypatch.setattr(night, "run_step", lambda *words, **_: (words[5].mkdir(parents=True), made.append(words[5])))
    for name in ("", "ribera-2027", "ribera-2027"):
        monkeypatch.setenv(night.ELECTION, name)
        assert int(night.make_latest("demo", NOW).name) == int(made[-1].name.lstrip("."))
    assert len(made) == 2


@pytest.mark.parametrize("name", night.elections())
def test_a_lab_has_the_call_of_its_election(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is to be called with doubts is of that call too."""
    monkeypatch.setenv(night.ELECTION, name)
    said = frozenset(("election_spec", "election_contact"))
    values = variables.read(ROOT / night.INVENTORY, only=said).hosts["difusor"]
    call = spec.load(values["election_spec"])
    assert str(call["DG-14"].expect["telephone"]) in values["election_contact"]
