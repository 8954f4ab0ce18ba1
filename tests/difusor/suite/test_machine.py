"""The frequency of a processor and the capacity of disks, as programs tell them of real machines."""

from typing import Any

import pytest

from difusor.suite.machine import (
    capacity,
    cores,
    frequencies,
    is_hidden,
    members,
    reachable,
    roots_alone,
    uncovered,
)

GB = 10**9
Node = dict[str, Any]


def node(name: str, kind: str, gb: float, *children: Node) -> Node:
    return {"name": name, "type": kind, "size": gb * GB, "rota": False, "children": list(children)}


def disk(name: str, gb: float) -> Node:
    return node(name, "disk", gb)


def part(of: Node, gb: float) -> Node:
    return node(f"{of['name']}p2", "part", gb, of)


A, B, C = disk("sda", 60), disk("sdb", 60), disk("sdc", 60)


@pytest.mark.parametrize(
    ("tree", "held"),
    [
        (disk("nvme0n1", 480), 480),
        (part(disk("nvme0n1", 480), 20), 480),
        (node("vg-root", "lvm", 40, part(disk("sda", 120), 119)), 120),
        # two of 60 GB, mirrored, hold 60 and not 120; also when only a part of each is in the array
        (node("md0", "raid1", 60, A, B), 60),
        (node("md0", "raid1", 59, part(A, 59), part(B, 59)), 60),
        (node("vg-root", "lvm", 20, node("md0", "raid1", 60, A, B)), 60),
        (node("md0", "raid0", 120, A, B), 120),
        (node("md0", "raid5", 120, A, B, C), 120),
        (node("md0", "raid10", 90, A, B, C), 90),
        (node("vg-root", "lvm", 240, part(A, 60), part(disk("sdd", 200), 200)), 260),
        (
            node(
                "vg-root", "lvm", 50,
                node("vg-root_rimage_0", "lvm", 50, part(A, 60)), node("vg-root_rimage_1", "lvm", 50, part(B, 60)),
            ),
            60,
        ),
    ],
)  # fmt: skip
def test_an_array_counts_as_what_it_holds(tree: Node, held: float) -> None:
    assert capacity([tree]) / GB == pytest.approx(held)


def test_a_disk_counts_once() -> None:
    assert capacity([node("vg-root", "lvm", 100, part(A, 20), part(A, 40))]) / GB == 60


def cpus(**told: list[int]) -> str:
    """Return what the kernel tells of each CPU, by the name of the file."""
    names = {"base": "cpufreq/base_frequency", "nominal": "acpi_cppc/nominal_freq", "most": "cpufreq/cpuinfo_max_freq"}
    given = [(number, names[name], value) for name, values in told.items() for number, value in enumerate(values)]
    return "".join(f"/sys/devices/system/cpu/cpu{number}/{name}:{value}\n" for number, name, value in given)


def threads(count: int, each: int = 1) -> str:
    """Return the CPUs as lscpu lists them, `each` of one core."""
    return "# CPU,Core,Socket\n" + "".join(f"{number},{number // each},0\n" for number in range(count))


@pytest.mark.parametrize(
    ("model", "told", "cpuinfo", "ghz", "what"),
    [
        ("Intel(R) Xeon(R) E-2288G CPU @ 3.70GHz", cpus(most=[5_000_000] * 4), "", 3.7, "nominal"),
        # a processor of 1.8 GHz that reaches 4.0 for a moment does not have 2.0
        ("Xeon Bronze", cpus(most=[4_000_000] * 4, base=[1_800_000] * 4), "", 1.8, "nominal"),
        ("AMD EPYC", cpus(most=[3_600_000] * 4, nominal=[1900] * 4), "", 1.9, "nominal"),
        ("Xeon", cpus(nominal=[2100] * 4, base=[2_000_000] * 4), "", 2.0, "nominal"),
        ("AMD EPYC", cpus(most=[3_600_000] * 4, nominal=[0] * 4), "", 3.6, "máxima; la nominal no se declara"),
        (
            "AMD EPYC", "", "cpu MHz\t\t: 2599.998\ncpu MHz\t\t: 800.0\n", 2.6,
            "la de ahora; la nominal no se declara",
        ),
    ],
)  # fmt: skip
def test_the_frequency_is_the_nominal_one(model: str, told: str, cpuinfo: str, ghz: float, what: str) -> None:
    found, said = cores(threads(4, each=2), model, told, cpuinfo)
    assert ([round(each, 2) for each in found], said) == ([ghz, ghz], f" ({what})")
    assert frequencies(found) == f"{ghz:.2f} GHz"


def test_each_core_has_its_own_frequency() -> None:
    """Six of 2.5 GHz with two threads each and eight of 1.8 are no fourteen of 2.5; the first CPU speaks for itself."""
    listed = threads(12, each=2) + "".join(f"{cpu},{cpu - 6},0\n" for cpu in range(12, 20))
    told = cpus(base=[2_500_000] * 12 + [1_800_000] * 8, most=[4_800_000] * 12 + [3_500_000] * 8)
    found, what = cores(listed, "13th Gen Intel(R) Core(TM) i5-13500", told, "")
    assert found == [2.5] * 6 + [1.8] * 8
    assert frequencies(found) + what == "6 de 2.50 GHz y 8 de 1.80 GHz (nominal)"


def test_cores_of_two_kinds_are_counted_once_each() -> None:
    """lscpu counts those of each kind from zero, so that four and four would be four."""
    listed = "".join(f"{cpu},{cpu % 4},0\n" for cpu in range(8))
    told = cpus(most=[1_800_000] * 4 + [2_400_000] * 4)
    told += "".join(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list:{cpu}\n" for cpu in range(8))
    found, what = cores(listed, "Cortex-A55 y Cortex-A76", told, "")
    assert found == [2.4] * 4 + [1.8] * 4
    assert what == " (máxima; la nominal no se declara)"


def test_a_frequency_that_nobody_tells_is_none() -> None:
    """As on ARM without cpufreq and CPPC, or where some of the CPUs tell theirs."""
    found, what = cores(threads(4), "Neoverse-N1", "", "processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert (found, what) == ([0.0] * 4, "")
    assert frequencies(found) == "frecuencia que no se declara"
    assert cores(threads(4), "Xeon", cpus(base=[2_500_000] * 3), "")[0] == [2.5, 2.5, 2.5, 0.0]


@pytest.mark.parametrize(
    ("options", "alone"),
    [
        ("rw,relatime,size=1024k,mode=700", True),  # as the snap of LXD mounts /var/snap/lxd/common/ns
        ("rw,size=1024k,mode=700,uid=0,gid=0", True),
        ("rw,size=1024k,mode=700,uid=1000,gid=1000", False),
        ("rw,size=1024k,mode=750,gid=27", False),
        ("rw,size=1024k,mode=755", False),
        ("rw,relatime", False),
    ],
)
def test_who_may_enter_what_is_mounted_in_memory(options: str, alone: bool) -> None:
    assert roots_alone(options.split(",")) is alone


def link(name: str, *addresses: str) -> Node:
    return {"ifname": name, "addr_info": [{"local": each} for each in addresses]}


@pytest.mark.parametrize(
    ("links", "leading", "outer", "inner"),
    [
        # a public address of another network card may have a container behind it
        (
            [link("eno1", "10.0.0.5", "fd00::5"), link("eno2", "8.8.4.4"), link("docker0", "172.17.0.1")], {"eno1"},
            ["fd00::5", "8.8.4.4"], ["10.0.0.5", "172.17.0.1"],
        ),
        ([link("eno1", "2606:4700::5")], {"eno1"}, ["2606:4700::5"], []),  # IPv6 only
        ([link("eno1", "10.0.0.5"), link("br-1", "fd01::1")], {"eno1"}, [], ["10.0.0.5", "fd01::1"]),
        ([{}], set(), [], []),  # as `ip` shows an interface that it leaves out
    ],
)  # fmt: skip
def test_every_public_address_is_scanned(
    links: list[Node], leading: set[str], outer: list[str], inner: list[str]
) -> None:
    assert reachable(links, leading) == (outer, inner)


ZPOOL = """rpool	928G	2.6G	925G	-	-	0%	0%	1.00x	ONLINE	-
	mirror-0	928G	2.6G	925G	-	-	0%	0.28%	-	ONLINE
	/dev/nvme0n1p3	930G	-	-	-	-	-	-	-	ONLINE
	/dev/nvme1n1p3	930G	-	-	-	-	-	-	-	ONLINE
spare	-	-	-	-	-	-	-	-	-
	/dev/sdc	-	-	-	-	-	-	-	-	AVAIL
"""
BTRFS = """Label: none  uuid: 8d7b5ee3-8a4f-4f0e-9d1e-2f6e6d4ec0aa
	Total devices 2 FS bytes used 2.10GiB
	devid    1 size 111.00GiB used 4.02GiB path /dev/sda2
	devid    2 size 111.00GiB used 4.02GiB path /dev/sdb2
"""


@pytest.mark.parametrize(
    ("told", "found"),
    [(ZPOOL, ["/dev/nvme0n1p3", "/dev/nvme1n1p3"]), (BTRFS, ["/dev/sda2", "/dev/sdb2"]), ("no pools available", [])],
)
def test_the_devices_of_a_file_system_on_several_are_known(told: str, found: list[str]) -> None:
    assert members(told) == found


@pytest.mark.parametrize(
    ("name", "tran", "vendor", "model", "hidden"),
    [
        ("vda", "virtio", "0x1af4", None, True),
        ("vda", None, None, None, True),
        ("sda", None, "DELL    ", "PERC H730 Mini", True),
        ("sda", None, "HP      ", "LOGICAL VOLUME", True),
        ("sda", "sas", "AVAGO", "MR9361-8i", True),
        ("sda", None, "QEMU", "QEMU HARDDISK", True),
        ("sda", None, "ASR8805 ", "LogicalDrv 0", True),
        ("sda", None, "ASR7805 ", "sistema", True),  # who makes the volume names it
        ("sda", None, "SmartIO", "LogicalDrv 0", True),
        ("sda", None, "Areca   ", "ARC-1226-VOL#000", True),
        ("sda", None, "AMCC    ", "9650SE-4LP DISK", True),
        ("sda", None, "SMC     ", "SMC3108", True),
        ("sda", None, "Intel   ", "RS3DC080", True),
        ("sda", None, "Intel   ", "RMS3CC080", True),
        ("sda", "sata", "ATA     ", "ST4000NM0035-1V4107", False),
        ("sda", "sas", "SEAGATE ", "ST600MM0069", False),
        ("nvme0n1", "nvme", None, "INTEL SSDPE2KX010T8", False),
        ("sda", "sata", "ATA     ", "INTEL SSDSC2KB480G8", False),
        ("sda", "sata", "ATA     ", "TOSHIBA MG04ACA400N", False),
        ("sda", "sas", "HGST    ", "HUC101812CSS204", False),
    ],
)
def test_what_hides_its_disks_says_nothing_of_them(
    name: str, tran: str | None, vendor: str | None, model: str | None, hidden: bool
) -> None:
    assert is_hidden({"name": name, "tran": tran, "vendor": vendor, "model": model}) is hidden


def test_an_address_is_not_covered_by_another_that_begins_like_it() -> None:
    said = ["addresses/networks", "ignored:", "|-", "10.0.0.50", "fd00::/64", "`-", "192.0.2.0/24"]
    assert uncovered(["10.0.0.5", "192.0.2.7", "192.0.2.0/24", "fd00::20", "0.0.2.0"], said) == ["10.0.0.5", "0.0.2.0"]
