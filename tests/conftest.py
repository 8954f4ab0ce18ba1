"""What every test without a server may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from difusor.proof import suites

pytest_plugins = ["difusor.suite.repeats"]

# How long an example takes is the machine's affair.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which the suites of `difusor test` leave what they find, in place of the project's own."""
    monkeypatch.setattr(suites, "BUILD", tmp_path)
    (tmp_path / "log").mkdir()
    return tmp_path
