"""The home of an institute: what verbs read and write is there, and plain Ansible works with it from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from home_kit import PARTNER, difusor, made

from difusor import cli, project, spec
from difusor.acceptance.visitor import KEY
from difusor.inventory import picture
from difusor.partners import files
from difusor.partners.files import WHY
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
    assert project.from_home(home / "inventories/diario") == Path("inventories/diario")
    assert (
        project.from_home(ROOT / "inventories/demo")
        == project.from_home(Path("inventories/demo"))
        == Path("inventories/demo")
    )


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
    assert project.home_or_project("elections/falta.png") == wanted
    with pytest.raises(ValueError, match=re.escape(f"no se puede leer {wanted} (no existe); guarde ahí el logotipo")):
        picture.of_the_institute("falta.png")
    assert project.home_or_project("spec/deviations.yml") == ROOT / "spec/deviations.yml"


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


SECRET = [
    "vault-password", "vault-password~", "vault-password.save", ".vault-password.swp", "#vault-password#",
    f"build/acceptance/diario/20270606-1/02-visitor/{KEY}",
]  # fmt: skip
"""The password of all vaults, how editors name their copies of it, and a key that `accept` keeps during a run."""
KEPT = ["elections/ensayo.yml", "vault-password-client", "build/dictamen/diario.json", "llave.pub"]


def added(home: Path) -> set[str]:
    """Return what git takes of a home in which everything is that a home may have."""
    for name in (*SECRET, *KEPT):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", home, *words], check=True)
    listed = subprocess.run(["git", "-C", home, "ls-files", "-z"], check=True, capture_output=True, text=True)
    return set(listed.stdout.split("\0"))


OLDER = f"{WHY}\n/vault-password\n"


@pytest.mark.parametrize(
    "own", ["", "*.bak\n!vault-password-client\n", "*.bak", "# mío\r\n*.bak\r\n", f"{OLDER}/vault-password\n"]
)
def test_git_takes_no_secret_of_a_home(own: str, home: Path) -> None:
    """Also of one that had a .gitignore: the password went into the repository beside all the vaults that it opens."""
    (home / ".gitignore").write_bytes(own.encode())
    made()
    taken = added(home)
    assert not taken & set(SECRET) and taken >= set(KEPT)
    ignored = (home / ".gitignore").read_bytes().decode()
    assert ignored.startswith(own), "the lines that were there stay"
    assert ignored.count("\r\n") == (ignored.count("\n") if "\r" in own else 0)
    made({**PARTNER, "id": "otro"})
    assert (home / ".gitignore").read_bytes().decode() == ignored, "nothing is written twice"


def test_a_program_with_the_password_in_it_stays_ignored(home: Path) -> None:
    (home / ".gitignore").write_text("/vault-password-client\n")
    made()
    assert "vault-password-client" not in added(home)


def test_the_project_is_not_changed_where_a_link_to_it_is_the_home(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "enlace"
    link.symlink_to(home)
    monkeypatch.setattr(files, "ROOT", home)
    monkeypatch.setenv(HOME, str(link))
    (home / ".gitignore").write_text("*.bak\n")
    files.ensure_home()
    assert (home / ".gitignore").read_text() == "*.bak\n"


def test_the_project_as_a_home_is_not_changed_and_ignores_the_secrets() -> None:
    told = subprocess.run(["git", "-C", ROOT, "check-ignore", "--no-index", *SECRET], capture_output=True, text=True)
    assert told.stdout.splitlines() == SECRET, told.stderr
