"""Judges what programs tell of a machine: its processor's frequency, its disks' capacity, its addresses, its mounts."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

Node = Mapping[str, Any]
NOT_OF_THE_POOL = re.compile(r"(?m)^\s*(?:logs?|cache|spares?)\b")
"""How `zpool list -v` begins the part with devices that hold nothing for good."""
HIDING = re.compile(
    r"perc|megaraid|lsi|avago|broadcom|\bmr\d{4}|raid|qemu|vmware|virtual|vbox|adaptec|\basr\d|logicaldrv"
    r"|logical volume|\bareca\b|\bamcc\b|3ware|\bsmc(\d{4})?\b|\bintel\s+rm?sp?\d",
    re.I,
)
"""Vendors and models of controllers and virtual machines, which call a disk rotating without knowing what it is.

`Intel RS3DC080` is a volume of Intel's controller; Intel's own units are of the vendor ATA, or have none.
"""
NOMINAL = {"cpufreq/base_frequency": 1_000_000, "acpi_cppc/nominal_freq": 1_000}
"""Where the kernel tells a CPU's nominal frequency, the better one first, and how much of it is a GHz: kHz, or MHz."""
HIGHEST = {"cpufreq/cpuinfo_max_freq": 1_000_000}
SIBLINGS = "topology/thread_siblings_list"
"""Where it tells the CPUs of the same core. lscpu counts cores from zero again for each kind (big.LITTLE)."""
CPU = "/sys/devices/system/cpu/cpu"
TELL_CPUS = f"grep -Hs . {' '.join(f'{CPU}[0-9]*/{name}' for name in (*NOMINAL, *HIGHEST, SIBLINGS))}"
"""Run on the server, prints what the kernel tells of every CPU: they may differ, and one does not stand for all."""


def cores(threads: str, model: str, told: str, cpuinfo: str) -> tuple[list[float], str]:
    """Return the frequency of each core in GHz, 0.0 where nothing tells it, and what it is, as the words after it.

    It is the nominal one, else the maximum, else what the fastest runs at now, for all: others may rest. The maximum
    may be that of one core for a moment (turbo), so it only counts where nothing tells the nominal one.

    `threads`: what `lscpu --parse=CPU,CORE,SOCKET` prints; `told`: what TELL_CPUS prints.
    """
    values = {(cpu, name): value for cpu, name, value in re.findall(rf"(?m)^{CPU}(\d+)/(\S+):(\S+)$", told)}
    of_each, of_others, what = _frequencies(model, values, cpuinfo)
    found: dict[str, float] = {}
    for line in threads.splitlines():
        cpu, _, core = line.partition(",")
        if cpu.isdecimal():
            core = values.get((cpu, SIBLINGS), f"core {core}")
            found[core] = max(found.get(core, 0.0), of_each.get(cpu, of_others))
    return sorted(found.values(), reverse=True), what


def _frequencies(
    model: str, values: Mapping[tuple[str, str], str], cpuinfo: str
) -> tuple[dict[str, float], float, str]:
    """Return the frequency of each CPU by its number, that of all others, and what it is."""
    if named := re.search(r"@ ([\d.]+)GHz", model):
        return {}, float(named[1]), " (nominal)"
    for files, what in ((NOMINAL, " (nominal)"), (HIGHEST, " (máxima; la nominal no se declara)")):
        found: dict[str, float] = {}
        for name, ghz in files.items():
            told = {cpu: int(value) / ghz for (cpu, of), value in values.items() if of == name and value.isdecimal()}
            found = {cpu: each for cpu, each in told.items() if each} | found
        if found:
            return found, 0.0, what
    now = max(map(float, re.findall(r"cpu MHz\s*: ([\d.]+)", cpuinfo)), default=0.0) / 1000
    return {}, now, " (la de ahora; la nominal no se declara)" if now else ""


def frequencies(found: Sequence[float]) -> str:
    """Return the frequencies of cores as people say them, as `2.50 GHz`, or `6 de 2.50 GHz y 8 de 1.80 GHz`."""
    said = Counter(f"{ghz:.2f} GHz" if ghz else "frecuencia que no se declara" for ghz in found)
    return next(iter(said)) if len(said) == 1 else " y ".join(f"{count} de {each}" for each, count in said.items())


def capacity(nodes: Iterable[Node]) -> float:
    """Return the bytes that the disks below a file system hold, from the inverse tree of lsblk, its top first.

    Disks are added up; where a RAID stands between, only the share that it holds counts: of two mirrored disks, one.
    """
    return sum(_held(node, set()) for node in nodes)


def _held(node: Node, counted: set[str]) -> float:
    children = node.get("children", [])
    if not children:
        fresh = node["type"] == "disk" and node["name"] not in counted
        counted.add(node["name"])
        return float(node["size"]) if fresh else 0.0
    below = sum(_held(child, counted) for child in children)
    return below * node["size"] / sum(child["size"] for child in children) if _is_raid(node) else below


def _is_raid(node: Node) -> bool:
    """Tell whether a node is an array: of mdadm or the device mapper, or a mirrored volume of LVM."""
    return node["type"].startswith("raid") or any("_rimage_" in child["name"] for child in node.get("children", []))


def members(told: str) -> list[str]:
    """Return the devices of a file system on several, as `zpool list -vHPL` or `btrfs filesystem show` tells them."""
    return re.findall(r"(?<=\s)/dev/\S+", NOT_OF_THE_POOL.split(told)[0])


def is_hidden(disk: Node) -> bool:
    """Tell whether a disk of lsblk is what a controller or a virtual machine makes of others that nobody sees."""
    named = " ".join(str(disk.get(field) or "") for field in ("vendor", "model"))
    return disk.get("tran") == "virtio" or disk["name"].startswith(("vd", "xvd")) or bool(HIDING.search(named))


def roots_alone(options: Iterable[str]) -> bool:
    """Tell whether only root may enter a tmpfs that is mounted with these options, as mode=700 without a uid."""
    given = dict(option.split("=", 1) for option in options if "=" in option)
    return int(given.get("mode", "1777"), 8) & 0o077 == 0 and given.get("uid", "0") == "0"


def reachable(links: Iterable[Node], leading: Collection[str]) -> tuple[list[str], list[str]]:
    """Divide a server's addresses, as `ip -json address show` tells them, into those that others may reach or not.

    Reachable are public addresses, on whatever interface, and every IPv6 address of the interfaces in `leading`, by
    which the server reaches others.
    """
    outer: list[str] = []
    inner: list[str] = []
    for link in links:
        for text in (each["local"] for each in link.get("addr_info", []) if "local" in each):
            address = ipaddress.ip_address(text)
            is_outer = address.is_global or (address.version == 6 and link["ifname"] in leading)
            (outer if is_outer else inner).append(text)
    return outer, inner


def uncovered(wanted: Iterable[str], words: Iterable[str]) -> list[str]:
    """Return those addresses and networks that are in none of the networks among the words of a program's answer."""
    networks = []
    for word in words:
        with suppress(ValueError):
            networks.append(ipaddress.ip_network(word, strict=False))

    def is_covered(text: str) -> bool:
        network: Any = ipaddress.ip_network(text, strict=False)
        return any(network.version == each.version and network.subnet_of(each) for each in networks)

    return [each for each in wanted if not is_covered(each)]


def flat(nodes: Iterable[Node]) -> list[Any]:
    """Return all nodes of a tree of lsblk or lscpu (`children`), parents first."""
    return [found for node in nodes for found in [node, *flat(node.get("children", []))]]
