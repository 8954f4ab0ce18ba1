"""What a path and a difusor's name on the command line mean."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from inventory_kit import Certificates
from typer.testing import CliRunner

from difusor.project import HOME, ROOT
from difusor.terminal.arguments import Difusores, authority, from_project, inventory, vault_id, verifiable


def test_a_name_is_an_inventory_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert inventory("demo") == Path("inventories/demo")


def test_an_existing_path_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert inventory("demo") == tmp_path / "demo"


def test_a_path_means_the_folder_where_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "inventories")
    assert inventory("./demo") == inventory(f"{ROOT}/inventories/demo") == Path("inventories/demo")
    with pytest.raises(typer.BadParameter):
        inventory("inventories/demo")


def test_an_inventory_that_is_given_twice_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    app, taken = typer.Typer(), []

    @app.command()
    def verb(inventory: Difusores) -> None:
        taken.extend(inventory)

    given = [word for each in ("demo", "ejemplo", "inventories/demo") for word in ("-i", each)]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert taken == [Path("inventories/demo"), Path("inventories/ejemplo")]


@pytest.mark.parametrize("text", ["nadie", "demo/group_vars", "demo/../demo"])
def test_what_is_no_difusor_is_told_with_those_that_are(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(typer.BadParameter, match=r"\(DIFUSOR_HOME no nombra otra carpeta\): demo, ejemplo"):
        inventory(text)
    monkeypatch.setenv(HOME, str(tmp_path))
    with pytest.raises(typer.BadParameter, match=f"los que hay en {tmp_path}: ninguno"):
        inventory(text)


def test_the_file_of_a_vault_identity_is_found_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clave").write_text("x")
    assert vault_id("diario@clave") == f"diario@{tmp_path}/clave"
    assert vault_id("diario@prompt") == "diario@prompt"
    assert vault_id("prompt") == "prompt"


def test_a_sealed_dictamen_is_verified_by_the_name_of_its_difusor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the home, and the path that the documents name is that of a project without one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME, str(home := tmp_path / "casa"))
    (home / "build/dictamen").mkdir(parents=True)
    (sealed := home / "build/dictamen/diario.pdf").touch()
    assert verifiable("diario") == verifiable("casa/build/dictamen/diario.pdf") == sealed
    with pytest.raises(typer.BadParameter, match="no existe «otro»"):
        verifiable("otro")


def test_paths_are_told_from_the_project() -> None:
    assert from_project(ROOT / "build/x") == Path("build/x")
    assert from_project(Path("/etc/x")) == Path("/etc/x")


def test_an_authority_without_certificates_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not after every mirror has failed to answer with a certificate that nobody trusts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_text("no es un certificado\n")
    with pytest.raises(typer.BadParameter, match=r"«ca.pem» no contiene certificados en PEM; dé el de la autoridad"):
        authority("ca.pem")
    with pytest.raises(typer.BadParameter, match=r"no se puede leer «falta\.pem»"):
        authority("falta.pem")
    (tmp_path / "ca.pem").write_bytes(Certificates().root)
    assert authority("ca.pem") == tmp_path / "ca.pem"
