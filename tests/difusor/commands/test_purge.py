"""`difusor purge`: of several difusores none is deleted while one of them may not be, and what was deleted is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner
from corte_kit import make_key
from publish_kit import command_of, make_target, write_election

from difusor.commands import purge
from difusor.inventory import load_election
from difusor.project import UnusableError
from difusor.publish import rehearsal
from difusor.publish import target as targets
from difusor.servers import sudo
from difusor.terminal import StepFailed

BOTH = ["--simulacro", "-i", "norte", "-i", "sur"]
EVIDENCE = {"removed_files": 3, "removed_bytes": 9, "remaining": [], "log": {"entries": 1, "head": "a" * 64}}


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return, to be changed, whether the election of each difusor is official."""
    election = write_election(tmp_path, make_key(tmp_path, "firma"))
    found = {"norte": "simulacro", "sur": "simulacro"}

    def read(inventory: Path) -> list[Any]:
        its = load_election(election).model_copy(update={"environment": found[inventory.name]})
        return [replace(make_target(election, inventory.name), election=its)]

    monkeypatch.setenv("DIFUSOR_HOME", str(tmp_path))
    for name in found:
        (tmp_path / "inventories" / name).mkdir(parents=True)
    monkeypatch.setattr(targets, "read", read)
    return found


@pytest.fixture
def steps(environments: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the difusores of which the playbook has run; it fails at the second."""
    begun: list[str] = []

    def run_step(title: str, *command: str | Path, log: Path, inherited: list[int]) -> None:
        assert inherited == sudo.descriptors()
        begun.append(title.partition(":")[0])
        if len(begun) == 2:
            raise StepFailed("el segundo no responde")
        server = Path(json.loads(str(command[-1]))["purge_evidence"]) / begun[0]
        server.mkdir(parents=True)
        (server / "evidence.json").write_text(json.dumps(EVIDENCE))

    monkeypatch.setattr(rehearsal, "run_step", run_step)
    return begun


def test_nothing_is_deleted_when_one_of_them_is_official(environments: dict[str, str], steps: list[str]) -> None:
    """The first one was, and then it said that nothing had been."""
    environments["sur"] = "official"
    done = CliRunner().invoke(command_of(purge), BOTH)
    assert (done.exit_code, steps) == (1, [])
    assert "no se borró nada" in " ".join(done.output.split())


def test_the_password_of_sudo_is_asked_for_once_and_nothing_is_deleted_without_it(
    environments: dict[str, str], steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(sudo, "ask", asked.append)
    monkeypatch.setattr(sudo, "descriptors", lambda: [7])
    CliRunner().invoke(command_of(purge), [*BOTH, "-K"])
    assert (asked, steps) == ([True], ["norte", "sur"])
    steps.clear()
    monkeypatch.setattr(sudo, "ask", Mock(side_effect=UnusableError("no hay terminal")))
    done = CliRunner().invoke(command_of(purge), [*BOTH, "-K"])
    assert (done.exit_code, steps) == (1, []) and "no hay terminal" in done.output


@pytest.mark.parametrize("as_json", [False, True])
def test_what_was_deleted_is_told_though_the_next_one_fails(steps: list[str], as_json: bool) -> None:
    done = CliRunner().invoke(command_of(purge), BOTH + ["--json"] * as_json)
    assert (done.exit_code, steps) == (1, ["norte", "sur"])
    assert "el segundo no responde" in done.output
    if as_json:
        assert json.loads(done.stdout) == {"norte": EVIDENCE}
    else:
        assert "3 archivos" in done.stdout and "build/purge/" in done.stdout
