"""The server's command `python3 -m corte` speaks Spanish to whoever types it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from interpreter_kit import interpreter
from machine_kit import SERVICES

from corte import __main__ as command
from corte.format import record
from corte.server import intake


def corte(*arguments: str) -> subprocess.CompletedProcess[str]:
    return interpreter(*SERVICES).run("-m", "corte", *arguments)


@pytest.mark.parametrize("arguments", [["nada"], [], ["log", "--nada"], ["log", "de", "más"], ["log", "--config"]])
def test_a_command_that_is_not_understood_is_refused_in_spanish(arguments: list[str]):
    done = corte(*arguments)
    assert (done.returncode, done.stdout) == (os.EX_USAGE, "")
    assert done.stderr.startswith(f"No se entiende la orden «{' '.join(arguments)}».")
    assert "uso: python3 -m corte VERBO" in done.stderr and "error:" not in done.stderr


def test_no_service_looks_for_a_form_of_dates(tmp_path: Path):
    """The module of `strptime` took each start of a service ten milliseconds, for dates of one form."""
    line = 'yo namespaces="prep-corte@demo",valid-after="20200101000000",valid-before="20400101000000" ssh-ed25519 AAAA'
    code = (
        "import sys; from corte.format import instants, signature\n"
        f"assert list(signature.valid_signers({line!r}, instants.now()))\n"
        "sys.exit('_strptime' in sys.modules)"
    )
    done = interpreter(*SERVICES).run("-c", code, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_help_is_spanish_and_names_every_verb():
    done = corte("--help")
    assert done.returncode == 0 and "show this help" not in done.stdout
    assert [verb for verb in ("intake", "gate", "log", "purge") if f"  {verb} " not in done.stdout] == []


def test_a_configuration_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path):
    done = corte("log", "--config", str(tmp_path / "no-hay.json"))
    told = f"{tmp_path}/no-hay.json falta o está dañado: quien opera el espejo repita ./difusor apply.\n"
    assert (done.returncode, done.stderr) == (1, told)


@pytest.mark.parametrize("text", [None, "", "[]", '{"election": "demo"}', "\udcff", record.content({}).decode()])
def test_an_intake_without_its_configuration_is_not_started_again_at_once(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """It cannot claim the signature that starts it. The gate ends at once: systemd waits before it starts it."""
    file, pauses = tmp_path / "server.json", []
    if text is not None:
        file.write_bytes(text.encode(errors="surrogateescape"))
    monkeypatch.setattr(command.time, "sleep", pauses.append)
    for verb in ("gate", "intake"):
        monkeypatch.setattr(command.sys, "argv", ["corte", verb, "--config", str(file)])
        assert command.main() == 1
    assert pauses == [intake.PAUSE]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and {str(file) in line for line in said} == {True}
