"""House rules for the measurements of bench/: one folder each, when the lab is made, no output after a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command_kit import IMPORTED
from interpreter_kit import interpreter

ROOT = Path(__file__).resolve().parents[2]
MEASUREMENTS = sorted(path for path in (ROOT / "bench").iterdir() if path.is_dir())


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A copy of bench/ in which every program that the scripts call does nothing and succeeds."""
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    (tmp_path / "roles").mkdir()
    for name in ("python", "ssh", "scp", "docker"):
        _program(tmp_path / ".venv/bin" / name, "true")
    _program(tmp_path / "containers/build", "true")
    return tmp_path


def test_a_run_that_failed_has_no_figure(bench: Path) -> None:
    _program(bench / ".venv/bin/ansible-playbook", 'echo no room; case "$*" in *site.yml) exit 2; esac')
    done = subprocess.run([bench / "bench/converge/run"], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "no room" in done.stderr


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda path: path.name)
def test_help_says_what_is_measured_and_measures_nothing(bench: Path, measurement: Path) -> None:
    _program(bench / ".venv/bin/ansible-playbook", 'echo "ran" >&2; exit 2')
    done = subprocess.run([bench / "bench" / measurement.name / "run", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 1 and "#" not in done.stdout.partition("\n")[0]
    assert not (bench / "build").exists()


@pytest.mark.parametrize(
    ("lab", "runs"),
    [
        ("", [f"bench: {name}.yml" for name in ("destroy", "create", "prepare", "site", "destroy")]),
        ("norte", ["norte: corte"]),
    ],
)
def test_an_existing_lab_is_not_removed(bench: Path, lab: str, runs: list[str]) -> None:
    _program(bench / ".venv/bin/ansible-playbook", f'echo "$LAB: ${{*##*[ /]}}" >>{bench}/runs')
    subprocess.run([bench / "bench/gate/run"], env={**os.environ, "LAB": lab}, check=True)
    assert (bench / "runs").read_text().splitlines() == runs


@pytest.mark.parametrize("folder", MEASUREMENTS, ids=lambda folder: folder.name)
def test_each_measurement_begins_with_run_and_stands_in_the_table(folder: Path) -> None:
    assert os.access(folder / "run", os.X_OK)
    table = (ROOT / "bench/README.md").read_text(encoding="utf-8")
    assert f"| `bench/{folder.name}/run" in table


@pytest.mark.parametrize(
    "path", sorted((ROOT / "bench").rglob("*.py")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_each_program_can_be_imported(path: Path) -> None:
    """Importing a program starts no measurement."""
    done = interpreter(*IMPORTED).run("-c", f"import {path.stem}", cwd=path.parent)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def _program(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
