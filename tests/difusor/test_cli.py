"""The command line refuses wrong arguments and missing files in one sentence."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from call_kit import results
from command_kit import IMPORTED, difusor
from corte_kit import make_key
from interpreter_kit import interpreter
from publish_kit import write_election
from typer.core import TyperGroup
from typer.main import get_command

from difusor.cli import VERBS, _app

ROOT = Path(__file__).resolve().parents[2]
FALLEN = """
import sys
from difusor import cli
from difusor.commands import status

def run() -> None:
    {}

status.run = run
sys.argv = ["difusor", "--home", {!r}, "status"]
cli.main()
"""
"""The program with a verb that does something else."""
WITHOUT_ROOT = {
    *("audit", "list", "publish"),  # ask the page, and send to the rsync daemon
    *("enroll", "file", "form", "front", "images", "letter", "new", "password", "seal", "status", "tailoring"),
    *("sign", "synthetic", "verify"),
    *("clean", "demo", "test"),  # the lab's servers, which have no password
}
"""The verbs that become root on no server of a difusor's."""


def test_the_help_has_the_verbs_in_the_order_in_which_they_are_needed() -> None:
    """`new`, which is followed by what it makes, came last."""
    assert re.findall(r"(?m)^│ (\w+) ", difusor("--help").stdout) == list(VERBS)


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


def test_every_verb_that_becomes_root_on_a_server_takes_the_password_of_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaint about a sudo that asks for a password advises -K, whichever verb met it."""
    monkeypatch.setattr("sys.argv", ["difusor"])
    group = get_command(_app())
    assert isinstance(group, TyperGroup) and group.commands.keys() == VERBS.keys()
    lacking = {
        name
        for name, command in group.commands.items()
        if not any("-K" in each.opts and "--ask-become-pass" in each.opts for each in command.params)
    }
    assert lacking == WITHOUT_ROOT


@pytest.mark.parametrize("which", [[], ["--number", "1"], ["--all"]], ids=" ".join)
def test_no_corte_of_an_official_election_is_invented(which: list[str], tmp_path: Path) -> None:
    """By its number or with --all it was, and signed as an official one."""
    election = write_election(tmp_path, make_key(tmp_path, "firma"))
    done = difusor("synthetic", str(tmp_path / "corte"), "--election", str(election), *which, cwd=ROOT / "scripts")
    assert done.returncode == 1 and "demo es oficial" in done.stderr
    assert not (tmp_path / "corte").exists()


@pytest.mark.parametrize("is_writable", [True, False], ids=["kept", "disk full"])
def test_an_error_that_nobody_foresaw_is_told_in_a_sentence_and_its_traceback_kept(
    is_writable: bool, tmp_path: Path
) -> None:
    """The operator read a traceback, which told nothing to do."""
    if not is_writable:
        (tmp_path / "build").write_text("in the way, also of root")
    program = FALLEN.format("raise KeyError('pieza')", str(tmp_path))
    done = interpreter(*IMPORTED).run("-c", program, cwd=ROOT, env={**os.environ, "COLUMNS": "300"})
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("✗ falló este programa (KeyError: 'pieza'); avise a quien lo mantiene, con ")
    if not is_writable:
        assert "KeyError: 'pieza'\n" in done.stderr.partition("lo que sigue:")[2]
        return
    (kept,) = (tmp_path / "build/log").iterdir()
    assert done.stderr.endswith(f"con {kept}\n") and "Traceback" not in done.stderr
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.match("falla-*Z-*.log") and "in run\n" in kept.read_text() and "KeyError: 'pieza'" in kept.read_text()


@pytest.mark.parametrize(
    ("does", "status"),
    [
        ("raise SystemExit(7)", 7),
        ("import typer; raise typer.Exit(3)", 3),
        ("import click; raise click.UsageError('así no')", 64),
        ("import click; raise click.Abort", 1),
    ],
)
def test_how_a_verb_ends_by_itself_is_no_error(does: str, status: int, tmp_path: Path) -> None:
    done = interpreter(*IMPORTED).run("-c", FALLEN.format(does, str(tmp_path)), cwd=ROOT, env=os.environ)
    assert (done.returncode, "falló" in done.stderr) == (status, False)
    assert not (tmp_path / "build").exists()
