"""The rsync daemon from outside: the institute can push, nobody can read, untrusted addresses get no answer."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.publish.target import Target
from difusor.spec import Spec

pytestmark = pytest.mark.xdist_group("outside")

Record = Callable[[object], None]
FORBIDDEN = [
    "--links", "--devices", "--hard-links", "--perms", "--owner", "--inplace", "--append", "--backup", "--partial",
    "--delay-updates", "--remove-source-files", "--temp-dir=/tmp", "--link-dest=/etc", "--keep-dirlinks", "--relative",
]  # fmt: skip
REFUSED = "configured to refuse"
"""What rsync says of an option that the daemon does not take."""
AT_ONCE = 3
"""Attempts at a time: after each refusal rsync waits half a second."""
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
    print("abierto")
except OSError as error:
    print("cerrado:", error)
"""


def rsync(target: Target, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run rsync with the difusor's secret in the environment, because arguments are visible to other users."""
    environment = {**os.environ, "RSYNC_PASSWORD": target.secret, "LC_ALL": "C"}
    return subprocess.run(
        ["rsync", "--contimeout=10", "--timeout=30", *arguments], env=environment, capture_output=True, text=True
    )


@pytest.mark.clause("DG-07", "SW-02")
def test_institute_can_push(target: Target, tmp_path: Path, call: Spec, record_evidence: Record) -> None:
    """El servicio rsync acepta, con el secreto de este difusor, un envío del Instituto (de ensayo, sin efecto)."""
    done = rsync(target, "--dry-run", "--recursive", "--times", f"{tmp_path}/", target.url)
    record_evidence(f"{target.url}: {done.stderr.strip() or 'aceptado'}")
    assert f":{call.rsync_port}/" in target.url
    assert done.returncode == 0


@pytest.mark.criterion("DG-07", "RED-04")
def test_nothing_is_listed_or_read(target: Target, tmp_path: Path, record_evidence: Record) -> None:
    """Ni con el secreto entrega el servicio rsync lista alguna ni archivo alguno."""
    modules = rsync(target, target.url.removesuffix(f"{target.module}/"))
    listing = rsync(target, "--recursive", target.url)
    reading = rsync(target, "--recursive", "--times", target.url, f"{tmp_path}/")
    record_evidence(f"leer: {reading.stderr.strip().splitlines()[0]}")
    assert modules.stdout == ""
    assert listing.returncode != 0 and listing.stdout == ""
    assert reading.returncode != 0 and list(tmp_path.iterdir()) == []


@pytest.mark.clause("DG-12", "RED-04")
def test_a_wrong_secret_is_refused(target: Target, tmp_path: Path, record_evidence: Record) -> None:
    """Sin el secreto vigente no se recibe nada: al cambiarlo, el Instituto deja fuera a quien tenga el anterior."""
    done = rsync(replace(target, secret="otro-secreto"), "--dry-run", "--recursive", f"{tmp_path}/", target.url)
    record_evidence(done.stderr.strip().splitlines()[0])
    assert "auth failed" in done.stderr, "el servicio no rechazó el secreto"


@pytest.mark.criterion("DG-07")
def test_only_plain_files_are_received(target: Target, tmp_path: Path, record_evidence: Record) -> None:
    """El servicio rsync recibe archivos y carpetas con su hora, y rechaza cualquier otra opción del cliente."""

    def accepts(option: str) -> bool:
        done = rsync(target, "--dry-run", "--recursive", option, f"{tmp_path}/", target.url)
        if done.returncode and REFUSED not in done.stderr:  # such as «Connection refused»: it was not even asked
            pytest.skip(f"no se supo si rechaza {option}: {done.stderr.strip()}")
        return done.returncode == 0

    with ThreadPoolExecutor(AT_ONCE) as pool:
        accepted = [option for option, taken in zip(FORBIDDEN, pool.map(accepts, FORBIDDEN), strict=True) if taken]
    record_evidence(f"rechazadas: {' '.join(option for option in FORBIDDEN if option not in accepted)}")
    assert accepted == []


@pytest.mark.clause("RED-04")
def test_rsync_is_closed_to_anyone_else(
    untrusted: Host, variables: dict[str, Any], call: Spec, record_evidence: Record
) -> None:
    """Desde una dirección que no es confiable, el puerto de rsync no responde."""
    address, port = variables["difusor_public_address"], call.rsync_port
    answer = untrusted.check_output("python3 -c %s %s %s", CONNECT, address, str(port))
    record_evidence(f"{address}, puerto {port}: {answer}")
    assert answer.startswith("cerrado")
