"""An inventory whose election.yml leads to no election of the home: nobody can say whose it is, and that is told."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from form_kit import OTHER, as_yaml
from home_kit import difusor
from inventory_kit import KEY

from difusor.countdown import run, subjects
from difusor.countdown.checks import bad
from difusor.countdown.subjects import Subject
from difusor.inventory import linked, load
from difusor.partners.answer import Answer
from difusor.project import ROOT, UnusableError

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
    assert [each.name for each in linked.astray()] == [NAME] and linked.election_of(folder) == ""
    answer = enroll(as_yaml(tmp_path / "otro", {**OTHER, "anexo_tecnico.ssh_llave": KEY}), check=True)
    (told,) = (each.sentence for each in answer.findings)
    assert told.startswith(f"no se comparó con «{NAME}»: su election.yml ") and "ln -sfn ../../elections/" in told
    with pytest.raises(UnusableError, match="es una copia"):
        enroll(form)
    for target in ("../../elections/nada.yml", "election.yml", str(home / "build")):
        link.unlink()
        link.symlink_to(target)
        assert [each.name for each in linked.astray()] == [NAME]
    link.unlink()
    link.symlink_to(home / "elections/ensayo.yml")
    assert not linked.astray() and linked.election_of(folder) == "ensayo"
    (home / "elections/de_hoy.yml").symlink_to("ensayo.yml")
    assert linked.is_of(folder, "de_hoy") and linked.election_of(folder) == "ensayo"


@pytest.fixture
def copied(home: Path, tmp_path: Path, enroll: Callable[..., Answer]) -> Path:
    """Return the inventory of an outlet whose link to its election has become a copy."""
    enroll(as_yaml(tmp_path / "correo"))
    link = home / "inventories" / NAME / "election.yml"
    text = link.read_bytes()
    link.unlink()
    link.write_bytes(text)
    return link.parent


def test_a_copy_of_an_election_is_installed_nowhere(home: Path, copied: Path) -> None:
    """A stolen key was taken out of the election, and `signers` installed it once more from the copy, with status 0."""
    done = difusor("signers", "-i", NAME, home=home)
    link = copied / "election.yml"
    assert done.returncode == 1 and f"{link} no es un enlace a {home}/elections/ensayo.yml" in done.stderr
    assert f"enlácela: ln -sfn ../../elections/ensayo.yml {link}." in done.stderr and "ansible" not in done.stderr


def test_a_copy_of_an_election_is_red_a_day_before_the_night(home: Path, copied: Path, tmp_path: Path) -> None:
    """Its server has the lists of the copy, and was green."""
    (found,) = subjects.read_all(subjects.of_election("ensayo"))
    assert isinstance(found, Subject), found
    lost = bad("server", "no responde", "x")
    row = run._row(found, run.Found(lost, lost, {}), run.Options(tmp_path), found.host.election.opens)
    assert row.checks[0] == bad("inventory", linked.UNLINKED, linked.remedy(copied)) and row.state == "bad"


def test_the_command_that_is_told_links_it_wherever_it_is_typed(home: Path, copied: Path) -> None:
    """It named the link from the project's folder: with a home of its own, `ln` failed or changed another inventory."""
    told = linked.of_nobody(copied)
    assert "pase a su elección lo que solo diga la copia" in told, "the command replaces it"
    command = told.partition("enlácela: ")[2].replace("ELECCIÓN", "ensayo")
    subprocess.run(shlex.split(command), check=True, cwd=ROOT)
    assert linked.election_of(copied) == "ensayo" and not linked.astray()


def test_only_what_the_home_says_itself_is_no_copy_elsewhere(home: Path, copied: Path, tmp_path: Path) -> None:
    """An inventory outside the home, and one whose election only it says, work as ever."""
    link = copied / "election.yml"
    (told,) = linked.copies([copied, copied / "hosts.yml", link])
    assert str(link) in told and linked.copies([link]) == [told] and linked.copies([copied / "hosts.yml"]) == []
    outside = tmp_path / "fuera" / NAME
    shutil.copytree(copied, outside)
    assert linked.copies([outside]) == [] and not linked.is_astray(outside) and linked.is_astray(copied)
    link.write_text(re.sub(r'(election_id: "?)ensayo', r"\1propia", link.read_text()))
    assert linked.election_id(link) == "propia"
    assert linked.copies([copied]) == [] and linked.is_astray(copied)
    link.unlink()
    link.symlink_to("../../elections/ensayo.yml")
    assert linked.copies([copied]) == [] and not linked.is_astray(copied)
