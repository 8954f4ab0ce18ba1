"""Fixtures for the tests of more than one plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ansible_kit
import pytest
from managed_kit import PLAY, Server, recorded

from difusor.project import ROOT


@pytest.fixture(scope="session")
def python() -> Iterator[Path]:
    """What runs Ansible's modules on this machine in the place of Python."""
    with ansible_kit.python() as program:
        yield program


@pytest.fixture
def server(tmp_path: Path, python: Path) -> Server:
    """An empty server and a role without files."""
    role = tmp_path / "project/roles/subject"
    (role / "tasks").mkdir(parents=True)
    (role / "templates").mkdir()
    (tmp_path / "project/play.yml").write_text(PLAY.replace("PROJECT", str(ROOT)).replace("PYTHON", str(python)))
    (tmp_path / "root").mkdir()
    recorded(tmp_path / "project/record")
    return Server(tmp_path / "root", role)
