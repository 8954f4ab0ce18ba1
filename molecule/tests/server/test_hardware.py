"""The machine as the server reports it: the system, processor, memory, disk and address that ANEXO 1 asks for."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite import machine

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
GB = 10**9
FIND_ROOT = "findmnt --noheadings --nofsroot --bytes --output SOURCE,FSTYPE,SIZE /"
LIST_DISKS = "lsblk --json --bytes --inverse --output NAME,TYPE,SIZE,ROTA,TRAN,VENDOR,MODEL"
# What tells the devices of a file system that manages several by itself.
MEMBERS = {"zfs": "zpool list -vHPL %s", "btrfs": "btrfs filesystem show %s"}


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
    """El procesador tiene los núcleos y la frecuencia requeridos, según lscpu y el núcleo de Linux."""
    required = expect("HW-02")
    described = machine.flat(json.loads(host.check_output("LC_ALL=C lscpu --json"))["lscpu"])
    lscpu = {entry["field"].rstrip(":"): entry["data"] for entry in described}
    # A processor with two kinds of cores may have a name for each.
    model = " y ".join(dict.fromkeys(each["data"] for each in described if each["field"] == "Model name:"))
    threads = host.check_output("lscpu --parse=CPU,CORE,SOCKET")
    told, cpuinfo = host.run(machine.TELL_CPUS).stdout, host.file("/proc/cpuinfo").content_string
    cores, what = machine.cores(threads, model, told, cpuinfo)
    said = f"{len(cores)} núcleos, {lscpu['CPU(s)']} hilos, {machine.frequencies(cores)}{what}"
    record_evidence(f"{model or 'sin nombre'}: {said}")
    assert len(cores) >= required["cores"], f"tiene {len(cores)} núcleos de {required['cores']} requeridos"
    fast, unknown = sum(ghz >= required["ghz"] for ghz in cores), cores.count(0.0)
    if fast < required["cores"] <= fast + unknown:
        pytest.skip("el servidor no dice la frecuencia del procesador; véala en la ficha del fabricante")
    assert fast >= required["cores"], (
        f"{fast} de sus núcleos alcanzan {required['ghz']} GHz; se requieren {required['cores']}"
    )


@pytest.mark.clause("HW-03")
def test_memory(host: Host, expect: Expect, record_evidence: Record) -> None:
    """La memoria total del servidor (MemTotal) alcanza lo requerido."""
    kib = int(host.check_output("awk '/^MemTotal:/ {print $2}' /proc/meminfo"))
    required = expect("HW-03")["ram_gb"]
    record_evidence(f"MemTotal: {kib} KiB = {kib * 1024 / GB:.1f} GB")
    assert kib * 1024 >= required * GB, f"tiene {kib * 1024 / GB:.1f} GB de {required} requeridos"


@pytest.mark.clause("HW-04")
def test_disk(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El sistema reside en unidades de estado sólido con la capacidad requerida, según lsblk; de un RAID, la suya."""
    required = expect("HW-04")
    source, kind, size = host.check_output(FIND_ROOT).split()
    devices = [source]
    if kind in MEMBERS:  # the source is a name of its own, or only one of several devices
        of_all = host.run(MEMBERS[kind], source.partition("/")[0] if kind == "zfs" else "/")
        devices = machine.members(of_all.stdout) or devices
    listing = host.run(f"{LIST_DISKS} {' '.join(['%s'] * len(devices))}", *devices)
    tree = json.loads(listing.stdout)["blockdevices"] if listing.succeeded else []
    disks = {each["name"]: each for each in machine.flat(tree) if each["type"] == "disk"}
    record_evidence(f"/ reside en {source} ({kind}): {', '.join(devices)}")
    if not disks and (kind in MEMBERS or source.startswith("/dev/")):
        pytest.skip(f"lsblk no dice en qué unidades reside {source}; véalo en el servidor")
    assert disks, f"/ no reside en una unidad de disco propia del servidor, sino en {source} ({kind})"
    for disk in disks.values():
        medium = "disco giratorio" if disk["rota"] else "estado sólido"
        record_evidence(f"{disk['name']} {disk['model'] or ''}: {disk['size'] / GB:.0f} GB, {medium}")
    rotating = [each for each in disks.values() if each["rota"] is not required["rotational"]]
    if rotating and all(map(machine.is_hidden, rotating)):
        pytest.skip(
            "un controlador o una máquina virtual no deja ver si la unidad gira; véalo en el propio controlador"
        )
    assert not rotating, "una unidad es un disco giratorio"
    gb = machine.capacity(tree) / GB
    record_evidence(f"capacidad: {gb:.0f} GB")
    assert gb >= required["disk_gb"], f"tiene {gb:.0f} GB de {required['disk_gb']} requeridos"
    if len(devices) > 1 and int(size) / GB < required["disk_gb"]:  # one may hold what another holds too
        pytest.skip(f"de esos {gb:.0f} GB, en / caben {int(size) / GB:.0f}; vea si las unidades guardan copias")


@pytest.mark.clause("RED-02")
def test_public_address(variables: dict[str, Any], host: Host, expect: Expect, record_evidence: Record) -> None:
    """El servidor tiene las direcciones públicas requeridas: pertenecen a Internet y no a una red privada."""
    address, required = ipaddress.ip_address(variables["difusor_public_address"]), expect("RED-02")["addresses"]
    described = json.loads(host.check_output("ip -json address show scope global"))
    found = [each for link in described for each in link.get("addr_info", [])]
    own = {ipaddress.ip_address(each["local"]) for each in found if "local" in each}
    public = {each for each in own | {address} if each.is_global}
    record_evidence(f"{address}, {'en el propio servidor' if address in own else 'en un equipo delante del servidor'}")
    record_evidence(f"públicas: {', '.join(sorted(map(str, public))) or 'ninguna'}")
    assert address.is_global, f"{address} no es una dirección pública de Internet"
    assert len(public) >= required, f"tiene {len(public)} direcciones públicas de {required}"
