"""What the owner's own upgrade says is kept, also when it fails, and a broken line does not cut it short."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from difusor.acceptance import doing, state
from difusor.acceptance.case import Case
from difusor.project import ROOT
from difusor.terminal import StepFailed

STATE: dict[str, dict[str, str]] = {kind: {} for kind in state.TOLD}


class Local(Case):
    """A server whose commands run here, with an apt-get of the test's."""

    def ask(self, *command: str) -> str:
        done = subprocess.run(["sh", "-c", command[0]], capture_output=True, text=True, check=False)
        if done.returncode:
            raise StepFailed(f"dice: «{done.stdout}»")
        return done.stdout

    def verb(self, title: str, log: Path, *words: str | Path) -> None:
        """Do nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Local:
    program = tmp_path / "bin/apt-get"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'Setting up openssl'\nexec cat \"$0.more\"\n")
    program.chmod(0o755)
    (program.parent / "dpkg").write_text('#!/bin/sh\necho "dpkg $*"\n')
    (program.parent / "dpkg").chmod(0o755)
    log = str(tmp_path / "apt.log")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(doing, "APT", doing.APT.replace(doing.APT_LOG, log))
    monkeypatch.setattr(doing, "APT_LOG", log)
    monkeypatch.setattr(state, "take", lambda case: STATE)
    (tmp_path / "step").mkdir()
    return Local(Path("x"), "difusor", Path("llave"))


def test_a_restart_waits_for_installations_that_are_under_way() -> None:
    (play,) = yaml.safe_load((ROOT / "playbooks/acceptance/restart.yml").read_text())
    waits, restarts = (
        next(place for place, task in enumerate(play["tasks"]) if sought(task))
        for sought in (
            lambda task: task.get("ansible.builtin.import_role") == {"name": "packages", "tasks_from": "wait"},
            lambda task: task.get("ansible.builtin.import_tasks") == "../tasks/restart.yml",
        )
    )
    assert waits < restarts


def test_what_apt_said_is_kept_when_it_fails(server: Local, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="Setting up openssl\\ncat: "):
        doing.upgrade(server, tmp_path / "step", tmp_path)
    said = (tmp_path / "step/apt.log").read_text()
    assert said.startswith("Setting up openssl\ncat: ")
    assert said.endswith("dpkg --force-confdef --force-confold --configure --pending\n"), (
        "no package stays half installed"
    )
    assert (tmp_path / "step" / doing.AFTER).exists()


def test_apt_goes_on_when_nobody_reads_any_more(server: Local, tmp_path: Path) -> None:
    (tmp_path / "bin/apt-get.more").write_text("Processing triggers\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(["sh", "-c", doing.APT], stdout=writer, stderr=writer, check=False)
    os.close(writer)
    assert done.returncode == 0
    assert Path(doing.APT_LOG).read_text() == "Setting up openssl\nProcessing triggers\n"
