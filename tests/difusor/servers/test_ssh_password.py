"""A server that is entered by password is measured by it, as Ansible enters it, and no list of processes shows it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from difusor.inventory.variables import Variables
from difusor.servers import identity, ssh_password

PASSWORD = "Clave @:/'$secreta\" 1"
# Does what OpenSSH does with SSH_ASKPASS_REQUIRE=force, and notes its own command line.
SSH = r"""#!/bin/sh
echo "$*" >>{seen}/commands
said=$("$SSH_ASKPASS" "$(cat {seen}/prompt)") || {{ echo 'Host key verification failed.' >&2; exit 255; }}
[ "$said" = "$(cat {seen}/password)" ] || {{ echo 'Permission denied (password).' >&2; exit 255; }}
for last; do :; done
exec sh -c "$last"
"""


def entered(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, password: str, prompt: str, **more: str) -> str:
    """Return why a server whose inventory declares a password in this variable cannot be used, and "" when it can."""
    (folder / "bin").mkdir()
    for program, text in {"ssh": SSH.format(seen=folder), "id": "#!/bin/sh\necho 0\n"}.items():
        (folder / "bin" / program).write_text(text)
        (folder / "bin" / program).chmod(0o755)
    (folder / "password").write_text(f"{PASSWORD}\n")
    (folder / "prompt").write_text(prompt)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    values = {"ansible_host": "192.0.2.1", "ansible_user": "root", name: password, **more}
    inventory = Variables(hosts={"diario": values}, groups={"all": ["diario"]})
    for _ in range(2):  # a worker of pytest-xdist connects with what the first has made of the inventory
        host = identity.connect(inventory, str(folder / "hosts.yml")).get_host("diario")
    return identity.server("diario", host, values).unreachable


@pytest.mark.parametrize("name", ssh_password.NAMES)
@pytest.mark.parametrize("prompt", ["operador@192.0.2.1's password: ", "(operador@192.0.2.1) Contraseña: "])
def test_the_password_of_the_inventory_reaches_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, prompt: str
) -> None:
    """testinfra knew one of Ansible's three names for it, and split it at its first @."""
    assert entered(tmp_path, monkeypatch, name, PASSWORD, prompt) == ""
    commands = (tmp_path / "commands").read_text()
    assert "secreta" not in commands and ssh_password.ONCE in commands


def test_a_wrong_password_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = entered(tmp_path, monkeypatch, "ansible_password", "otra", "password: ")
    assert "192.0.2.1 no deja entrar a «root»" in said


def test_a_wrong_password_is_given_once_whatever_else_ssh_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "-o Compression=yes"
    entered(tmp_path, monkeypatch, "ansible_password", "otra", "password: ", ansible_ssh_extra_args=own)
    assert (tmp_path / "commands").read_text().count(f"{own} {ssh_password.ONCE} ") == 1


def test_a_jump_host_does_not_get_the_password(tmp_path: Path) -> None:
    """The server's own ssh starts the one to the jump host, and both find the same variables."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\n[ "$1" = server ] || { "$SSH_ASKPASS" "Password: "; exit; }\n"$0" jump\nexit 0\n')
    ssh.chmod(0o755)
    environment = os.environ | ssh_password.environment(PASSWORD)
    assert subprocess.run([ssh, "alone"], env=environment, capture_output=True).stdout == f"{PASSWORD}\n".encode()
    assert subprocess.run([ssh, "server"], env=environment, capture_output=True).stdout == b""


def test_a_new_host_key_is_not_accepted_by_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "Are you sure you want to continue connecting (yes/no/[fingerprint])? "
    said = entered(tmp_path, monkeypatch, "ansible_password", PASSWORD, asked)
    assert "esta máquina aún no conoce la llave de 192.0.2.1" in said


def test_the_passphrase_of_a_key_is_not_the_password() -> None:
    environment = os.environ | ssh_password.environment(PASSWORD)
    done = subprocess.run([ssh_password.PRINTS, "Enter passphrase for key: "], env=environment, capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")
