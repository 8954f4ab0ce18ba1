"""Fixtures and settings for all tests that need no server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from difusor.proof import suites
from difusor.publish import notes

pytest_plugins = ["difusor.suite.repeats"]

# Hypothesis must not fail an example for being slow: that depends on the machine.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have `sign`, `publish` and `audit` keep their records in a temporary folder, and return that folder."""
    monkeypatch.setattr(notes, "FOLDER", tmp_path / "build/cortes")
    return notes.FOLDER


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have `difusor test` write to a temporary folder instead of the project's build/, and return that folder."""
    monkeypatch.setattr(suites, "BUILD", tmp_path)
    (tmp_path / "log").mkdir()
    return tmp_path
