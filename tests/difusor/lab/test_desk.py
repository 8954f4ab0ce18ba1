"""`difusor demo --desk`: a dozen made-up outlets at the desk, and nobody enrolled who should not be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultSecretsContext
from click.testing import CliRunner
from home_kit import difusor
from papers_kit import text_of
from publish_kit import command_of

from corte.format import instants
from difusor.commands import demo
from difusor.inventory import variables
from difusor.lab.desk import forms, office, story
from difusor.lab.desk.office import Office
from difusor.lab.desk.outlets import Outlet, dozen
from difusor.lab.desk.step import Step
from difusor.project import HOME, ROOT, VAULTS, UnusableError


@dataclass(frozen=True)
class Done:
    """An office in which the desk's days are over, and its steps."""

    office: Office
    steps: tuple[Step, ...]

    def step(self, title: str) -> Step:
        """Return the last step whose title starts so."""
        return [each for each in self.steps if each.title.startswith(title)][-1]

    def outlet(self, title: str) -> Outlet:
        return next(each for each in dozen(self.office) if each.title == title)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """Do all of it once, on the machine of somebody who has vaults of another institute, and stay in the office."""
    folder = tmp_path_factory.mktemp("demo") / "escritorio"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VAULTS, "difusores@/nada")
        patch.setenv("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
        # Ansible takes the vaults' passwords once in a process, and here each home has its own.
        patch.setattr(variables, "_loader", cache(variables._loader.__wrapped__))
        patch.setattr(VaultSecretsContext, "_current", None)
        with office.opened(folder, demo.INVENTED, instants.now().replace(microsecond=0)) as opened:
            yield Done(opened, tuple(story.steps(opened)))


def test_every_step_ends_as_it_has_to(done: Done) -> None:
    assert [f"{each.title}: {each.wrong}" for each in done.steps if each.wrong] == []
    assert {path.name for path in done.office.mail.glob("[0-9]*")} == {each.folder for each in dozen(done.office)}
    assert len(list(dozen(done.office))) == 12


@pytest.mark.parametrize(
    ("title", "change"),
    [
        ("hostil", {"answer": "creado"}),
        ("hostil", {"keys": frozenset({"nombre"})}),
        ("parecido a otro", {"answer": "por corregir"}),
        ("tardío", {"keys": frozenset()}),
    ],
)
def test_a_form_that_is_not_answered_as_expected_is_noticed(done: Done, title: str, change: dict[str, object]) -> None:
    first, *_ = forms.mailed(done.office, replace(done.outlet(title), **change))  # type: ignore[arg-type]
    assert first.wrong


def test_what_a_step_shows_is_what_its_words_do_on_a_command_line(done: Done) -> None:
    refused = difusor(*done.step("Un medio (hostil)").words, home=done.office.folder)
    (answer,) = done.step("Un medio (hostil)").shown
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert len(answer.findings) == 4 and all(each.sentence in refused.stderr for each in answer.findings)
    verified = difusor(*done.step("Se comprueba la firma").words, home=done.office.folder)
    assert verified.returncode == 0 and verified.stdout.startswith("VÁLIDO")


def test_the_papers_the_list_and_the_board_are_there_to_look_at(done: Done) -> None:
    folder = done.office.folder
    assert [path for path in story.RESULTS.values() if not (folder / path).exists()] == []
    assert len(list((folder / "build/papeles").glob("*/*.pdf"))) == 18
    assert "Semanario Supuesto" in text_of(folder / "build/papeles/semanario_supuesto/acuse.pdf")
    twin = json.loads((folder / "lista/lista.json").read_text())
    names = ["Diario Inventado", "Gaceta Simulada", "Radio Ficticia", "Universidad Imaginaria"]
    assert [each["nombre"] for each in twin["difusores"]] == names
    assert "Semanario Supuesto" not in (folder / "lista/index.html").read_text()
    assert "tardío" in (folder / "tablero.html").read_text()
    assert "permite publicar la lista desde" in str(done.step("La lista oficial, una hora antes").refused)


def test_the_office_has_its_own_vault_and_leaves_the_environment_as_it_was(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (done.office.folder / "vault-password").is_file()
    monkeypatch.setenv(VAULTS, "difusores@/nada")
    monkeypatch.delenv(HOME)
    before = dict(os.environ)
    with office.opened(tmp_path / "escritorio", demo.INVENTED, done.office.now):
        assert os.environ[HOME] == str(tmp_path / "escritorio")
    assert dict(os.environ) == before


def test_an_office_is_made_anew_and_nothing_else_is_removed(done: Done, tmp_path: Path) -> None:
    with office.opened(tmp_path / "escritorio", demo.INVENTED, done.office.now) as first:
        (first.folder / "inventories/otro").mkdir(parents=True)
    with office.opened(tmp_path / "escritorio", demo.INVENTED, done.office.now) as second:
        assert list((second.folder / "inventories").iterdir()) == []
    (tmp_path / "ajena").mkdir()
    (tmp_path / "ajena/tesis.txt").write_text("x")
    with pytest.raises(UnusableError, match="no se toca"), office.opened(tmp_path / "ajena", demo.INVENTED, first.now):
        pass
    assert (tmp_path / "ajena/tesis.txt").read_text() == "x"


@pytest.mark.parametrize(("wrong", "status"), [("", 0), ("debía quedar «por corregir»", 1)])
def test_the_command_ends_with_one_when_a_step_is_wrong(
    wrong: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = UnusableError("el formato no se entiende")
    step = Step("Un medio", ("enroll", "dos palabras.yml"), refused=refusal, told=("Y nada más.",), wrong=wrong)
    monkeypatch.setattr(story, "run", lambda folder, like: iter([step]))
    shown = CliRunner().invoke(command_of(demo), ["--desk"])
    assert shown.exit_code == status
    assert "./difusor enroll 'dos palabras.yml'" in shown.output and "Y nada más." in shown.output
    assert (f"Así no debía terminar: {wrong}" in shown.output) is bool(wrong)
