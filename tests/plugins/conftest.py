"""Fixtures for the tests of more than one plugin."""

from __future__ import annotations

from pathlib import Path

import pytest
from managed_kit import PLAY, Server, recorded

from difusor.project import ROOT


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """An empty server and a role without files."""
    role = tmp_path / "project/roles/subject"
    (role / "tasks").mkdir(parents=True)
    (role / "templates").mkdir()
    (tmp_path / "project/play.yml").write_text(PLAY.replace("PROJECT", str(ROOT)))
    (tmp_path / "root").mkdir()
    recorded(tmp_path / "project/record")
    return Server(tmp_path / "root", role)
