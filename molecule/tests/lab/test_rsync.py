"""A push with this difusor's secret from the institute's own address."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.publish.target import Target
from difusor.suite.waiting import until

Record = Callable[[object], None]
CROWD = """
import socket, sys, time
address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
clients, ended, until = [], 0, time.monotonic() + seconds
while time.monotonic() < until:
    while len(clients) < 200:
        client = socket.create_connection((address, port), 10)
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
flooding = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(32)]
for each in flooding:
    each.connect((sys.argv[1], 9))
    each.setblocking(False)
sent, began = 0, time.monotonic()
while True:
    for each in flooding:
        try:
            each.send(bytes(20000))
        except OSError:
            pass  # nobody listens there, or the line is full
    sent += len(flooding)
    time.sleep(max(0, began + sent / 6000 - time.monotonic()))  # pace: a gigabit per second
"""
"""Sends ten times what the line carries, as a server does that answers a flood."""
# A file as large as a corte, whose manifest does not follow, so that nothing is taken in.
PUSH = """
rm -rf /run/lleno && mkdir /run/lleno && head -c 1000000 /dev/urandom >/run/lleno/relleno-$(date +%%s%%N) &&
RSYNC_PASSWORD=%s rsync --contimeout=10 --timeout=30 --recursive --times /run/lleno/ %s
"""
ENTER = "ssh -i /tmp/operador -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null %s@%s true"
LATEST = 10.0  # seconds that a push and a login may take on a full line
ATTACK = 12  # seconds, more than a connection has to authenticate
EVERY = 0.5  # seconds at least between the beginnings of two pushes during it
LEAST = ATTACK // 4  # pushes during it on a machine so busy that each takes four seconds


@pytest.mark.clause("DG-07", "RED-04")
def test_institute_pushes_from_its_own_address(
    trusted: Host, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Desde la dirección del Instituto, el servicio rsync acepta un envío con el secreto (de ensayo, sin efecto)."""
    url = replace(target, address=variables["difusor_public_address"]).url
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
        crowd = attacker.submit(trusted.run, "python3 -c %s %s %s %s", CROWD, address, str(target.port), str(ATTACK))
        results = []
        while not crowd.done():
            started = time.monotonic()
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            results.append((done.returncode, time.monotonic() - started))
            time.sleep(max(0, started + EVERY - time.monotonic()))  # pace: more would only take a processor
    slowest = max(seconds for _, seconds in results)
    record_evidence(f"{len(results)} envíos, el más lento en {slowest:.1f} s; {crowd.result().stdout.strip()} cerradas")
    assert crowd.result().rc == 0, crowd.result().stderr
    assert int(crowd.result().stdout) >= 200
    assert len(results) >= LEAST
    assert {code for code, _ in results} == {0}


@pytest.fixture
def full_line(host: Host, trusted: Host, variables: dict[str, Any]) -> Iterator[None]:
    """Hold the line to the institute to 100 Mbit per second, and fill it; put the operator's key there."""
    peer = f"prep-{variables['lab']}-instituto"
    index = trusted.check_output("cat /sys/class/net/eth0/iflink")
    image = _docker("inspect", "--format", "{{.Image}}", peer)
    tool = ["run", "--rm", "--privileged", "--network", "host", "--entrypoint", "sh", image, "-c", HOLD, "hold", index]
    key = Path(variables["ansible_ssh_private_key_file"]).read_text()
    trusted.check_output("umask 077; printf %s %s >/tmp/operador", "%s", key)
    _docker(*tool, "hold")
    host.check_output(
        "systemd-run --quiet --collect --unit=llena python3 -c %s %s", FLOOD, f"{variables['lab_ipv4']}.20"
    )
    yield
    host.check_output("systemctl stop llena && systemctl restart prep-uplink")
    host.check_output("find /srv/prep -name 'relleno-*' -delete")
    _docker(*tool, "free")
    trusted.check_output("rm -r /tmp/operador /run/lleno")


@pytest.mark.clause("DG-07", "SW-03")
@pytest.mark.usefixtures("full_line")
def test_corte_and_operator_get_through_a_full_line(
    host: Host, trusted: Host, target: Target, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Por un enlace de 100 Mbps que el servidor llena diez veces, un corte llega y el operador entra, sin pérdidas."""
    address = variables["difusor_public_address"]
    url = replace(target, address=address).url
    host.check_output("prep-uplink start 100")  # the lab's own figure is larger, so as not to slow other tests down
    until(lambda: _class(host, 20), lambda rest: rest[1] > 0, what="el enlace esté lleno")
    pushes = [_seconds(trusted, PUSH, target.secret, url) for _ in range(3)]
    logins = [_seconds(trusted, ENTER, variables["ansible_user"], address) for _ in range(3)]
    (kept, lost), (_, rest_lost) = _class(host, 10), _class(host, 20)
    record_evidence(
        f"envíos de 1 MB: {pushes} s; entradas por SSH: {logins} s; de sus {kept} paquetes se perdieron {lost}, "
        f"de los demás, {rest_lost}"
    )
    assert max(pushes + logins) < LATEST
    assert rest_lost > 1000, "el enlace no estuvo lleno"
    assert kept > 100, "lo de los cortes y del operador no pasó por su parte"
    assert lost == 0


def _class(host: Host, number: int) -> tuple[int, int]:
    """Return how many packets one class of the server's queue has sent, and how many it had no room for."""
    shown = host.check_output("tc -statistics class show dev eth0")
    found = re.search(rf"htb 50e:{number} .*\n Sent \d+ bytes (\d+) pkt \(dropped (\d+)", shown)
    assert found, shown
    return int(found[1]), int(found[2])


def _seconds(trusted: Host, command: str, *arguments: str) -> float:
    """Return how long a command took that must succeed."""
    began = time.monotonic()
    trusted.check_output(command, *arguments)
    return round(time.monotonic() - began, 2)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()
