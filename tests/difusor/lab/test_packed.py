"""What Ansible packs of its modules serves all runs against labs, and no run with other modules."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible import constants

from difusor.lab import packed
from difusor.project import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one module, and runs whose temporary folders are below `runs`."""
    (tmp_path / "plugins/modules").mkdir(parents=True)
    (tmp_path / "plugins/modules/probe.py").write_text("ONE = 1\n")
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(packed, "ROOT", tmp_path)
    monkeypatch.setattr(packed, "FOLDER", tmp_path / "modules")
    return tmp_path


def run(project: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    """Return where a run with a temporary folder of this name keeps what it packs."""
    folder = project / "runs" / name
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(folder))
    packed.share()
    return folder / "ansiballz_cache"


def test_runs_share_a_folder_until_a_module_changes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (run(project, monkeypatch, name).resolve() for name in ("one", "two"))
    assert first == second and first.is_dir()
    (project / "plugins/modules/probe.py").write_text("ONE = 2\n")
    third = run(project, monkeypatch, "three").resolve()
    assert third != first and third.is_dir() and first.is_dir(), "a run may still use what was packed before"


def test_forks_with_one_temporary_folder_share_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(project, monkeypatch, "one").resolve() == run(project, monkeypatch, "one").resolve()


def test_what_nobody_uses_any_more_is_removed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unused = project / "modules/unused"
    unused.mkdir(parents=True)
    os.utime(unused, times=(time.time() - 2 * packed.OLD,) * 2)
    run(project, monkeypatch, "one")
    assert not unused.exists()


def test_a_run_that_can_write_nothing_shares_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "modules").write_text("a file where the folder should be")
    assert not run(project, monkeypatch, "one").exists()


def test_a_run_against_a_lab_leaves_its_modules_for_the_next() -> None:
    command = [Path(sys.executable).with_name("ansible"), "-i", "inventories/demo", "localhost", "-m", "ping"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"LAB": "prueba"}, check=True, capture_output=True)
    assert list((packed.FOLDER / packed._state()).glob("ansible.modules.ping-*"))
