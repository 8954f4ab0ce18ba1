"""Docker: installed, hardened, and its containers reachable only through nginx."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]


@pytest.mark.clause("SW-02")
def test_engine_runs(host: Host, expect: Expect, record_evidence: Record) -> None:
    """Docker está instalado, en ejecución y habilitado al arranque."""
    version = host.check_output("docker version --format '{{.Server.Version}}'")
    record_evidence(f"Docker {version}")
    required = [int(part) for part in expect("SW-02")["minimum_version"].split(".")]
    assert [int(part) for part in version.split("+")[0].split(".")[:2]] >= required
    assert host.service("docker").is_running
    assert host.service("docker").is_enabled


@pytest.mark.clause("SW-02")
def test_engine_deploys_updates(host: Host, record_evidence: Record) -> None:
    """Docker despliega: los contenedores del PREP y del cortafuegos de aplicaciones corren y están sanos."""
    listing = "docker ps --filter label=prep-difusor.role --format '{{.Names}} {{.Status}}'"
    running = until(
        lambda: host.check_output(listing).splitlines(),
        lambda lines: not any("(health: starting)" in line for line in lines),
        what="cada contenedor tenga un resultado de su propia comprobación",
    )
    record_evidence("; ".join(running))
    assert len(running) == 2
    assert all("(healthy)" in line for line in running)


@pytest.mark.criterion("SW-02", "RED-03")
def test_engine_is_hardened(host: Host, record_evidence: Record) -> None:
    """El motor aísla entre sí los contenedores de la red del PREP, y ellos no se detienen cuando él se reinicia."""
    network = json.loads(host.check_output("docker network inspect prep --format '{{json .Options}}'"))
    info = json.loads(host.check_output("docker info --format '{{json .}}'"))
    record_evidence({"red": network, "LiveRestoreEnabled": info["LiveRestoreEnabled"]})
    assert network["com.docker.network.bridge.enable_icc"] == "false"
    assert info["LiveRestoreEnabled"] is True


@pytest.mark.clause("SW-02", "RED-03")
def test_an_engine_of_the_project_is_closed_for_every_container(host: Host, record_evidence: Record) -> None:
    """El motor que trajo el proyecto niega a todos privilegios nuevos y puertos públicos; el ajeno no cambia."""
    options = json.loads(host.file("/etc/docker/daemon.json").content_string)
    found = host.file("/var/lib/prep-difusor/found/var/lib/dpkg/status").content_string
    before = re.search(r"(?m)^Package: docker(\.io|-ce)\nStatus: \S+ \S+ installed$", found) is not None
    record_evidence({"motor": "del difusor, de antes" if before else "del proyecto", **options})
    closed = {"icc": False, "ip": "127.0.0.1", "no-new-privileges": True, "userland-proxy": False}
    kept = host.file("/var/lib/prep-difusor/found/etc/docker/daemon.json")
    theirs = json.loads(kept.content_string) if kept.exists else {}
    if before:
        # The outlet may have changed its options since; the project's own closed ones must not be among them.
        assert options["live-restore"] is True
        assert not closed.items() <= options.items() or closed.items() <= theirs.items()
    else:
        assert closed.items() <= options.items()


@pytest.mark.clause("RED-03")
def test_no_port_beyond_loopback(host: Host, record_evidence: Record) -> None:
    """Ningún contenedor del PREP publica un puerto fuera de la interfaz local del servidor."""
    identities = host.check_output("docker ps --quiet --filter label=prep-difusor.role").split()
    published = {}
    for container in json.loads(host.check_output(f"docker inspect {' '.join(identities)}")):
        ports = container["NetworkSettings"]["Ports"] or {}
        published[container["Name"].lstrip("/")] = [
            binding["HostIp"] for each in ports.values() for binding in each or []
        ]
    record_evidence(published)
    assert all(address.startswith("127.") for addresses in published.values() for address in addresses)


@pytest.mark.criterion("SW-02", "RED-03")
def test_containers_are_confined(host: Host, record_evidence: Record) -> None:
    """Los contenedores corren sin root, sin capacidades, sin programas setuid y sin escribir en su raíz, con topes."""
    identities = host.check_output("docker ps --quiet --filter label=prep-difusor.role").split()
    for container in json.loads(host.check_output(f"docker inspect {' '.join(identities)}")):
        limits = container["HostConfig"]
        found = {name: limits[name] for name in ("CapDrop", "ReadonlyRootfs", "Memory", "PidsLimit", "CpuShares")}
        record_evidence({"container": container["Name"].lstrip("/"), "User": container["Config"]["User"], **found})
        assert container["Config"]["User"].split(":")[0] not in ("", "0", "root")
        assert limits["CapDrop"] == ["ALL"]
        assert not limits["CapAdd"]
        assert limits["ReadonlyRootfs"] is True
        assert limits["Privileged"] is False
        assert "host" not in (limits["PidMode"], limits["NetworkMode"])
        assert list(container["NetworkSettings"]["Networks"]) == [limits["NetworkMode"]], "está en otra red, además"
        assert "no-new-privileges:true" in limits["SecurityOpt"]
        assert limits["LogConfig"]["Type"] == "local"
        assert int(limits["LogConfig"]["Config"]["max-file"]) > 0
        assert limits["Memory"] == limits["MemorySwap"]
        assert min(limits["Memory"], limits["PidsLimit"], limits["CpuShares"]) > 0
        assert not any("docker.sock" in mount["Source"] for mount in container["Mounts"])
        privileged = host.check_output(f"cd /proc/{container['State']['Pid']}/root && find . -xdev -type f -perm /6000")
        assert not privileged
