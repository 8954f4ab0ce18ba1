"""The home of an institute: what verbs read and write is there, and plain Ansible works with it from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from home_kit import difusor, made

from difusor import cli, project, spec
from difusor.inventory import picture
from difusor.project import HOME, ROOT
from difusor.terminal.arguments import difusores, election, inventory


def test_names_are_those_of_the_home(home: Path) -> None:
    made()
    assert difusores() == ["diario"]
    assert inventory("diario") == home / "inventories/diario"
    assert election("ensayo") == home / "elections/ensayo.yml"


def test_what_is_kept_is_kept_in_the_home(home: Path) -> None:
    assert project.build() == home / "build"


def test_papers_tell_no_path_of_the_machine(home: Path) -> None:
    assert project.told(home / "inventories/diario") == Path("inventories/diario")
    assert project.told(ROOT / "inventories/demo") == project.told(Path("inventories/demo")) == Path("inventories/demo")


def test_the_institutes_own_spec_wins(home: Path) -> None:
    shipped = ROOT / "spec/ribera-2027.yml"
    assert spec.load("ribera-2027").document != "Anexo propio"
    (home / "spec").mkdir()
    own = re.sub("(?m)^document: .*", "document: Anexo propio", shipped.read_text(encoding="utf-8"))
    for name in ("ribera-2027", "de-aqui"):
        (home / f"spec/{name}.yml").write_text(own, encoding="utf-8")
        assert spec.load(name).document == "Anexo propio"
    assert "de-aqui" in spec.names() and "deviations" not in spec.names()


def test_a_file_that_nobody_has_is_missing_in_the_home(home: Path) -> None:
    """The project is updated, and shared with other homes: nobody is told to save something in it."""
    wanted = home / "elections/falta.png"
    assert project.own("elections/falta.png") == wanted
    with pytest.raises(ValueError, match=re.escape(f"no se puede leer {wanted} (no existe); guarde ahí el logotipo")):
        picture.of_the_institute("falta.png")
    assert project.own("spec/deviations.yml") == ROOT / "spec/deviations.yml"


def test_the_line_that_a_verb_prints_works_in_any_folder(home: Path) -> None:
    """It says by itself which home and configuration it means, and whose password opens the vault."""
    made()
    done = difusor("apply", "-i", "diario", "--", "--list-tasks", home=home)
    assert done.returncode == 0, done.stderr
    assert f"playbook: {ROOT}/site.yml" in done.stdout and "Authorise the state of the system" in done.stdout
    line = done.stderr.splitlines()[0]
    bare = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(home)}
    plain = subprocess.run(["bash", "-c", line], cwd="/", env=bare, capture_output=True, text=True)
    assert plain.stdout == done.stdout, plain.stderr
    (home / "vault-password").write_text("otra")
    assert "no se descifra" in difusor("apply", "-i", "diario", "--", "--list-tasks", home=home).stderr


def test_a_home_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = difusor("preflight", "-i", "diario", home=tmp_path / "falta")
    assert done.returncode == os.EX_USAGE
    assert f"no existe {tmp_path}/falta; corrija --home o DIFUSOR_HOME" in done.stderr


@pytest.mark.parametrize(("verb", "theirs"), [("apply", True), ("demo", False), ("test", False), ("clean", False)])
def test_the_lab_is_the_projects_own(verb: str, theirs: bool, home: Path) -> None:
    cli.difusor(SimpleNamespace(invoked_subcommand=verb), home=home)  # type: ignore[arg-type]
    assert project.home() == (home if theirs else ROOT)
    assert (HOME in os.environ) == theirs
