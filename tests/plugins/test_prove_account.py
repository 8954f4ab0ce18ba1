"""The action `prove_account`, run by Ansible with an ssh that refuses the account as OpenSSH does."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_kit import ansible
from ssh_kit import ALONE, behind_a_jump_host, way

PLAY = "- {hosts: all, gather_facts: false, tasks: [{prove_account: {user: instituto, keys: %s, timeout: 5}}]}\n"
SSH = """#!/bin/sh
for last; do :; done
[ "$last" = true ] || exec sh -c "$last"
echo >>%s
cat >&2 <<'END'
%s
END
exit 255
"""
"""Executes on this machine what Ansible sends to the server, notes each login as the account, and refuses it."""
ACCEPTED = "Aviso: solo personal autorizado\ndebug1: Server accepts key: /tmp/key ED25519 SHA256:x explicit\n"
CLOSED = "Connection closed by 203.0.113.5 port 22"
REFUSALS = {
    f"{ACCEPTED}Your account has expired; please contact your system administrator.\n{CLOSED}": (
        f"Your account has expired; please contact your system administrator. {CLOSED}"
    ),
    f"{ACCEPTED}{CLOSED}": CLOSED,
    "debug1: Offering public key: /tmp/key\ninstituto@203.0.113.5: Permission denied (publickey).": (
        "instituto@203.0.113.5: Permission denied (publickey)"
    ),
}


def _logins(said_by_ssh: str, folder: Path) -> tuple[str, int]:
    """Prove an account to which ssh says this; return what Ansible printed, and how often the account logged in."""
    play, program, asked, keys = (folder / name for name in ("play.yml", "ssh", "asked", "authorized_keys"))
    keys.write_text("ssh-ed25519 AAAA la-suya\n")
    play.write_text(PLAY % keys)
    program.write_text(SSH % (asked, said_by_ssh))
    program.chmod(0o755)
    values = [f"ansible_ssh_executable={program}", "ansible_host=203.0.113.5", "ansible_user=ana"]
    given = [word for value in values for word in ("-e", value)]
    done = ansible("playbook", "-i", "servidor,", play, *given)
    assert keys.read_text() == "ssh-ed25519 AAAA la-suya\n"
    return " ".join(done.stdout.split()), len(asked.read_text().splitlines())


@pytest.mark.parametrize("refusal", REFUSALS, ids=["vencida", "cerrada por PAM", "llave rechazada"])
def test_a_refused_account_is_said_and_not_repeated(refusal: str, tmp_path: Path) -> None:
    """Refused logins, repeated, make sshd's own penalties or the owner's fail2ban shut out the operator's address."""
    said, attempts = _logins(refusal, tmp_path)
    assert f"msg: {REFUSALS[refusal]}" in said.replace("'", ""), said
    assert "Aviso" not in said
    assert attempts == 1


@pytest.mark.parametrize(
    "unheard",
    ["debug1: Connecting to 203.0.113.5\n", f'{ACCEPTED}Authenticated to 203.0.113.5 using "publickey".\n'],
    ids=["antes de la llave", "ya dentro"],
)
def test_a_lost_connection_is_tried_again(unheard: str, tmp_path: Path) -> None:
    """A daemon that is about to start again closes the connection before it has seen the key, or the line is cut."""
    said, attempts = _logins(f"{unheard}{CLOSED}", tmp_path)
    assert CLOSED in said and "Authenticated" not in said
    assert attempts > 1


@pytest.mark.parametrize(("port", "gone"), [("", "2222"), ("2200", "2200")], ids=["de su configuración", "dicho"])
def test_it_goes_the_operators_own_way_but_alone(port: str, gone: str, tmp_path: Path) -> None:
    """A jump host, a port of ~/.ssh/config, a shared connection: only the last would make the proof worthless."""
    play, keys = tmp_path / "play.yml", tmp_path / "authorized_keys"
    keys.write_text("ssh-ed25519 AAAA la-suya\n")
    play.write_text(PLAY % keys)
    said = ["-e", f"ansible_port={port}"] if port else []
    done = ansible("playbook", "-i", "servidor,", play, *behind_a_jump_host(tmp_path), *said)
    assert done.returncode == 0, done.stdout
    expected = {**ALONE, "user": "instituto", "port": gone, "identitiesonly": "yes"}
    assert way(tmp_path, *expected) == expected
