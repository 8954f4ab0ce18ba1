"""An inventory whose election.yml leads to no election of the home: nobody can say whose it is, and that is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from form_kit import OTHER, as_yaml
from inventory_kit import KEY

from difusor.inventory import load
from difusor.partners import roster
from difusor.partners.answer import Answer
from difusor.project import UnusableError

NAME = "diario_de_ribelos"
SITE = "www.diarioderibelos.com.mx"


def test_an_inventory_with_a_copy_of_its_election_is_nobodys_until_it_links_it(
    home: Path, tmp_path: Path, enroll: Callable[..., Answer]
) -> None:
    form, folder = as_yaml(tmp_path / "correo"), home / "inventories" / NAME
    enroll(form)
    link = folder / "election.yml"
    text = link.read_bytes()
    link.unlink()
    link.write_bytes(text)
    assert [each.name for each in load(folder)] == [SITE], "Ansible takes a copy as well"
    assert [each.name for each in roster.astray()] == [NAME] and roster.election_of(folder) == ""
    answer = enroll(as_yaml(tmp_path / "otro", {**OTHER, "anexo_tecnico.ssh_llave": KEY}), check=True)
    (told,) = (each.sentence for each in answer.findings)
    assert told.startswith(f"no se comparó con «{NAME}»: su election.yml ") and "ln -sfn ../../elections/" in told
    with pytest.raises(UnusableError, match="es una copia"):
        enroll(form)
    for target in ("../../elections/nada.yml", "election.yml", str(home / "build")):
        link.unlink()
        link.symlink_to(target)
        assert [each.name for each in roster.astray()] == [NAME]
    link.unlink()
    link.symlink_to(home / "elections/ensayo.yml")
    assert not roster.astray() and roster.election_of(folder) == "ensayo"
    (home / "elections/de_hoy.yml").symlink_to("ensayo.yml")
    assert roster.is_of(folder, "de_hoy") and roster.election_of(folder) == "ensayo"
