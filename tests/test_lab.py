"""The lab's night: made once, around the moment, and over when it is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from difusor import lab
from difusor.steps import StepFailed

NOW = datetime(2026, 6, 7, 3, 25, tzinfo=UTC)


@pytest.fixture(autouse=True)
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lab, "BUILD", tmp_path)
    (tmp_path / "lab/demo").mkdir(parents=True)
    return tmp_path / "lab/demo/window.json"


def test_window_surrounds_the_moment_in_absolute_instants(night: Path) -> None:
    assert lab.ensure_window("demo", NOW)
    window = json.loads(night.read_text())
    assert window == {
        "opens": "2026-06-07T01:00:00Z",
        "closes": "2026-06-08T01:00:00Z",
        "retain_until": "2026-06-14T01:00:00Z",
    }


def test_window_is_made_once(night: Path) -> None:
    lab.ensure_window("demo", NOW)
    before = night.read_text()
    assert not lab.ensure_window("demo", NOW + timedelta(days=2))
    assert night.read_text() == before


def test_night_is_over_at_its_close() -> None:
    assert not lab.is_over("demo", NOW)
    lab.ensure_window("demo", NOW)
    close = datetime(2026, 6, 8, 1, tzinfo=UTC)
    assert not lab.is_over("demo", close - timedelta(seconds=1))
    assert lab.is_over("demo", close)


def test_a_corte_that_was_interrupted_is_made_again(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.ensure_window("demo", NOW)
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

    monkeypatch.setattr(lab, "run_step", run_step)
    with pytest.raises(StepFailed):
        lab.publish_latest("demo", NOW)
    lab.publish_latest("demo", NOW)
    assert published == [["datos", "descargas"]]
    assert [path.name for path in (night.parent / "cortes").iterdir()] == ["0015"]
