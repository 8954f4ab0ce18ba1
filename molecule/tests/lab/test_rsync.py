"""A push with this difusor's secret from the institute's own address."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target

Record = Callable[[object], None]
CROWD = """
import socket, sys, time
address, seconds = sys.argv[1], float(sys.argv[2])
clients, ended, until = [], 0, time.monotonic() + seconds
while time.monotonic() < until:
    while len(clients) < 200:
        client = socket.create_connection((address, 873), 10)
        if len(clients) % 3:
            client.sendall(b"@RSYNCD: 31.0\\n" + b"corte\\n" * (len(clients) % 3 == 2))
        client.setblocking(False)
        clients.append(client)
    for client in list(clients):
        try:
            if client.recv(4096):
                continue
        except BlockingIOError:
            continue
        except OSError:
            pass
        ended += 1
        clients.remove(client)
    time.sleep(0.05)  # pace: an attacker that tries again twenty times a second
print(ended)
"""
"""Keeps 200 connections to the daemon open that do not authenticate: silent ones, and some half-way through it."""
# Holds what reaches the institute's host to 100 Mbit per second, as a line would, at the other end of its interface.
HOLD = """
name=$(ip -oneline link | sed -n "s/^$1: \\([^@:]*\\).*/\\1/p")
case $2 in
  hold) tc qdisc add dev "$name" root tbf rate 100mbit burst 128k latency 50ms ;;
  free) tc qdisc del dev "$name" root ;;
esac
"""
FLOOD = """
import socket, sys, time
flooding, sent, began = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0, time.monotonic()
flooding.connect((sys.argv[1], 9))
while True:
    try:
        flooding.send(bytes(1400))
    except OSError:
        pass  # nobody listens there
    sent += 1
    time.sleep(max(0, began + sent / 30000 - time.monotonic()))  # pace: 330 Mbit per second
"""
"""Sends three times what the line carries, as a server that answers a flood does."""
ENTER = "ssh -i /tmp/operador -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null %s@%s true"
LATEST = 5.0  # seconds that a push and a login may take on a full line
ATTACK = 12  # seconds, more than a connection has to authenticate


@pytest.mark.clause("DG-07", "RED-04")
def test_institute_pushes_from_its_own_address(
    trusted: Host, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Desde la dirección del Instituto, el servicio rsync acepta un envío con el secreto (de ensayo, sin efecto)."""
    url = f"rsync://{target.client}@{variables['difusor_public_address']}/{target.module}/"
    done = trusted.run(
        "mkdir -p /tmp/vacio && RSYNC_PASSWORD=%s rsync --contimeout=10 --dry-run --recursive /tmp/vacio/ %s",
        target.secret,
        url,
    )
    record_evidence(f"{url}: {done.stderr.strip() or 'aceptado'}")
    assert done.rc == 0


@pytest.mark.clause("DG-07", "RED-04")
def test_pushes_arrive_among_connections_without_the_secret(
    trusted: Host, target: Target, variables: dict[str, Any], tmp_path: Path, record_evidence: Record
) -> None:
    """Doscientas conexiones sin la clave, desde una dirección confiable, no impiden los envíos del Instituto."""
    address = variables["difusor_public_address"]
    environment = {**os.environ, "RSYNC_PASSWORD": target.secret}
    command = ["rsync", "--contimeout=5", "--timeout=5", "--dry-run", "--recursive", f"{tmp_path}/", target.url]
    with ThreadPoolExecutor(1) as attacker:
        crowd = attacker.submit(trusted.run, "python3 -c %s %s %s", CROWD, address, str(ATTACK))
        results = []
        while not crowd.done():
            started = time.monotonic()
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            results.append((done.returncode, time.monotonic() - started))
    slowest = max(seconds for _, seconds in results)
    record_evidence(f"{len(results)} envíos, el más lento en {slowest:.1f} s; {crowd.result().stdout.strip()} cerradas")
    assert crowd.result().rc == 0, crowd.result().stderr
    assert int(crowd.result().stdout) >= 200
    assert {code for code, _ in results} == {0}


@pytest.fixture
def full_line(host: Host, trusted: Host, variables: dict[str, Any], published: SignedCorte) -> Iterator[None]:
    """Hold the line to the institute to 100 Mbit per second, and fill it; there, put a corte and the operator's key."""
    peer = f"prep-{variables['lab']}-impepac"
    index = trusted.check_output("cat /sys/class/net/eth0/iflink")
    image = _docker("inspect", "--format", "{{.Image}}", peer)
    tool = ["run", "--rm", "--privileged", "--network", "host", "--entrypoint", "sh", image, "-c", HOLD, "hold", index]
    _docker("cp", f"{published.folder}/.", f"{peer}:/var/tmp/corte")
    key = Path(variables["ansible_ssh_private_key_file"]).read_text()
    trusted.check_output("umask 077; printf %s %s >/tmp/operador", "%s", key)
    _docker(*tool, "hold")
    host.check_output("systemd-run --quiet --unit=llena python3 -c %s %s", FLOOD, f"{variables['lab_ipv4']}.20")
    yield
    host.check_output("systemctl stop llena && systemctl restart prep-uplink")
    _docker(*tool, "free")
    trusted.check_output("rm -r /tmp/operador /var/tmp/corte")


@pytest.mark.clause("DG-07", "SW-03")
@pytest.mark.usefixtures("full_line")
def test_corte_and_operator_get_through_a_full_line(
    host: Host, trusted: Host, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Por un enlace de 100 Mbps que el servidor llena tres veces, un corte llega y el operador entra en segundos."""
    address = variables["difusor_public_address"]
    url = f"rsync://{target.client}@{address}/{target.module}/"
    push = "RSYNC_PASSWORD=%s rsync --contimeout=10 --timeout=20 --recursive --times --ignore-times /var/tmp/corte/ %s"
    host.check_output("prep-uplink start 100")  # the lab's own figure is larger, so as not to slow other tests down
    pushes = [_seconds(trusted, push, target.secret, url) for _ in range(3)]
    logins = [_seconds(trusted, ENTER, variables["ansible_user"], address) for _ in range(3)]
    record_evidence(f"envíos: {pushes} s; entradas por SSH: {logins} s")
    assert max(pushes + logins) < LATEST


def _seconds(trusted: Host, command: str, *arguments: str) -> float:
    """Return how long a command took that must succeed."""
    began = time.monotonic()
    trusted.check_output(command, *arguments)
    return round(time.monotonic() - began, 2)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()
