"""A verb that runs a playbook runs plain `ansible-playbook`, with the project's own Ansible."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import command_kit
import pytest
import yaml
from ansible_kit import ansible
from click.testing import CliRunner
from publish_kit import command_of

from corte.format import record
from difusor.board import rows
from difusor.commands import signers, trusted
from difusor.project import HOME, ROOT
from difusor.servers import playbook
from difusor.servers.playbook import Options

PLAYBOOKS = {
    "preflight": "playbooks/preflight.yml",
    "apply": "site.yml",
    "trusted": "playbooks/trusted.yml",
    "signers": "playbooks/signers.yml",
    "upgrade": "playbooks/upgrade.yml",
    "remove": "playbooks/remove.yml",
}


def difusor(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return command_kit.difusor(*arguments, cwd=folder, env={**os.environ, "LAB": "unit"})


@pytest.mark.parametrize(("verb", "playbook"), PLAYBOOKS.items())
def test_a_verb_equals_the_plain_ansible_playbook_line(verb: str, playbook: str, tmp_path: Path) -> None:
    """Ansible lists the tasks, which it can only do if it found the project's configuration, roles and modules."""
    done = difusor(verb, "-i", "demo", "--limit", "difusor", "--", "--list-tasks", "--tags", "all", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    line = f"ansible-playbook -i inventories/demo {playbook} --limit difusor --list-tasks --tags all"
    assert done.stderr.splitlines()[0] == line
    assert f"playbook: {playbook}" in done.stdout
    plain = ansible(*shlex.split(line.removeprefix("ansible-")), env={"LAB": "unit"})
    assert done.stdout == plain.stdout


def test_the_status_is_ansibles_own(tmp_path: Path) -> None:
    done = difusor("apply", "-i", "demo", "--", "--forks", "muchos", folder=tmp_path)
    assert done.returncode == 2
    assert "error: argument -f/--forks: invalid" in done.stderr


def test_options_are_handed_on_unchanged() -> None:
    options = Options(
        check=True, diff=True, limit="web1,!web2", ask_vault_pass=True, vault_id=["diario@prompt", "otro@/x/clave"],
        further=["-e", "a=b c", "--tags", "audit", "-vv"],
    )  # fmt: skip
    assert options.arguments({"upgrade_reason": "openssl, «urgente»"}) == [
        "--check", "--diff", "--ask-vault-pass", "--limit", "web1,!web2",
        "--vault-id", "diario@prompt", "--vault-id", "otro@/x/clave",
        "--extra-vars", '{"upgrade_reason": "openssl, «urgente»"}',
        "-e", "a=b c", "--tags", "audit", "-vv",
    ]  # fmt: skip
    assert Options().arguments({}) == []


@pytest.mark.parametrize(
    ("verb", "flags", "values"),
    [
        ("upgrade", ["--reason", "openssl"], '{"upgrade_reason": "openssl"}'),
        ("remove", ["--data", "--early"], '{"remove_data": true, "remove_early": true}'),
    ],
)
def test_what_a_playbook_asks_to_confirm_is_an_option(verb: str, flags: list[str], values: str, tmp_path: Path) -> None:
    done = difusor(verb, "-i", "demo", *flags, "--", "--list-hosts", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"--extra-vars {shlex.quote(values)} --list-hosts" in done.stderr.splitlines()[0]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make a home with norte, sur and este, who is off the list, of one election; return whom a playbook is run for."""
    monkeypatch.setenv(HOME, str(tmp_path))
    (tmp_path / "elections").mkdir()
    for election in ("noche", "vacía"):
        (tmp_path / f"elections/{election}.yml").touch()
    for name in ("norte", "sur", "este"):
        (tmp_path / "inventories" / name).mkdir(parents=True)
        (tmp_path / "inventories" / name / "election.yml").symlink_to("../../elections/noche.yml")
    revoked = SimpleNamespace(told="fuera de la lista")
    monkeypatch.setattr(rows.revocation, "in_force", lambda folder: revoked if folder.name == "este" else None)
    found: list[str] = []

    def become(book: str, inventories: list[Path], *_: Any) -> None:
        found.extend(each.name for each in inventories)

    monkeypatch.setattr(playbook, "become", become)
    return found


@pytest.mark.parametrize("verb", [signers, trusted])
def test_a_list_that_changes_goes_to_all_of_the_election_or_it_is_told_who_lacks_it(
    verb: ModuleType, given: list[str]
) -> None:
    """A stolen key stayed valid at the one of forty that was forgotten in the line, without a word."""
    some = CliRunner().invoke(command_of(verb), ["-i", "norte"])
    assert (some.exit_code, given) == (0, ["norte"]), some.output
    told = "son de la misma elección y esta corrida no los toca: sur; si también es para ellos, repita con --election"
    assert told in some.stderr
    given.clear()
    everybody = CliRunner().invoke(command_of(verb), ["--election", "noche"])
    assert (everybody.exit_code, given) == (0, ["norte", "sur"]), everybody.output
    assert "misma elección" not in everybody.stderr and "fuera de la lista y esta corrida no los toca: este" in (
        everybody.stderr
    )
    for words in ([], ["-i", "norte", "--election", "noche"]):
        assert "Dé -i o --election, no ambas ni ninguna" in CliRunner().invoke(command_of(verb), words).output
    assert CliRunner().invoke(command_of(verb), ["--election", "vacía"]).exit_code == 1 and given == ["norte", "sur"]


def test_a_server_that_is_no_mirror_gets_no_signers_and_keeps_none_from_the_others(tmp_path: Path) -> None:
    """The refusal of `playbooks/signers.yml`, of two servers of which a run has set up one."""
    _, install = yaml.safe_load((ROOT / "playbooks/signers.yml").read_text())
    for task in install["tasks"]:
        task["tags"] = ["never"]  # of the role only its variables
    found = "{{ {'folders': {'/usr/local/lib/prep-corte': ['corte']} if inventory_hostname == 'espejo' else {}} }}"
    seen = {"name": "What the probe tells", "set_fact": {"current_state": found, "cacheable": True}}
    reached = {"name": "What follows", "debug": {"msg": "firmantes de {{ inventory_hostname }}"}}
    kept = {name: install[name] for name in ("gather_facts", "any_errors_fatal", "tasks")}
    play = {**kept, "hosts": "all", "pre_tasks": [seen, install["pre_tasks"][1], reached]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = ansible("playbook", "-i", "nuevo,espejo,", tmp_path / "play.yml")
    said = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stderr
    assert "fatal: [nuevo]: FAILED!" in said and "instálelo con ./difusor apply -i X" in said
    assert "firmantes de espejo" in said and "firmantes de nuevo" not in said


def test_signers_alone_do_not_move_a_server_to_another_election(tmp_path: Path) -> None:
    """A rehearsal's server took the official window, and kept the rehearsal's pages and its hold of apt."""
    _, install = yaml.safe_load((ROOT / "playbooks/signers.yml").read_text())
    *_, read, refuse = install["pre_tasks"]
    assert read["loop"] == ["/etc/prep-corte/server.json", "/etc/prep-corte/server.copy.json"]
    assert read["ansible.builtin.slurp"] == {"path": "{{ item }}"} and read["failed_when"] is False
    official, rehearsal, other = (
        {"election": election, "environment": environment, "keep": 3}
        for election, environment in (
            ("estatal-2024", "official"), ("estatal-2024", "simulacro"), ("otra-2021", "official")
        )
    )  # fmt: skip
    whole = record.content(official)
    damaged = whole.replace(b"estatal-2024", b"estat1l-2024")
    files = {
        "official": [whole] * 2,
        "simulacro": [record.content(rehearsal)] * 2,
        "otra": [record.content(other)] * 2,
        "antes": [json.dumps(other, indent=4).encode()],  # by a version that wrote no digest, and no copy
        "copia": [damaged, whole],
        "ajena": [damaged, record.content(other)],
        "nada": [damaged, whole[:40]],
    }
    read_of = {
        name: {"results": [{"content": base64.b64encode(each).decode()} for each in contents] + [{}]}
        for name, contents in files.items()
    }
    known = {"corte_election": "estatal-2024", "corte_environment": "official", "read_of": read_of}
    slurped = "{{ read_of[inventory_hostname] | default({'results': [{}, {}]}) }}"
    seen = {"name": "What is read", "set_fact": {"__signers_server": slurped}}
    reached = {"name": "What follows", "debug": {"msg": "firmantes de {{ inventory_hostname }}"}}
    play = {"hosts": "all", "gather_facts": False, "vars": known, "tasks": [seen, refuse, reached]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = ansible("playbook", "-i", f"{','.join(files)},nuevo,", tmp_path / "play.yml")
    said = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stderr
    passed = {name for name in (*files, "nuevo") if f"firmantes de {name}" in said}
    assert passed == {"official", "copia", "nada", "nuevo"}, "a stolen key must not stay because a file is damaged"
    assert "El servidor es de estatal-2024 (simulacro) y su inventario de estatal-2024 (official)" in said
    assert "El servidor es de otra-2021 (official)" in said and "./difusor apply -i X" in said
