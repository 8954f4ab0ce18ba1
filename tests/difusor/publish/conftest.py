"""Fixtures for all tests of the institute's side."""

from __future__ import annotations

from pathlib import Path

import pytest

from difusor.publish import mistakes


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what `sign` remembers between two cortes in a temporary folder, and return that folder."""
    monkeypatch.setattr(mistakes, "RECORDS", tmp_path / "signed")
    return mistakes.RECORDS
