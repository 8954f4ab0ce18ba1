"""The lab's night: made once, around the moment, and over when it is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from difusor import lab

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
