"""The measurement of `difusor report`: its progress is for a person, its results for the caller."""

from __future__ import annotations

from pathlib import Path

import pytest
from inventory_kit import PASSWORD, SERVER, Certificates, write_inventory

from difusor.suite.measurement import measure


def test_progress_does_not_mix_with_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output is for the dictamen, also when it goes through a pipe."""
    inventory = write_inventory(tmp_path / "diario", Certificates())
    (tmp_path / "password").write_text(PASSWORD)
    monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY_LIST", f"diario@{tmp_path / 'password'}")
    found = measure(inventory, tmp_path, lab=False, tests=["molecule/tests/server/test_pam.py"])
    told = capfd.readouterr()
    assert found.servers[SERVER].unreachable
    assert (told.out, "no evaluado: web1" in told.err) == ("", True)
