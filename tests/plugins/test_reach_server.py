"""The action `reach_server`, run by Ansible against this machine, and what the preflight says of its findings."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from ansible_kit import ansible
from plugin_kit import load

from corte.format import instants, record
from difusor.project import ROOT

PLAY = "- {hosts: all, gather_facts: false, become: true, tasks: [{reach_server: }]}\n"
SHOWN = "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: 'recorded={{ found.recorded }}'}}]}\n"
# Ubuntu 26.04's sudo tells its name like this, and asks for the password with a prompt that Ansible waits for in vain.
SUDO_RS = '#!/bin/sh\n[ "$1" != --version ] || { echo sudo-rs 0.2.13 >&2; exit; }\nread -r answer\n'


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("ansible_become_password=clave", "su sudo es sudo-rs, con el que Ansible no sabe dar una contraseña"),
        (
            "ansible_become=false ansible_python_interpreter=/nada/python3",
            "el servidor no tiene Python, con el que trabaja",
        ),
    ],
)
def test_a_server_that_cannot_be_used_is_refused_at_once(values: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "sudo").write_text(SUDO_RS)
    (tmp_path / "sudo").chmod(0o755)
    given = ["-e", values, "-e", f"ansible_become_exe={tmp_path}/sudo"]
    done = ansible("playbook", "-i", "aqui,", "-c", "local", tmp_path / "play.yml", *given)
    assert done.returncode == 2
    assert f"No se puede usar aqui y nada se tocó en él: {sentence}" in " ".join(done.stdout.split()), done


SINCE = "2027-06-06T01:30:00Z"
WORD = "prep-difusor.run"
# A sudo that shows these tests a server's record below their own folder.
SUDO = """#!/bin/sh
for command; do :; done
exec sh -c "$(printf %s "$command" | sed -E 's#/(etc/prep-corte|srv/prep/estado|run)/#{folder}/#g')"
"""
REVOKED = """
- hosts: all
  gather_facts: false
  vars: {preflight_place: ribera}
  tasks:
    - {ansible.builtin.import_role: {name: preflight, tasks_from: reach}}
"""
KEPT = """    - {debug: {msg: "{{ inventory_hostname }} guarda {{ preflight_unknown_keys | length }}"}}
"""


def test_a_revoked_server_is_refused_by_a_folder_that_does_not_know_of_it(tmp_path: Path) -> None:
    """A copy of the folder made before the revocation; one with the record, or a run that may, goes on."""
    listed, revoked, folder = (tmp_path / name for name in ("listado", "revocado", "diario"))
    for each in (listed, revoked, folder):
        each.mkdir()
        (each / "sudo").write_text(SUDO.format(folder=each))
        (each / "sudo").chmod(0o755)
    (revoked / "revoked_since").write_text(f"# de quien la escribe\n{SINCE}\n")
    before = "2027-06-05T01:30:00Z"
    hosts: dict[str, dict[str, Any]] = {
        "ajena": {},
        "anterior": {"preflight_revocations": [before]},
        "enterada": {"preflight_revocations": [before, SINCE]},
        "retira": {"preflight_revoked": True},
        "devuelve": {"preflight_any_revocation": True},
        "lista": {"ansible_become_exe": f"{listed}/sudo"},
    }
    # Ansible would not call sudo to become who it is already; this sudo does not ask whom.
    become = {"ansible_become_user": "otro", "ansible_become_exe": f"{revoked}/sudo"}
    shared = {"ansible_connection": "local", **become}
    (folder / "hosts.yml").write_text(json.dumps({"difusores": {"hosts": hosts, "vars": shared}}))
    (tmp_path / "play.yml").write_text(REVOKED)
    done = ansible("playbook", "-i", folder, tmp_path / "play.yml")
    said = " ".join(done.stdout.split())
    assert [name for name in hosts if f"{name} fue retirado de la lista el " in said] == ["ajena", "anterior"], done
    assert f"esta carpeta no lo sabe: traiga de la otra máquina {folder}/group_vars/diario/revocations.yml" in said
    assert "./difusor revoke diario --reason RAZÓN; nada se tocó" in said
    assert SINCE not in said, "it is told by the place's clocks"
    assert all(re.fullmatch("[0-9a-f]{12}\n", (each / WORD).read_text()) for each in (listed, revoked))
    assert [name for name in hosts if re.search(rf"{name} : ok=\d+ [^:]*failed=0\b", said)] == [*hosts][2:], done


STOLEN, LOST, OTHER = (f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{each * 43}" for each in "RPO")
PRINT = "SHA256:++KyUrC2OTWJ5+MO2LkLaRQcfHtyrRUVco4Nx8eB/c4"


def with_keys(folder: Path, election: str, *keys: str, is_recorded: bool = True) -> Path:
    """Make a server, below a folder, that is a mirror of an election and has these keys as revoked; return it.

    One of an earlier version has neither a record of its keys nor a copy.
    """
    folder.mkdir()
    (folder / "sudo").write_text(SUDO.format(folder=folder))
    (folder / "sudo").chmod(0o755)
    known = {"known_revoked": keys} if is_recorded else {}
    for name in ("server.json", "server.copy.json")[: 2 if is_recorded else 1]:
        (folder / name).write_bytes(record.content({"closes": "", "election": election, "keep": 3, **known}))
    (folder / "revoked").write_text("".join(f"{line}\n" for line in ("# de quien la escribe", *keys)))
    return folder


def test_a_folder_that_does_not_know_of_a_revoked_key_does_not_admit_it_again(tmp_path: Path) -> None:
    """Two operators: one revokes the stolen key on all servers, the other's copy of the election is of before.

    A server that passes on to another election is told of; an answer for the key, and a revocation, go on.
    """
    server = with_keys(tmp_path / "servidor", "ribera", f"{STOLEN} operadora@laptop", LOST)
    earlier = with_keys(tmp_path / "anterior", "ribera", STOLEN, is_recorded=False)
    emptied = with_keys(tmp_path / "vaciada", "ribera", STOLEN)
    (emptied / "revoked").write_text("")
    damaged = with_keys(tmp_path / "danada", "ribera", STOLEN)
    (damaged / "revoked").write_text(STOLEN.replace("RRRR", "RXRR", 1))
    lettered = with_keys(tmp_path / "letra", "ribera", STOLEN)
    (lettered / "server.json").write_text((lettered / "server.json").read_text().replace("ribera", "ribexa"))
    other = with_keys(tmp_path / "otro", "simulacro", STOLEN)
    bare = tmp_path / "nuevo"
    bare.mkdir()
    (bare / "sudo").write_text(SUDO.format(folder=bare))
    (bare / "sudo").chmod(0o755)
    passing = {"ansible_become_exe": f"{other}/sudo"}
    hosts: dict[str, dict[str, Any]] = {
        "atrasada": {"preflight_revoked_keys": [LOST]},
        "vacia": {"preflight_revoked_keys": []},
        "anterior": {"ansible_become_exe": f"{earlier}/sudo"},
        "vaciada": {"ansible_become_exe": f"{emptied}/sudo"},
        "letra": {"ansible_become_exe": f"{lettered}/sudo"},
        "enterada": {"preflight_revoked_keys": [f"{LOST} otra", STOLEN, OTHER]},
        "responde": {"preflight_any_revoked_keys": "true"},
        "retira": {"preflight_revoked": True},
        "pasa": passing,
        "danada": {"ansible_become_exe": f"{damaged}/sudo", "preflight_revoked_keys": [STOLEN]},
        "nueva": {"ansible_become_exe": f"{bare}/sudo", "preflight_revoked_keys": [STOLEN]},
    }
    shared = {"ansible_connection": "local", "ansible_become_user": "otro", "ansible_become_exe": f"{server}/sudo"}
    folder = tmp_path / "diario"
    folder.mkdir()
    given = {"difusores": {"hosts": hosts, "vars": {**shared, "preflight_election": "ribera"}}}
    (folder / "hosts.yml").write_text(json.dumps(given))
    (tmp_path / "play.yml").write_text(REVOKED + KEPT)
    done = ansible("playbook", "-i", folder, tmp_path / "play.yml")
    said = " ".join((done.stdout + done.stderr).split())
    refused = [name for name in hosts if f"{name} tiene entre las llaves revocadas SHA256:" in said]
    assert refused == ["atrasada", "vacia", "anterior", "vaciada", "letra"], done
    told = f"atrasada tiene entre las llaves revocadas {PRINT}, que election_revoked_keys de {folder}/election.yml no"
    assert f"{told} menciona: traiga la elección de la máquina en que se agregó y repita" in said
    assert "repita con -e preflight_any_revoked_keys=true (tras un verbo va al final, después de --)" in said
    assert [name for name in hosts if re.search(rf"{name} : ok=\d+ [^:]*failed=0\b", said)] == [*hosts][5:], done
    assert "es de la elección simulacro, que tiene por revocadas llaves que ribera no menciona: SHA256:" in said
    kept = dict(re.findall(r"(\w+) guarda (\d)", said))
    assert kept == {"enterada": "0", "responde": "0", "retira": "2", "pasa": "0", "danada": "0", "nueva": "0"}


def of_election(folder: Path, environment: str, opens: float, until: float, election: str = "ribera") -> Path:
    """Make a server, below a folder, of an election that opens and ends in so many hours; return it."""
    folder.mkdir()
    (folder / "sudo").write_text(SUDO.format(folder=folder))
    (folder / "sudo").chmod(0o755)
    window = (instants.write(instants.now() + timedelta(hours=each)) for each in (opens, until))
    value = dict(zip(("opens", "retain_until"), window, strict=True), election=election, environment=environment)
    for name in ("server.json", "server.copy.json"):
        (folder / name).write_bytes(record.content(value))
    return folder


def damage(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes((folder / name).read_bytes().replace(b"official", b"of\xffcial"))
    return folder


def prolonged(server: Path, hours: float) -> Path:
    """Have a signed corte move the close of a server's window to so many hours from now; return the server."""
    gate = {"state": "open", "closes": instants.write(instants.now() + timedelta(hours=hours)), "retain_until": None}
    said = {"election": "ribera", "environment": "official", "gate": gate}
    (server / "estado.json").write_text(json.dumps(said))
    return server


def test_what_another_run_writes_meanwhile_stops_a_run(tmp_path: Path) -> None:
    """A revocation between two looks at the server: the run neither began nor was refused, and took it all back."""
    server = of_election(tmp_path / "servidor", "official", -3, 9)
    again = (server / "sudo").read_text().replace("exec sh", "sh")
    (server / "sudo").write_text(f"{again}echo {SINCE} >{server}/revoked_since\n")
    folder = tmp_path / "diario"
    folder.mkdir()
    own = {"ansible_connection": "local", "ansible_become_user": "otro", "ansible_become_exe": f"{server}/sudo"}
    given = {"difusores": {"hosts": {"web1": {**own, "preflight_election": "ribera", "preflight_official": True}}}}
    (folder / "hosts.yml").write_text(json.dumps(given))
    (tmp_path / "play.yml").write_text(REVOKED)
    done = ansible("playbook", "-i", folder, tmp_path / "play.yml")
    assert "web1 fue retirado de la lista el " in " ".join(done.stdout.split()), done
    assert not (server / WORD).exists()


def test_an_official_election_is_not_taken_from_a_server_before_it_is_over(tmp_path: Path) -> None:
    """As by an election.yml that still links the rehearsal: the gate deleted the results, then took an older corte.

    A refused run does not begin, so that it ends no other.
    """
    official = {"preflight_official": True}
    servers: dict[str, tuple[Path, dict[str, Any]]] = {
        "abierta": (of_election(tmp_path / "abierta", "official", -3, 9), {}),
        "vispera": (of_election(tmp_path / "vispera", "official", 23, 47), {}),
        "otra": (of_election(tmp_path / "otra", "official", -3, 9, "otra-2021"), official),
        "copia": (damage(of_election(tmp_path / "copia", "official", -3, 9), "server.json"), {}),
        "prolongada": (prolonged(of_election(tmp_path / "prolongada", "official", -48, -1), 1), {}),
        "responde": (of_election(tmp_path / "responde", "official", -3, 9), {"preflight_leaves_official": "true"}),
        "retira": (of_election(tmp_path / "retira", "official", -3, 9), {"preflight_revoked": True}),
        "misma": (of_election(tmp_path / "misma", "official", -3, 9), official),
        "concluida": (of_election(tmp_path / "concluida", "official", -48, -1), {}),
        "apagada": (prolonged(of_election(tmp_path / "apagada", "official", -48, -2), -1), {}),
        "lejana": (of_election(tmp_path / "lejana", "official", 25, 49), {}),
        "simulacro": (of_election(tmp_path / "simulacro", "simulacro", -3, 9, "otra-2021"), official),
        "danada": (
            damage(of_election(tmp_path / "danada", "official", -3, 9), "server.json", "server.copy.json"), {}
        ),
    }  # fmt: skip
    bare = of_election(tmp_path / "nueva", "official", -3, 9)
    for name in ("server.json", "server.copy.json"):
        (bare / name).unlink()
    servers["nueva"] = (bare, {})
    hosts = {name: {**given, "ansible_become_exe": f"{server}/sudo"} for name, (server, given) in servers.items()}
    shared = {"ansible_connection": "local", "ansible_become_user": "otro", "preflight_election": "ribera"}
    folder = tmp_path / "diario"
    folder.mkdir()
    (folder / "hosts.yml").write_text(json.dumps({"difusores": {"hosts": hosts, "vars": shared}}))
    (tmp_path / "play.yml").write_text(REVOKED)
    done = ansible("playbook", "-i", folder, tmp_path / "play.yml")
    said = " ".join((done.stdout + done.stderr).split())
    refused = [name for name in hosts if f"{name} es de la elección" in said]
    assert refused == ["abierta", "vispera", "otra", "copia", "prolongada"], done
    assert "abierta es de la elección ribera (official), que abre el " in said
    assert "y este inventario es de ribera (simulacro): el servidor borraría los resultados" in said
    assert "otra es de la elección otra-2021 (official)" in said and "inventario es de ribera (official)" in said
    assert f"Enlace {folder}/election.yml a su elección" in said
    assert "repita con -e preflight_leaves_official=true (tras un verbo va al final, después de --)" in said
    assert [name for name in hosts if re.search(rf"{name} : ok=\d+ [^:]*failed=0\b", said)] == [*hosts][5:], done
    assert said.count("El servidor es de la elección oficial ribera, que todavía no abre") == 1
    assert {name for name, (server, _) in servers.items() if not (server / WORD).exists()} == {*refused}


def test_only_what_moves_a_server_asks_whether_it_leaves_an_official_election() -> None:
    """The others have refusals of their own, or leave the election alone. Nobody else gives the answer but by hand."""
    plays = {path.stem: path.read_text() for path in (ROOT / "playbooks").glob("*.yml")}
    leaving = {name for name, text in plays.items() if "preflight_leaves_official: true" in text}
    assert leaving == {"purge", "remove", "signers", "trusted", "upgrade"}
    assert "preflight_leaves_official" not in (ROOT / "site.yml").read_text()
    for name in leaving:  # in each of its plays that reaches the server
        for play in yaml.safe_load(plays[name]):
            text = yaml.safe_dump(play)
            reaches = "tasks_from: reach" in text or "tasks_from: look" in text
            assert not reaches or "preflight_leaves_official: true" in text, (name, play["name"])


REACH = load("action/reach_server.py")


@pytest.mark.parametrize(
    ("election", "keys", "begins"),
    [
        ("ribera", [STOLEN, LOST], True),
        ("ribera", [f"{STOLEN} de otra", f"  {LOST}  "], True),
        ("ribera", [LOST], False),
        ("ribera", [], False),
        ("otra", [], True),
        ("", [], True),
    ],
)
def test_a_run_that_would_forget_a_revoked_key_does_not_begin(
    election: str, keys: list[str], begins: bool, tmp_path: Path
) -> None:
    server = with_keys(tmp_path / "servidor", "ribera", f"{STOLEN} operadora", LOST)
    command = REACH.beginning("a", [], REACH.forgetting(election, keys))
    done = subprocess.run([server / "sudo", command], capture_output=True, text=True, check=True)
    assert (REACH.BEGAN in done.stdout, (server / WORD).exists()) == (begins, begins), done
    clean = with_keys(tmp_path / "otro", "ribera")
    done = subprocess.run([clean / "sudo", command], capture_output=True, text=True, check=True)
    assert REACH.BEGAN in done.stdout, "nothing is lost where no key is revoked"


def test_a_server_is_recorded_once_a_run_has_kept_how_it_found_it(tmp_path: Path) -> None:
    """Before, a run that changes it waits for installations, and looks at it only then."""
    (tmp_path / "play.yml").write_text(PLAY.replace("reach_server: ", "reach_server: , register: found") + SHOWN)
    (tmp_path / "sudo").write_text(SUDO.format(folder=tmp_path).replace("|run)", "|var/lib/prep-difusor)"))
    (tmp_path / "sudo").chmod(0o755)
    given = ["-e", f"ansible_become_user=otro ansible_become_exe={tmp_path}/sudo"]
    for recorded in (False, True):
        done = ansible("playbook", "-i", "aqui,", "-c", "local", tmp_path / "play.yml", *given)
        assert f"recorded={recorded}" in done.stdout, done
        (tmp_path / "found").mkdir(exist_ok=True)


def test_a_first_run_looks_at_a_server_when_other_installations_have_ended() -> None:
    tasks = yaml.safe_load((ROOT / "roles/preflight/tasks/look.yml").read_text())
    reach, wait, facts = tasks[:3]
    assert reach["ansible.builtin.import_tasks"] == "reach.yml" and "ansible.builtin.setup" in facts
    assert wait["ansible.builtin.include_role"]["tasks_from"] == "wait"
    for begins, recorded, check in itertools.product((True, False), repeat=3):
        given = {"preflight_begins": begins, "ansible_check_mode": check}
        found = {"__preflight_reach": {"recorded": recorded}, **given}
        waits = role_kit.value("preflight", f"({wait['when']})", found)
        assert waits is (begins and not recorded and not check)


@pytest.mark.parametrize(
    ("kept", "known", "begins"),
    [
        ("", [], True),
        (SINCE, [], False),
        (SINCE, ["2027-06-05T01:30:00Z"], False),
        (SINCE, ["2027-06-05T01:30:00Z", SINCE], True),
        (SINCE, None, True),
    ],
)
def test_a_run_begins_on_a_server_unless_its_revocation_stops_it(
    kept: str, known: list[str] | None, begins: bool, tmp_path: Path
) -> None:
    """A refused run touches nothing, so that it must not end the one that is under way, such as the revocation."""
    if kept:
        (tmp_path / "revoked_since").write_text(f"# de quien la escribe\n{kept}\n")
    latest = tmp_path / WORD
    latest.write_text("b\n")
    command = REACH.beginning("a", known).replace("/etc/prep-corte/", f"{tmp_path}/").replace("/run/", f"{tmp_path}/")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert (REACH.BEGAN in done.stdout, latest.read_text()) == (begins, "a\n" if begins else "b\n")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "revoked_since") == [WORD]


def test_a_look_alone_does_not_begin() -> None:
    """Else a diagnosis would end the installation that is under way. What imports a play overrides its variables."""
    site, alone = (yaml.safe_load((ROOT / name).read_text())[0] for name in ("site.yml", "playbooks/preflight.yml"))
    assert (site["vars"], alone["vars"]) == ({"preflight_begins": True}, {"preflight_begins": False})
    reach = yaml.safe_load((ROOT / "roles/preflight/tasks/reach.yml").read_text())[0]["reach_server"]
    assert reach["begins"] == "{{ preflight_begins | bool }}"
