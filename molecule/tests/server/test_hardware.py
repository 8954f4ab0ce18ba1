"""The machine as the server reports it: the system, processor, memory, disk and address that ANEXO 1 asks for."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
GB = 10**9


@pytest.mark.clause("SW-01")
def test_distribution(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El servidor usa una versión estable de Ubuntu, según /etc/os-release."""
    required = expect("SW-01")
    found = host.system_info
    record_evidence(f"{found.distribution} {found.release} ({found.codename}); se recomienda {required['recommended']}")
    assert found.distribution == required["distribution"].lower(), f"no es {required['distribution']}"
    assert found.release in required["versions"], f"{found.release} no es una versión estable vigente"


@pytest.mark.clause("HW-01")
def test_physical_server(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El servidor es físico: systemd-detect-virt no encuentra máquina virtual ni contenedor."""
    virtualization = host.run("systemd-detect-virt").stdout.strip()
    record_evidence(f"systemd-detect-virt: {virtualization}")
    assert virtualization == expect("HW-01")["virtualization"], f"no es un servidor físico, sino {virtualization}"


@pytest.mark.clause("HW-02")
def test_processor(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El procesador tiene los núcleos físicos y la frecuencia requeridos, según lscpu."""
    required = expect("HW-02")
    described = json.loads(host.check_output("LC_ALL=C lscpu --json"))["lscpu"]
    lscpu = {entry["field"].rstrip(":"): entry["data"] for entry in _flat(described)}
    cores = len(set(host.check_output("lscpu --parse=CORE,SOCKET | grep -v '^#'").split()))
    ghz = _ghz(lscpu, host.file("/proc/cpuinfo").content_string)
    record_evidence(f"{lscpu['Model name']}: {cores} núcleos físicos, {lscpu['CPU(s)']} hilos, {ghz:.2f} GHz")
    assert cores >= required["cores"], f"tiene {cores} núcleos de {required['cores']} requeridos"
    assert ghz >= required["ghz"], f"alcanza {ghz:.2f} GHz de {required['ghz']} requeridos"


@pytest.mark.clause("HW-03")
def test_memory(host: Host, expect: Expect, record_evidence: Record) -> None:
    """La memoria total del servidor (MemTotal) alcanza lo requerido."""
    kib = int(host.check_output("awk '/^MemTotal:/ {print $2}' /proc/meminfo"))
    required = expect("HW-03")["ram_gb"]
    record_evidence(f"MemTotal: {kib} KiB = {kib * 1024 / GB:.1f} GB")
    assert kib * 1024 >= required * GB, f"tiene {kib * 1024 / GB:.1f} GB de {required} requeridos"


@pytest.mark.clause("HW-04")
def test_disk(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El sistema reside en unidades de estado sólido con la capacidad requerida, según lsblk."""
    required = expect("HW-04")
    source = host.check_output("findmnt --noheadings --nofsroot --output SOURCE,FSTYPE /")
    listing = host.run("lsblk --json --bytes --inverse --output NAME,TYPE,SIZE,ROTA %s", source.split()[0])
    tree = json.loads(listing.stdout)["blockdevices"] if listing.succeeded else []
    disks = {each["name"]: each for each in _flat(tree) if each["type"] == "disk"}
    record_evidence(f"/ reside en {source}")
    for disk in disks.values():
        kind = "disco giratorio" if disk["rota"] else "estado sólido"
        record_evidence(f"{disk['name']}: {disk['size'] / GB:.0f} GB, {kind}")
    assert disks, f"/ no reside en una unidad de disco propia del servidor, sino en {source}"
    assert not any(disk["rota"] for disk in disks.values()), "una unidad es un disco giratorio"
    gb = sum(disk["size"] for disk in disks.values()) / GB
    assert gb >= required["disk_gb"], f"tiene {gb:.0f} GB de {required['disk_gb']} requeridos"


@pytest.mark.clause("RED-02")
def test_public_address(variables: dict[str, Any], host: Host, record_evidence: Record) -> None:
    """La dirección del servidor es pública: pertenece a Internet y no a una red privada."""
    address = ipaddress.ip_address(variables["difusor_public_address"])
    own = host.check_output("ip -brief address show to %s", str(address))
    record_evidence(f"{address}, {'en el propio servidor' if own else 'en un equipo delante del servidor'}")
    assert address.is_global, f"{address} no es una dirección pública de Internet"


def _flat(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all nodes of lsblk's tree (`children`), parents first."""
    return [found for node in nodes for found in [node, *_flat(node.get("children", []))]]


def _ghz(lscpu: dict[str, str], cpuinfo: str) -> float:
    """Return the frequency in GHz: the maker's nominal one, else the kernel's maximum, else the fastest core's now."""
    if named := re.search(r"@ ([\d.]+)GHz", lscpu["Model name"]):
        return float(named[1])
    if "CPU max MHz" in lscpu:
        return float(lscpu["CPU max MHz"]) / 1000
    return max(map(float, re.findall(r"cpu MHz\s*: ([\d.]+)", cpuinfo)), default=0.0) / 1000
