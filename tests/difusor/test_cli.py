"""The command line refuses wrong arguments and missing files in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from call_kit import results
from command_kit import difusor
from corte_kit import make_key
from publish_kit import write_election

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("verb", "sentence", "status"),
    [
        (
            ["synthetic", f"{ROOT}/README.md/corte", "--election", "{election}", "--number", "1"],
            "README.md/corte/datos: no es una carpeta",
            1,
        ),
        (["report", "--results", "{results}", "--output", f"{ROOT}/README.md/x"], "README.md/x: no es una carpeta", 2),
    ],
)
def test_a_folder_that_cannot_be_written(verb: list[str], sentence: str, status: int, tmp_path: Path) -> None:
    election = write_election(tmp_path, make_key(tmp_path, "firma"))
    election.write_text(election.read_text().replace("official", "simulacro"))
    measured = tmp_path / "r.json"
    measured.write_text(results().model_dump_json())
    words = [word.format(election=election, results=measured) for word in verb]
    done = difusor(*words, cwd=ROOT / "scripts")
    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("which", [[], ["--number", "1"], ["--all"]], ids=" ".join)
def test_no_corte_of_an_official_election_is_invented(which: list[str], tmp_path: Path) -> None:
    """By its number or with --all it was, and signed as an official one."""
    election = write_election(tmp_path, make_key(tmp_path, "firma"))
    done = difusor("synthetic", str(tmp_path / "corte"), "--election", str(election), *which, cwd=ROOT / "scripts")
    assert done.returncode == 1 and "demo es oficial" in done.stderr
    assert not (tmp_path / "corte").exists()
