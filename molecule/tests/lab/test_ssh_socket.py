"""SSH where ssh.socket starts the daemon, as on Ubuntu since 22.10: a change takes effect, and a mistake is undone."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Record = Callable[[object], None]
Play = Callable[..., subprocess.CompletedProcess[str]]
Ask = Callable[[], list[str]]

DROP_IN = "/etc/ssh/sshd_config.d/00-prep-difusor.conf"
RECORD = "/var/lib/prep-difusor/written"
# The role writes another one for this socket, and records it.
KEEP = f"cp --preserve=all {DROP_IN} /run/antes.conf && cp --preserve=all {RECORD} /run/antes.written"
PUT_BACK = f"mv /run/antes.conf {DROP_IN} && mv /run/antes.written {RECORD}"
# The daemon is stopped first: only while it is enabled it has a second name, sshd.service, and systemd may lose sight
# of one that runs when that changes, which then keeps the port.
BY_SOCKET = " && ".join(
    ("systemctl stop ssh.service", "systemctl disable --quiet ssh.service", "systemctl enable --quiet --now ssh.socket")
)
BY_ITSELF = " && ".join(
    (
        "systemctl disable --quiet --now ssh.socket",
        "systemctl stop ssh.service",
        "systemctl enable --quiet --now ssh.service",
    )
)
STATES = "systemctl is-enabled ssh.service ssh.socket; systemctl is-active ssh.socket"
ROLE = ("--tags", "ssh", "--skip-tags", "authorise")


@pytest.fixture(scope="module")
def by_socket(host: Host) -> Iterator[str]:
    """Have ssh.socket start the daemon; return how that is told. Open sessions last."""
    host.check_output(f"{KEEP} && {BY_SOCKET}")
    yield str(host.run(STATES).stdout)
    host.check_output(f"{PUT_BACK} && {BY_ITSELF}")


@pytest.fixture
def offered(variables: dict[str, Any]) -> Ask:
    """Return a function that asks the daemon, by a new connection, with which methods one may log in."""
    options = [*shlex.split(variables["ansible_ssh_common_args"]), "-o", "BatchMode=yes", "-o", "ControlPath=none"]
    command = ["ssh", *options, "-o", "PreferredAuthentications=none", variables["ansible_host"]]

    def ask() -> list[str]:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
        said = re.search(r"Permission denied \((.*)\)", done.stderr)
        return said.group(1).split(",") if said else [done.stderr]

    return ask


def test_a_change_takes_effect(host: Host, by_socket: str, play: Play, offered: Ask, record_evidence: Record) -> None:
    """Con ssh.socket, una ejecución pone en vigor la configuración de SSH, y deja que systemd lo siga iniciando."""
    host.check_output("sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' %s", DROP_IN)
    host.check_output("systemctl stop ssh.service")
    before = offered()
    result = play("site.yml", {}, *ROLE)
    record_evidence(f"se entraba con {before}, ahora con {offered()}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert before == ["publickey", "password"], "el daemon no había leído el cambio hecho a mano"
    assert offered() == ["publickey"]
    assert host.run(STATES).stdout == by_socket


def test_ipv4_is_not_one_source(by_socket: str, silent_connections: int, offered: Ask, record_evidence: Record) -> None:
    """Con un socket para IPv4 e IPv6, lo que haga una dirección confiable, y lo que falle, no estorba a las demás."""
    # By default, sshd refuses a source for a while after some fifteen connections that try no login.
    answers = [offered() for _ in range(20)]
    record_evidence(f"{silent_connections} conexiones calladas de otra dirección; respuestas: {answers}")
    assert by_socket
    assert answers == [["publickey"]] * 20


def test_a_mistake_is_undone(
    host: Host, by_socket: str, variables: dict[str, Any], play: Play, offered: Ask, record_evidence: Record
) -> None:
    """Con ssh.socket, un cambio con el que el Instituto no entra se retira, y lo de antes vuelve a estar en vigor."""
    user, before = variables["difusor_admin_user"], host.file(DROP_IN).content_string
    host.check_output("chage --expiredate 1 %s", user)
    try:
        result = play("site.yml", {"difusor_ssh_password_login": True}, *ROLE)
    finally:
        host.check_output("chage --expiredate -1 %s", user)
    methods = until(offered, lambda said: said == ["publickey"], what="vuelva la configuración de antes")
    record_evidence(f"se retiró; se entra con {methods}")
    assert result.returncode != 0
    assert f"La cuenta del Instituto, {user}, no logra entrar por SSH" in " ".join(result.stdout.split())
    assert host.file(DROP_IN).content_string == before
    assert host.run(STATES).stdout == by_socket
