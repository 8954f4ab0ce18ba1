"""The machine that signs and sends is looked at before the night, as the difusores are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from account_kit import NEEDS_ROOT, as_nobody
from countdown_kit import host

from difusor.countdown import here
from difusor.project import HOME
from difusor.publish import notes

ELECTION = host().election


def test_a_machine_that_can_sign_and_send_is_green(records: Path) -> None:
    assert [each.state for each in here.judge([ELECTION])] == ["good"]
    assert not records.exists(), "it only looks"
    notes.place(ELECTION).mkdir(parents=True)
    (notes.place(ELECTION) / notes.LOCK).touch()
    assert [each.state for each in here.judge([ELECTION, ELECTION])] == ["good"]


@NEEDS_ROOT
def test_records_of_another_account_are_red_with_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders nobody else may enter
        Path(name).chmod(0o755)
        monkeypatch.setenv(HOME, name)
        monkeypatch.setattr(notes, "kept_in", lambda: Path(name) / "build/cortes")
        notes.place(ELECTION).mkdir(parents=True)
        with as_nobody():
            (check,) = here.judge([ELECTION])
    assert check.found.startswith(f"no se puede escribir en {notes.place(ELECTION)}")
    assert check.remedy == f"{notes.place(ELECTION)} es de root; sudo chown -R $(id -un) {name}/build/cortes"


def test_a_full_disk_and_programs_that_are_missing_are_red(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(here.shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    programs, *disks = here.judge([ELECTION])
    assert (programs.found, programs.remedy) == (
        "aquí no hay rsync, ssh-keygen, ssh, y así no se firma o no se envía",
        "sudo apt install openssh-client rsync",
    )
    assert disks and all("quedan 3 MB" in each.found for each in disks)
