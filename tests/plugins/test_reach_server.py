"""The action `reach_server`, run by Ansible against this machine: what it finds before anything is asked as root."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_kit import ansible

PLAY = "- {hosts: all, gather_facts: false, become: true, tasks: [{reach_server: }]}\n"
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
    done = ansible("playbook", "-i", "aqui,", "-c", "local", tmp_path / "play.yml", *given, timeout=20)
    assert done.returncode == 2
    assert f"No se puede usar aqui y nada se tocó en él: {sentence}" in " ".join(done.stdout.split()), done
