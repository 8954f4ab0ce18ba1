"""The PREP application's container: it runs the pinned image, can only read, and starts again after a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pinned
import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Record = Callable[[object], None]
Container = dict[str, Any]


@pytest.fixture
def container(host: Host) -> Container:
    """Return what `docker inspect` says of the PREP container; fail unless there is exactly one."""
    names = host.check_output("docker ps --filter label=prep-difusor.role=prep --format '{{.Names}}'").split()
    assert len(names) == 1, f"se esperaba un contenedor del PREP y hay {len(names)}"
    return until(
        lambda: json.loads(host.check_output(f"docker inspect {names[0]}"))[0],
        lambda inspected: inspected["State"]["Health"]["Status"] != "starting",
        what="el PREP tenga un resultado de su propia comprobación",
    )


@pytest.mark.clause("SW-02", "DG-10")
def test_image_is_the_pinned_one(
    host: Host, container: Container, variables: dict[str, Any], record_evidence: Record
) -> None:
    """El contenedor del PREP corre la imagen que el Instituto fijó por su SHA-256."""
    pinned.check(host, container, variables["difusor_prep_image"], record_evidence)


@pytest.mark.clause("DG-10")
def test_application_cannot_alter_what_it_shows(container: Container, record_evidence: Record) -> None:
    """El PREP lee los cortes sin poder alterarlos, y nada más de fuera de su imagen: muestra las páginas de esta."""
    mounts = [(mount.get("Source"), mount["Destination"], mount["RW"]) for mount in container["Mounts"]]
    temporary = sorted(container["HostConfig"]["Tmpfs"] or {})
    told = (f"{source} en {folder}, {'escritura' if rw else 'solo lectura'}" for source, folder, rw in mounts)
    record_evidence("; ".join([*told, f"temporales: {', '.join(temporary)}"]))
    assert mounts == [("/srv/prep/publico", "/srv/prep", False)]
    assert temporary == ["/tmp"]


# Asks Docker's resolver, as a program in the container would, for the address of a name; prints how many answers came.
RESOLVE = """
import socket, struct, sys
name = b"".join(bytes([len(part)]) + part for part in sys.argv[1].encode().split(b".")) + bytes(1)
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(5)
asking.sendto(struct.pack(">6H", 4711, 256, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1), (sys.argv[2], 53))
try:
    print(struct.unpack(">6H", asking.recv(512)[:12])[3])
except OSError:
    print(0)
"""


@pytest.mark.criterion("RED-03")
def test_application_resolves_no_names(
    host: Host, container: Container, variables: dict[str, Any], record_evidence: Record
) -> None:
    """El contenedor del PREP no obtiene la dirección de ningún nombre, que sería una salida para un intruso."""
    name = variables["difusor_fqdn"]
    known = host.run("getent ahostsv4 %s", name).stdout.split()[:1]
    inside = f"nsenter --target {container['State']['Pid']} --net python3 -c %s %s 127.0.0.11"
    answers = host.check_output(inside, RESOLVE, name)
    record_evidence(f"{name} es {known or 'desconocido'} en el servidor; respuestas en el contenedor: {answers}")
    assert answers == "0"


@pytest.mark.criterion("DG-11")
def test_application_recovers(host: Host, container: Container, record_evidence: Record) -> None:
    """El PREP está sano según su propia comprobación y vuelve solo tras un reinicio, o si Docker no lo devuelve."""
    keeper = host.service("prep-containers.service")
    record_evidence(
        f"{container['State']['Health']['Status']}, reinicio {container['HostConfig']['RestartPolicy']['Name']}; "
        f"prep-containers activo={keeper.is_running}, al arranque={keeper.is_enabled}"
    )
    assert keeper.is_running
    assert keeper.is_enabled
    assert container["State"]["Health"]["Status"] == "healthy"
    assert container["HostConfig"]["RestartPolicy"]["Name"] == "always"
