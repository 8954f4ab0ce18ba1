"""What a server answers over ssh has bounds, and no byte of it ends a verb with a traceback."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from testinfra.host import Host

from difusor.inventory.variables import InventoryError, Variables, read
from difusor.servers import identity


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a server that answers every command with what the file `said` prints; `ssh` is a program of the test."""
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n. {tmp_path}/said\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(identity, "BOUNDS", replace(identity.BOUNDS, seconds=1, output_bytes=100_000))
    values = {"ansible_host": "192.0.2.1", "ansible_user": "root", "inventory_hostname": "diario"}
    inventory = Variables(hosts={"diario": values}, groups={"all": ["diario"]})
    found = identity.connect(inventory, str(tmp_path / "hosts.yml")).get_host("diario")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("group", "more", "sudo"),
    [
        ("difusores", {}, True),
        ("difusores", {"ansible_user": "root"}, False),
        ("untrusted_vantage", {}, False),
        ("trusted_vantage", {"ansible_become": True}, True),
    ],
)
def test_who_only_looks_at_a_server_needs_no_sudo(
    tmp_path: Path, group: str, more: dict[str, object], sudo: bool
) -> None:
    """A vantage point needs Python and curl; somebody else's machine may not give the account more."""
    values = {"ansible_host": "192.0.2.1", "ansible_user": "observador", "inventory_hostname": "equipo", **more}
    inventory = Variables({"equipo": values}, {"all": ["equipo"], group: ["equipo"]})
    found = identity.connect(inventory, str(tmp_path / "hosts.yml"))
    assert found.get_host("equipo").backend.sudo is sudo  # type: ignore[union-attr]


def test_servers_with_one_address_behind_their_own_jump_hosts_share_no_connection(tmp_path: Path) -> None:
    """What was asked of the second went through the open connection to the first; so did a playbook's tasks."""
    suites, playbooks = set(), set()
    for place in ("norte/web1", "norte/web2", "sur/web1"):
        folder, name = tmp_path / Path(place).parent, Path(place).name
        folder.mkdir(exist_ok=True)
        hosts = "".join(f"    {each}: {{ansible_host: 10.0.0.5, ansible_user: root}}\n" for each in ("web1", "web2"))
        (folder / "hosts.yml").write_text(f"difusores:\n  hosts:\n{hosts}")
        inventory = read(folder)
        backend = identity.connect(inventory, str(folder)).get_host(name).backend  # type: ignore[union-attr]
        suites.add(backend.ssh_extra_args.partition("ControlPath=")[2])
        playbooks.add(inventory.hosts[name]["ansible_control_path"] % {"directory": "/cp"})
    assert len(suites) == len(playbooks) == 3
    assert all(len(each) == len("/cp/01234567-%r") and each.endswith("-%r") for each in playbooks)


def test_another_way_to_the_same_server_is_another_connection(tmp_path: Path) -> None:
    """The address of a tunnel or a jump host leads elsewhere once it changes."""
    found = set()
    for jump in ("salto-a", "salto-b"):
        (tmp_path / "hosts.yml").write_text(
            f"difusores: {{hosts: {{web: {{ansible_host: 10.0.0.5, ansible_ssh_common_args: -J {jump}}}}}}}\n"
        )
        inventory = read(tmp_path)
        identity.connect(inventory, str(tmp_path))
        found |= {inventory.hosts["web"][name] for name in ("ansible_control_path", "ansible_ssh_extra_args")}
    assert len(found) == 4


@pytest.mark.parametrize("name", ["ansible_port", "ansible_become_password", "ansible_ssh_private_key_file"])
def test_nobody_is_asked_while_it_is_not_known_how_to_connect(tmp_path: Path, name: str) -> None:
    """The port 22 was asked instead, which may be that of another server behind the same address."""
    values = f"{{ansible_host: 192.0.2.1, otra: '{{{{ de_un_rol }}}}', {name}: '{{{{ perdida }}}}'}}"
    (tmp_path / "hosts.yml").write_text(f"difusores: {{hosts: {{diario: {values}}}}}\n")
    with pytest.raises(InventoryError, match=f"diario: {name}: no se puede calcular: nadie define «perdida»"):
        identity.connect(read(tmp_path), str(tmp_path))


@pytest.mark.parametrize("said", ["yes x", "yes x >&2", "sleep 60"])  # pace: a server that hangs
def test_an_answer_without_end_is_a_server_that_does_not_answer(host: Host, tmp_path: Path, said: str):
    (tmp_path / "said").write_text(f"echo uid=0; {said}\n")
    assert "diario no responde: la respuesta no terminaba" in identity.server("diario", host, {}).unreachable


def test_control_characters_of_a_servers_identity_are_replaced(host: Host, tmp_path: Path):
    (tmp_path / "said").write_text(r"printf 'uid=0\nhostname=\033[2J\302\233\377'; head -c 50000 /dev/zero")
    found = identity.server("diario", host, {}).identity
    assert found["hostname"].isprintable() and len(found["hostname"]) <= identity.MOST


def test_a_server_says_of_itself_what_it_is_asked_and_nothing_else(host: Host, tmp_path: Path):
    """Its dictamen would otherwise name another server of the difusor, or whatever else the paper has."""
    (tmp_path / "said").write_text(r"printf 'uid=0\nhostname=uno\vhost=dos\nhost=web2\nverdict=CUMPLE\n'")
    found = identity.server("diario", host, {}).identity
    assert found == {"hostname": "uno\ufffdhost=dos"}


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ('PRETTY_NAME="Ubuntu 24.04\nssh_host_key=otra"\n', "Ubuntu 24.04"),
        ("PRETTY_NAME=`id`\nPRETTY_NAME='Debian GNU/Linux 13'\n", "Debian GNU/Linux 13"),
        ('PRETTY_NAME="$(touch ./made)"\n', "$(touch ./made)"),
        ("", ""),
    ],
)
def test_the_file_that_names_the_system_is_read_and_not_executed(tmp_path: Path, text: str, system: str):
    (tmp_path / "os-release").write_text(text)
    command = identity.IDENTITY.replace("/etc/os-release", "./os-release")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True, text=True)
    names = [line.partition("=")[0] for line in done.stdout.splitlines()]
    assert sorted(names) == sorted(identity.NAMES)
    assert f"\nsystem={system}\n" in done.stdout and not (tmp_path / "made").exists()
