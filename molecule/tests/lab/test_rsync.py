"""A push with this difusor's secret from the institute's own address."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

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
