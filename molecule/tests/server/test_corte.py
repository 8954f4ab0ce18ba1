"""The corte on the server: whose signatures count, who may write, and what is public while the gate is closed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from corte.format import manifest
from difusor.publish.target import Target

Record = Callable[[object], None]


@pytest.mark.clause("DG-10", "DG-12")
def test_server_accepts_only_the_listed_signers(host: Host, target: Target, record_evidence: Record) -> None:
    """El servidor reconoce a los firmantes que el Instituto enumera, en su vigencia, y a nadie más."""
    believed = _statements(host.check_output("cat /etc/prep-corte/allowed_signers"))
    revoked = _statements(host.check_output("cat /etc/prep-corte/revoked"))
    record_evidence("; ".join(line.rpartition(" ")[0][:120] for line in believed))
    record_evidence(f"llaves revocadas: {len(revoked)}")
    assert believed == _statements(target.election.allowed_signers)
    assert revoked == _statements(target.election.revoked), "no son las llaves que el Instituto revocó"


@pytest.mark.criterion("DG-10")
@pytest.mark.parametrize("unit", ["prep-corte-intake.service", "prep-corte-gate.service"])
def test_verifier_is_confined(host: Host, unit: str, record_evidence: Record) -> None:
    """Quien verifica y muestra los cortes corre sin privilegios y solo puede escribir en su propio árbol."""
    names = "User,NoNewPrivileges,ProtectSystem,ReadWritePaths,CapabilityBoundingSet,PrivateNetwork"
    shown = dict(line.split("=", 1) for line in host.check_output(f"systemctl show {unit} -p {names}").splitlines())
    record_evidence(shown)
    assert shown["User"] not in ("", "root")
    assert (shown["NoNewPrivileges"], shown["ProtectSystem"]) == ("yes", "strict")
    assert shown["ReadWritePaths"] == "/srv/prep"
    assert shown["CapabilityBoundingSet"] == ""
    assert shown["PrivateNetwork"] == "yes" or unit == "prep-corte-gate.service"


@pytest.mark.clause("DG-05")
def test_a_closed_gate_leaves_nothing_to_serve(host: Host, record_evidence: Record) -> None:
    """Sin el permiso de la compuerta no hay ningún corte donde el servidor web pueda leerlo."""
    flag = host.file("/run/prep-corte/abierto").exists
    shown = host.run("readlink /srv/prep/publico/actual").stdout.strip()
    trees = host.check_output("ls /srv/prep/publico/cortes").split()
    record_evidence(f"permiso: {flag}; árbol público: {shown or 'ninguno'}")
    assert flag or not (shown or trees)


@pytest.mark.clause("DG-04", "DG-10")
def test_nobody_else_can_write_what_is_published(host: Host, record_evidence: Record) -> None:
    """Nada de lo publicado puede ser escrito por otro usuario que el que verifica; los archivos son de solo lectura."""
    foreign = host.check_output(
        "find /srv/prep/publico ! -user prep-corte -o ! -type l -perm /022 -o -type f -perm /222"
    )
    record_evidence(foreign or "ningún archivo ajeno ni escribible")
    assert foreign == ""


@pytest.mark.criterion("DG-10")
def test_log_of_cortes_holds_together(host: Host, status: dict[str, Any], record_evidence: Record) -> None:
    """La bitácora de cortes recibidos, rechazados y mostrados está encadenada, y el estado público dice su final."""
    log = host.file("/srv/prep/almacen/bitacora.jsonl")
    if not log.exists or not log.size:
        pytest.skip("aún no hay bitácora: no ha llegado ningún corte")
    lines = log.content_string.splitlines()
    first = json.loads(lines[0])
    # A log that was damaged goes on in a new segment, which names the head that it should have followed.
    previous = first["previous"] if first["event"] == "segment" else "0" * 64
    for line in lines:
        assert json.loads(line)["previous"] == previous
        previous = manifest.digest(line.encode())
    record_evidence(f"{len(lines)} renglones del segmento {status['log']['segments']}, {previous}")
    assert status["log"]["head"] in {manifest.digest(line.encode()) for line in lines}


def _statements(text: str) -> list[str]:
    """Return the lines of allowed_signers that are neither empty nor comments, without the comment after each key."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [re.sub(r"(\S+ \S+ \S+ \S+).*", r"\1", line) for line in lines]
