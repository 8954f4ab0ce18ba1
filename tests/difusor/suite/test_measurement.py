"""The measurement of `difusor report`: its progress is for a person, its results for the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from inventory_kit import PASSWORD, SERVER, Certificates, write_inventory

from corte.format import files
from difusor.project import HOME
from difusor.report.results import ResultsError
from difusor.suite import measurement
from difusor.suite.measurement import measure


def test_progress_does_not_mix_with_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output is for the dictamen, also when it goes through a pipe. Two at once disturb each other."""
    inventory = write_inventory(tmp_path / "diario", Certificates())
    monkeypatch.setenv(HOME, str(tmp_path))
    (tmp_path / "password").write_text(PASSWORD)
    monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY_LIST", f"diario@{tmp_path / 'password'}")
    found = measure(inventory, tmp_path, lab=False, tests=["molecule/tests/server/test_pam.py"])
    told = capfd.readouterr()
    assert found.servers[SERVER].unreachable
    assert (told.out, "no evaluado: web1" in told.err) == ("", True)
    (turn,) = (tmp_path / "build/turnos").iterdir()
    for output in (tmp_path, tmp_path / "otra"):
        with files.locked(turn), pytest.raises(ResultsError, match="ya se está midiendo en esta máquina"):
            measure(inventory, output)
    assert (tmp_path / "diario.results.json").exists()  # those of the other measurement


def test_one_file_of_an_inventory_is_refused_with_the_folder_to_give(tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "diario", Certificates())
    with pytest.raises(ResultsError, match=f"hosts.yml es un archivo, .* dé su carpeta, -i {inventory}$"):
        measure(inventory / "hosts.yml", tmp_path)


@pytest.mark.parametrize("lab", [False, True])
def test_the_operators_shell_leaves_no_test_out(lab: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what tests assert and say; in the lab pytest is told what another release has tested already."""
    foreign = {"PYTHONOPTIMIZE": "2", "PYTEST_ADDOPTS": "-k nada", "PYTHONWARNINGS": "error"}
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    taken: dict[str, str] = {}

    def run(command: Sequence[str], environment: Mapping[str, str], hear: object) -> tuple[str, str]:
        taken.update(environment)
        return "no se midió", ""

    monkeypatch.setattr(measurement, "_run", run)
    monkeypatch.setenv(HOME, str(tmp_path))
    with pytest.raises(ResultsError, match="no se midió"):
        measure(write_inventory(tmp_path / "diario", Certificates()), tmp_path, lab=lab)
    assert foreign.keys() <= taken.keys() if lab else not foreign.keys() & taken.keys()
