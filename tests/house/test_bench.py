"""The life of a measurement's lab, and what a measurement prints when what it measures fails: nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A copy of the scripts where every program that they call does nothing, successfully."""
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    (tmp_path / "roles").mkdir()
    for name in ("python", "ssh", "scp", "docker"):
        _program(tmp_path / ".venv/bin" / name, "true")
    _program(tmp_path / "containers/build", "true")
    return tmp_path


def test_a_run_that_failed_has_no_figure(bench: Path) -> None:
    _program(bench / ".venv/bin/ansible-playbook", 'echo no room; case "$*" in *site.yml) exit 2; esac')
    done = subprocess.run([bench / "bench/converge"], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "no room" in done.stderr


@pytest.mark.parametrize(
    ("lab", "runs"),
    [
        ("", [f"bench: {name}.yml" for name in ("destroy", "create", "prepare", "site", "destroy")]),
        ("norte", ["norte: corte"]),
    ],
)
def test_a_lab_that_stands_is_left_standing(bench: Path, lab: str, runs: list[str]) -> None:
    _program(bench / ".venv/bin/ansible-playbook", f'echo "$LAB: ${{*##*[ /]}}" >>{bench}/runs')
    subprocess.run([bench / "bench/gate"], env={**os.environ, "LAB": lab}, check=True)
    assert (bench / "runs").read_text().splitlines() == runs


def _program(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
