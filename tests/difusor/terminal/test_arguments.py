"""What a path and a difusor's name on the command line mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from inventory_kit import Certificates
from typer.testing import CliRunner

from difusor.project import HOME, ROOT, from_project
from difusor.terminal.arguments import (
    Difusores,
    authority,
    election,
    inventory,
    paper,
    vault_id,
    verifiable,
)


def test_a_name_is_an_inventory_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert inventory("demo") == Path("inventories/demo")


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand where everything is called as what the home has; return the home."""
    home, here = tmp_path / "casa", tmp_path / "aquí"
    for folder in (home / "inventories/diario", home / "elections", home / "build/dictamen", here):
        folder.mkdir(parents=True)
    for name in ("elections/diario.yml", "build/dictamen/diario.json", "build/dictamen/diario.pdf"):
        (home / name).touch()
    monkeypatch.setenv(HOME, str(home))
    monkeypatch.chdir(here)
    return home


MEANT = {
    inventory: "inventories/diario",
    election: "elections/diario.yml",
    paper: "build/dictamen/diario.json",
    verifiable: "build/dictamen/diario.pdf",
}
"""What the word `diario` names in the home."""


@pytest.mark.parametrize("parser", MEANT)
@pytest.mark.parametrize("is_folder", [True, False])
def test_a_word_that_is_two_things_is_refused_with_how_to_say_each(
    parser: Callable[[str], Path], is_folder: bool, both: Path
) -> None:
    """The one where somebody stood was taken: an old copy of the inventory, without a word."""
    here, named = Path("diario").absolute(), both / MEANT[parser]
    assert parser("diario") == named
    if is_folder and parser is not paper:
        here.mkdir()
    else:
        here.touch()
    with pytest.raises(typer.BadParameter) as refused:
        parser("diario")
    said = refused.value.message
    assert f"({here})" in said and f"({named})" in said, said
    assert said.endswith(f"la primera es ./diario; la otra, {named}.")
    assert parser("./diario") == parser(str(here)) == here
    assert parser(str(named)) == named


@pytest.mark.parametrize("parser", MEANT)
def test_a_word_that_is_the_same_thing_twice_is_taken(
    parser: Callable[[str], Path], both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = both / MEANT[parser]
    Path("diario").symlink_to(named)
    assert parser("diario").resolve() == named
    monkeypatch.chdir(named.parent)
    assert parser("diario") == named


def test_a_name_in_other_letters_is_nobodys(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a disk of Windows, which finds it: what is written of it would be of another difusor."""
    for kind in ("is_dir", "is_file"):
        monkeypatch.setattr(Path, kind, lambda path: path.name.casefold() in {"diario", "diario.yml"})
    monkeypatch.setattr(Path, "exists", lambda path: False)
    for parser in (inventory, election):
        assert parser("diario") == both / MEANT[parser]
        with pytest.raises(typer.BadParameter, match=r"no existe .* «Diario», ni esa ruta; .*: diario"):
            parser("Diario")


def test_a_path_that_is_no_name_is_a_path(both: Path) -> None:
    Path("diario").mkdir()
    assert inventory("diario/") == inventory("../aquí/diario").resolve() == Path("diario").absolute()


def test_an_existing_path_wins_over_a_name_that_is_nobodys(both: Path) -> None:
    Path("otro").mkdir()
    assert inventory("otro") == Path("otro").absolute()


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
