"""An operator's account whose sudo asks for a password: the verbs that ask the server themselves, and what is left."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from passlib.hash import sha512_crypt
from testinfra.host import Host

from difusor.inventory.variables import BECOME_PASSWORD, Variables
from difusor.servers import bans, identity

GUEST = "invitado"
PASSWORD = "Ensayo 'de$ zarzamora\" 77"
# Everything that any program of the server has on its command line or in its environment, until the file is gone. Those
# that ran before are looked at eight times a second, because to look at all each time would take most of a processor.
WATCH = r"""
import os, time
def running():
    return {name for name in os.listdir("/proc") if name.isdigit()}
before, rounds = running(), 0
while os.path.exists("/run/mirando"):
    for number in running() - (before if rounds % 20 else set()):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{number}/{name}", "rb") as file:
                    text = file.read()
            except OSError:
                continue  # the program ended
            if b"zarzamor" + b"a" in text:
                with open("/run/visto", "ab") as seen:
                    seen.write(text)
    rounds += 1
    time.sleep(0.005)  # pace: a program that is given a password runs for longer
"""
LOGS = "journalctl --since=-10min --quiet | cat - /var/log/sudo.log /var/log/auth.log 2>/dev/null"


@pytest.fixture
def guest(host: Host, variables: dict[str, Any]) -> Iterator[None]:
    """Add an account that logs in with the operator's key and has sudo with a password; remove it afterwards."""
    digest = sha512_crypt.using(rounds=5000).hash(PASSWORD)  # sudo would log the password itself
    host.check_output("useradd --create-home --groups sudo --password %s %s", digest, GUEST)
    keys = f"/home/{variables['ansible_user']}/.ssh/authorized_keys"
    host.check_output("install -D --owner=%s --mode=600 %s /home/%s/.ssh/authorized_keys", GUEST, keys, GUEST)
    yield
    host.run("rm -f /run/mirando /run/visto; systemctl stop prueba-mirando")
    host.check_output("userdel --remove %s", GUEST)


@pytest.mark.usefixtures("guest")
@pytest.mark.parametrize("given", [PASSWORD, "equivocada", ""], ids=["con la suya", "con otra", "sin ella"])
def test_sudo_with_a_password(host: Host, variables: dict[str, Any], given: str) -> None:
    """La contraseña de sudo llega a sudo y no queda en procesos ni bitácoras; sin ella se dice qué falta."""
    host.check_output("touch /run/mirando /run/visto")
    host.check_output("systemd-run --quiet --collect --unit=prueba-mirando python3 -c %s", WATCH)
    name = variables["inventory_hostname"]
    # A connection of its own, not kept open: the account could not be removed afterwards.
    values = {
        **variables,
        "ansible_user": GUEST,
        "ansible_ssh_extra_args": "-o ControlPath=none",
        BECOME_PASSWORD: given,
    }
    inventory = Variables(hosts={name: values}, groups={"all": [name], "difusores": [name]})
    other = identity.connect(inventory, f"{variables['lab_dir']}/sudo-{len(given)}").get_host(name)
    found = identity.server(name, other, values)
    if given == PASSWORD:
        assert other is not None
        assert found.unreachable == ""
        assert bans.banned(name, other) == []
        result = other.run("cat; id -u; echo dicho >&2; exit 3")
        assert (result.rc, result.stdout, result.stderr) == (3, "0\n", "dicho\n")
        assert other.check_output("printf %s " + shlex.quote("ñandú")) == "ñandú"
    else:
        said = "la contraseña de sudo de «{}» no es la que dio" if given else "sudo pide contraseña a «{}»: agregue"
        assert said.format(GUEST) in found.unreachable
    assert host.check_output("rm /run/mirando; cat /run/visto") == ""
    assert host.check_output(f"{LOGS} | grep -c 'zarzamor[a]'; true") == "0"
