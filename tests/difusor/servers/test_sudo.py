"""A sudo that asks for a password gets it, once, through its standard input; nothing else ever sees it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.inventory.variables import BECOME_PASSWORD, InventoryError, Variables, _give_passwords
from difusor.project import UnusableError
from difusor.servers import identity, playbook, ssh_password, sudo

PASSWORD = "Clave '$secreta\" 1"
# What sudo 1.9.16 and sudo-rs 0.2.5 do with the options that are used here, and say, each on its way.
SUDO = r"""#!/bin/sh
echo "$0 $*" >>{seen}/commands
[ ! -e {seen}/free ] || asks=no
case $LANGUAGE in es*) echo 'sudo: se requiere una contraseña' >&2; exit 1 ;; esac
while :; do
  case $1 in
    -n) [ "$asks" = no ] || {{ echo '{refusal}' >&2; exit 1; }}; shift ;;
    -k) shift ;;
    -S) shift
      if [ "$asks" != no ]; then
        printf '{prompt}' >&2
        IFS= read -r given
        [ "$given" = "$(cat {seen}/password)" ] || {{ echo '{wrong}' >&2; exit 1; }}
      fi ;;
    -u) shift 2 ;;
    *) break ;;
  esac
done
exec "$@"
"""
KINDS = {
    "sudo": {
        "refusal": "sudo: a password is required",
        "prompt": "[sudo] password for operador: ",
        "wrong": "Sorry, try again.\n[sudo] password for operador: \nsudo: no password was provided",
    },
    "sudo-rs": {
        "refusal": "sudo-rs: interactive authentication is required",
        "prompt": "[sudo: authenticate] Password: \\n",
        "wrong": "sudo: Authentication failed, try again.",
    },
}


def server(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, password: str) -> Host:
    """Return a server on this machine: `ssh` runs the command here, and this `sudo` makes nobody root."""
    programs = folder / "bin"
    programs.mkdir()
    for name, text in {
        "ssh": f'#!/bin/sh\necho "$*" >>{folder}/commands\nfor last; do :; done\nexec sh -c "$last"\n',
        "sudo": SUDO.format(seen=folder, **KINDS[kind]),
        "id": "#!/bin/sh\necho 0\n",
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (folder / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("LANGUAGE", "es_MX:es")  # as a server in Spanish has it in /etc/default/locale
    values = {"ansible_host": "192.0.2.1", "ansible_user": "operador", BECOME_PASSWORD: password}
    inventory = Variables(hosts={"diario": values}, groups={"all": ["diario"]})
    runner = identity.connect(inventory, str(folder / "hosts.yml"))
    found = runner.get_host("diario")
    assert found is not None and found is runner.get_host("diario")  # as testinfra does before every command
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_password_reaches_sudo_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    host = server(tmp_path, monkeypatch, kind, PASSWORD)
    assert identity.server("diario", host, {"ansible_user": "operador"}).unreachable == ""
    # What a command prints is its own: no prompt; and it finds nothing on its standard input.
    result = host.run("cat; echo dicho >&2; exit 3")
    assert (result.rc, result.stdout, result.stderr) == (3, "", "dicho\n")
    (tmp_path / "free").touch()  # the password is no longer asked for, such as after `apply` has made accounts
    assert host.check_output("cat; echo %s", "it's") == "it's"
    commands = (tmp_path / "commands").read_text()
    assert "secreta" not in commands
    # Refused once, then given with each command; two lines for each, ssh's and sudo's.
    assert (commands.count("sudo -n "), commands.count("-k -S ")) == (2, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_without_the_password_or_with_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    host = server(tmp_path, monkeypatch, kind, "")
    said = identity.server("diario", host, {}).unreachable
    assert said.startswith("diario: sudo pide contraseña a «operador»: agregue --ask-become-pass, o dé a la cuenta")
    (tmp_path / "otra").mkdir()
    host = server(tmp_path / "otra", monkeypatch, kind, "otra")
    said = identity.server("diario", host, {}).unreachable
    assert said == "diario: la contraseña de sudo de «operador» no es la que dio; repita con --ask-become-pass"
    # It is not given a second time: some servers lock an account after three.
    host.run("true")
    assert (tmp_path / "otra/commands").read_text().count("-k -S /bin") == 2, "ssh's command line, and sudo's"


def test_the_inventorys_password_comes_before_the_typed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "typed").write_text("tecleada\n")
    monkeypatch.setenv(sudo.FILE, str(tmp_path / "typed"))
    hosts = {"a": {"ansible_become_pass": "declarada"}, "b": {}, "c": {BECOME_PASSWORD: 12345}}
    assert _give_passwords(hosts) == {"declarada", "tecleada", "12345"}
    assert [values[BECOME_PASSWORD] for values in hosts.values()] == ["declarada", "tecleada", "12345"]


def test_a_password_that_ansible_would_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk of Windows every file may be run, and the message was that of a program that prints nothing."""
    (tmp_path / "typed").write_text("tecleada\n")
    (tmp_path / "typed").chmod(0o755)
    monkeypatch.setenv(sudo.FILE, str(tmp_path / "typed"))
    with pytest.raises(InventoryError, match=rf"contraseña y Ansible la ejecutaría como programa: chmod -x {tmp_path}"):
        _give_passwords({"a": {}})
    (tmp_path / "typed").write_text("#!/bin/sh\necho tecleada\n")
    assert _give_passwords({"a": {}}) == {"tecleada"}


@pytest.mark.parametrize("content", [None, ""])
def test_a_file_without_the_password_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "typed").write_text(content)
    monkeypatch.setenv(sudo.FILE, str(tmp_path / "typed"))
    with pytest.raises(InventoryError, match=rf"no se obtuvo la contraseña de sudo de {tmp_path}/typed"):
        _give_passwords({"a": {}})


ASKED = """
import os, subprocess, sys
from difusor.servers import sudo
sudo.ask()
shown = "import os, sys; from ansible.cli import CLI; print(CLI.get_password_from_file(os.path.realpath(sys.argv[1])))"
named = os.environ["{file}"]
subprocess.run([sys.executable, "-c", shown, named], pass_fds=sudo.descriptors(), stdin=subprocess.DEVNULL)
"""


def test_what_is_typed_is_not_shown_and_is_inherited_without_a_file() -> None:
    ours, terminal = os.openpty()
    command = ["setsid", "--ctty", "--wait", sys.executable, "-c", ASKED.format(file=sudo.FILE)]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as program:
        shown = b""
        while b"sudo" not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, f"{PASSWORD}\n".encode())
        assert program.wait() == 0
    shown += os.read(ours, 1000)
    os.close(ours)
    os.close(terminal)
    assert shown.decode().split() == ["Contraseña", "de", "sudo:", *PASSWORD.split()]


def test_a_playbook_that_a_verb_runs_several_times_inherits_what_was_typed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`revoke` and `restore` run one for each server of a difusor."""
    ansible = tmp_path / "ansible-playbook"
    ansible.write_text(f'#!/bin/sh\n"$ANSIBLE_BECOME_PASSWORD_FILE" >>{tmp_path}/given\nexit 4\n')
    ansible.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name in (sudo.FILE, sudo.DESCRIPTOR):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sudo, "has_terminal", lambda: True)
    monkeypatch.setattr(playbook, "ansible_settings", dict)  # which it leaves in the environment
    monkeypatch.setattr(sudo.typer, "prompt", lambda *_, **__: PASSWORD)
    sudo.ask()
    (descriptor,) = sudo.descriptors()
    assert [playbook.run("playbooks/revoke.yml", [], playbook.Options(), {}) for _ in range(2)] == [4, 4]
    os.close(descriptor)
    assert (tmp_path / "given").read_text() == PASSWORD * 2


def test_without_a_terminal_it_says_where_else_the_password_can_stand() -> None:
    code = "from difusor.servers import sudo\ntry: sudo.ask()\nexcept sudo.UnusableError as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True
    )
    assert "ansible_become_password" in done.stdout and f"export {sudo.FILE}=/" in done.stdout


@pytest.mark.parametrize(
    ("module", "use"),
    [(sudo, sudo.ask), (ssh_password, lambda: ssh_password.environment(PASSWORD))],
    ids=["sudo", "ssh"],
)
def test_a_program_that_cannot_be_run_gives_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, use: Callable[[], object]
) -> None:
    """As after a ZIP was unpacked on Windows: Ansible sent the program's text as the password of sudo."""
    copy = tmp_path / "una copia"
    shutil.copyfile(module.PRINTS, copy)
    copy.chmod(0o644)
    monkeypatch.setattr(module, "PRINTS", copy)
    with pytest.raises(UnusableError, match=re.escape(f"no se puede ejecutar; permítalo: chmod +x '{copy}'")):
        use()
