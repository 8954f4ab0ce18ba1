"""The command line refuses wrong arguments and missing files in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = str(ROOT / "tests/data/results.json")


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        (["synthetic", f"{ROOT}/README.md/corte", "--number", "1"], "README.md/corte/datos: no es una carpeta"),
        (["report", "--results", RESULTS, "--output", f"{ROOT}/README.md/x"], "README.md/x: no es una carpeta"),
    ],
)
def test_a_folder_that_cannot_be_written(verb: list[str], sentence: str) -> None:
    command = [sys.executable, "-m", "difusor", *verb]
    done = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
