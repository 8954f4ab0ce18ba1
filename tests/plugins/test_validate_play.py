"""The check of tags and of all roles' variables before the first role runs, by ansible-playbook itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_kit import ansible
from plugin_kit import load

ROOT = Path(__file__).resolve().parents[2]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  pre_tasks:
    - validate_play:
      tags: [always]
  tasks:
    - ansible.builtin.import_role: {name: fail2ban, rolespec_validate: false}
      tags: [never]
    - ansible.builtin.import_role: {name: chrony, rolespec_validate: false}
      tags: [never]
"""
RIGHT = {"fail2ban_never_ban": ["192.0.2.1"], "chrony_servers": ["192.0.2.2"]}


def run(folder: Path, values: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    """Run the check alone, with these variables, from the project's own configuration of Ansible."""
    (folder / "play.yml").write_text(PLAY)
    (folder / "values.json").write_text(json.dumps(values))
    return ansible("playbook", "-i", "localhost,", folder / "play.yml", "-e", f"@{folder / 'values.json'}", *options)


def test_right_values_pass(tmp_path: Path) -> None:
    result = run(tmp_path, RIGHT)
    assert result.returncode == 0, result.stdout


def test_every_wrong_value_of_every_role_is_named_at_once(tmp_path: Path) -> None:
    said = run(tmp_path, {"fail2ban_never_ban": {"de": "todos"}, "chrony_servers": {"uno": "192.0.2.2"}})
    assert said.returncode != 0
    lines = [line.strip() for line in said.stdout.splitlines() if line.strip().startswith("- ")]
    assert [line.partition(";")[0] for line in dict.fromkeys(lines)] == [
        "- fail2ban_never_ban (rol fail2ban): debe ser una lista y cada elemento un texto",
        "- chrony_servers (rol chrony): debe ser una lista y cada elemento un texto",
    ]


@pytest.mark.parametrize("option", ["--tags", "--skip-tags"])
def test_a_tag_that_no_task_has_is_refused(tmp_path: Path, option: str) -> None:
    said = run(tmp_path, RIGHT, option, "chrony,RED-04,authorise,molecule-idempotence-notest,notest,base")
    assert said.returncode != 0
    assert "la etiqueta «base» no existe" in said.stdout
    assert said.stdout.count("la etiqueta «") == said.stdout.count("la etiqueta «base»")


def test_a_stray_file_is_told_before_the_server_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the run would end at the role whose templates it lies among, behind others that have changed the server."""
    (tmp_path / "roles/chrony/templates/etc").mkdir(parents=True)
    (tmp_path / "roles/chrony/templates/etc/.DS_Store").touch()
    module = load("action/validate_play.py")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})
    play = object.__new__(module.ActionModule)
    monkeypatch.setattr(play, "_problems", lambda *_: [], raising=False)
    said = play.run(task_vars={"ansible_play_role_names": ["fail2ban", "chrony"]})
    assert said["failed"] and f"llegaría al servidor: {tmp_path}/roles/chrony/templates/etc/.DS_Store" in said["msg"]


def test_a_value_that_cannot_be_computed_is_named(tmp_path: Path) -> None:
    said = run(tmp_path, {"chrony_servers": "{{ [no_existe] }}"})
    assert said.returncode != 0
    assert "chrony_servers (rol chrony): no se puede calcular" in said.stdout


@pytest.mark.parametrize(
    ("option", "given", "sentence"),
    [
        ({"type": "int"}, True, "debe ser un número entero"),
        ({"type": "str", "choices": ["official", "simulacro"]}, True, "debe ser official o simulacro"),
        ({"type": "dict", "options": {}}, True, "debe ser un diccionario con otras claves o valores"),
        ({"type": "str", "required": True}, False, "falta"),
    ],
)
def test_what_an_option_asks_for(option: dict[str, Any], given: bool, sentence: str) -> None:
    assert load("action/validate_play.py").wanted(option, given) == sentence
