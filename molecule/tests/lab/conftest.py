"""Fixtures for tests that alter a lab's server: the lab's signing key, and a run of site.yml with other values."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from difusor.project import ROOT

Site = Callable[..., str]


@pytest.fixture
def key(variables: dict[str, Any]) -> Path:
    """Return the path of the lab's own signing key."""
    return Path(variables["lab_dir"]) / "firma"


@pytest.fixture
def site(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Site]:
    """Return a function that runs site.yml with other values for some variables and returns what it printed.

    Afterwards site.yml runs with the inventory's own values, if others were used.
    """
    values_file = tmp_path / "values.json"

    def run(values: dict[str, Any] | None = None, *options: str) -> str:
        values_file.write_text(json.dumps(values or {}))
        command = ["ansible-playbook", "-i", pytestconfig.option.ansible_inventory, "site.yml", *options]
        result = subprocess.run([*command, "--extra-vars", f"@{values_file}"], cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout[-3000:]
        return result.stdout + result.stderr

    yield run
    if values_file.exists() and values_file.read_text() != "{}":
        run()
