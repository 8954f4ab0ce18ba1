"""The action `prove_login`, run by Ansible with an ssh that says what OpenSSH says of a refused login."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_kit import ansible
from ssh_kit import ALONE, behind_a_jump_host, way

PLAY = "- {hosts: all, gather_facts: false, tasks: [{prove_login: {command: 'true'}}]}\n"
SSH = "#!/bin/sh\necho >>%s\necho '%s' >&2\nexit 255\n"
"""Notes that it was asked, and refuses."""
REFUSALS = {
    "Received disconnect from 203.0.113.5 port 22:2: Too many authentication failures": (
        "203.0.113.5 cortó antes de llegar a la llave de «ana», porque esta máquina le ofrece más llaves"
    ),
    "ana@203.0.113.5: Permission denied (publickey).": "Permission denied (publickey)",
    "debug1: Server accepts key: /k\ndebug2: we sent\nAccess denied by the rules\nConnection closed by 203.0.113.5": (
        "No se pudo entrar de nuevo: Access denied by the rules Connection closed by 203.0.113.5"
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_login_is_said_and_not_repeated(refusal: str, tmp_path: Path) -> None:
    """A fail2ban of the server's owner bans who repeats a refused login."""
    play, program, asked = tmp_path / "play.yml", tmp_path / "ssh", tmp_path / "asked"
    play.write_text(PLAY)
    program.write_text(SSH % (asked, refusal))
    program.chmod(0o755)
    values = [f"ansible_ssh_executable={program}", "ansible_host=203.0.113.5", "ansible_user=ana"]
    given = [word for value in values for word in ("-e", value)]
    done = ansible("playbook", "-i", "servidor,", play, *given)
    said = " ".join(done.stdout.split())
    assert "No se pudo entrar de nuevo: " in said and REFUSALS[refusal] in said, done.stdout
    assert len(asked.read_text().splitlines()) == 1


def test_it_goes_the_operators_own_way_but_alone(tmp_path: Path) -> None:
    """A jump host, a port of ~/.ssh/config, a shared connection: only the last would make the proof worthless."""
    play = tmp_path / "play.yml"
    play.write_text(PLAY)
    done = ansible("playbook", "-i", "servidor,", play, *behind_a_jump_host(tmp_path))
    assert done.returncode == 0, done.stdout
    expected = {**ALONE, "port": "2222"}
    assert way(tmp_path, *expected) == expected
