"""`difusor test --durations` on the files of a real run, and the verdict on a part of a suite."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from call_kit import results

from difusor.proof import durations, part
from difusor.proof.cores import Sample
from difusor.proof.found import unexcused_of_a_part
from difusor.proof.phases import Phases
from difusor.proof.runs import Run
from difusor.proof.suites import Suite
from difusor.report.results import load

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests/data"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("build")


def test_tables(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = Suite("bookworm")
    clock = iter(NOON + timedelta(seconds=20 * number) for number in range(1, 100))
    phases = Phases(lambda: next(clock))
    for line in (DATA / "molecule-verify.log").read_text().splitlines(keepends=True):
        phases.hear(line)
    suite.record.write_text(phases.record(NOON, NOON + timedelta(seconds=200), held=True).model_dump_json())
    suite.results.parent.mkdir(parents=True)
    suite.results.write_text((DATA / "results.json").read_text())
    samples = [Sample(NOON + timedelta(seconds=at), NOON + timedelta(seconds=at + 20), 0.9) for at in range(0, 200, 20)]
    samples[4] = Sample(samples[4].since, samples[4].until, 0.25)
    durations.say([Run(suite, phases)], samples)
    said = capsys.readouterr().err
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if "│" in line]
    assert ["bookworm", "converge", "20", "90%"] in rows
    assert ["bookworm", "prepare", "20", "25%, 20 s desde 12:01:20 UTC"] in rows
    assert ["bookworm", "todas", "200", "84%, 20 s desde 12:01:20 UTC"] in rows
    assert "Toda la ejecución: 200 s, núcleos 84%, 20 s desde 12:01:20 UTC" in said
    slowest = [row for row in rows if len(row) == 3]
    assert len(slowest) == min(durations.SLOWEST, len(load(suite.results).findings))
    assert [float(row[0]) for row in slowest] == sorted((float(row[0]) for row in slowest), reverse=True)


def test_a_part_is_judged_without_a_dictamen() -> None:
    """HW-01 and the documents of RED-03 failed but have a valid waiver; a skipped test counts as not proved."""
    against = unexcused_of_a_part(results())
    assert [finding.test for finding in against] == [
        "test_hardware.py::test_processor",
        "test_documents.py::test_upstream_ddos_protection",
        "test_rsync.py::test_push",
        "test_prep.py::test_age",
    ]


def test_a_part_that_could_not_be_measured_fails(build: Path) -> None:
    """Judging a part fails with status 2 when its lab does not exist."""
    command = [sys.executable, "-m", part.__name__, "nadie", "molecule/tests/server/test_chrony.py"]
    done = subprocess.run(
        command, cwd=ROOT / "scripts", env={**os.environ, "LAB": "nadie"}, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no se evaluó" in done.stderr
