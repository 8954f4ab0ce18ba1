"""How a machine compares with the call before anything is installed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from call_kit import FIRST
from server_kit import ON_FILE, SERVER, with_facts

from difusor import spec
from difusor.servers.diagnosis import diagnose
from difusor.servers.preflight import GIGABYTE, Machine

# Two disks of 60 GB that hold the same, in two arrays.
SECTORS = 60 * GIGABYTE // 512
MIRROR = {
    **{
        name: {
            "rotational": "0",
            "sectors": SECTORS,
            "partitions": {
                f"{name}1": {"sectors": SECTORS // 10, "holders": ["md0"]},
                f"{name}2": {"sectors": str(SECTORS * 9 // 10), "holders": ["md1"]},
            },
        }
        for name in ("sda", "sdb")
    },
    "md0": {"rotational": "0", "sectors": SECTORS // 10},
    "md1": {"rotational": "0", "sectors": SECTORS * 9 // 10},
}


def test_a_good_server_has_no_shortfall() -> None:
    assert [diagnosis.clause.id for diagnosis in diagnose(SERVER, FIRST, **ON_FILE) if not diagnosis.met] == []


@pytest.mark.parametrize(
    ("clause", "server", "found"),
    [
        ("SW-01", with_facts(distribution="Debian", distribution_version="12.9"), "Debian 12"),
        ("HW-01", with_facts(virtualization_role="guest"), "una máquina virtual o contenedor (kvm)"),
        ("HW-02", with_facts(processor_count=1, processor_cores=4), "4 núcleos a 2.9 GHz"),
        ("HW-02", replace(SERVER, mhz=1800), "16 núcleos a 1.8 GHz"),
        ("HW-02", replace(SERVER, mhz=0), "16 núcleos a una velocidad que no declara"),
        ("HW-03", with_facts(memtotal_mb=7_900), "8.3 GB de memoria"),
        (
            "HW-04",
            with_facts(devices={"sda": {"rotational": "1", "sectors": 10**9}}),
            "0 GB en estado sólido y 512 GB en discos giratorios",
        ),
        ("RED-01", with_facts(eno_1={"speed": 10}), "una interfaz de 10 Mbps"),
        ("HW-04", with_facts(devices=MIRROR), "60 GB en estado sólido"),
    ],
)
def test_shortfall_of_the_machine(clause: str, server: Machine, found: str) -> None:
    (shortfall,) = [diagnosis for diagnosis in diagnose(server, FIRST, **ON_FILE) if not diagnosis.met]
    assert (shortfall.clause.id, shortfall.found) == (clause, found)


@pytest.mark.parametrize(
    ("clause", "on_file"),
    [
        ("HW-05", {"attested": ["DG-09"]}),
        ("DG-09", {"attested": ["HW-05"]}),
        ("DG-08", {"registered": False}),
        ("RED-02", {"public_address": "10.0.0.7"}),
        ("RED-02", {"public_address": ""}),
    ],
)
def test_shortfall_of_the_papers(clause: str, on_file: dict[str, Any]) -> None:
    assert [found.clause.id for found in diagnose(SERVER, FIRST, **{**ON_FILE, **on_file}) if not found.met] == [clause]


@pytest.mark.parametrize(("speed", "found"), [(10, ["una interfaz de 10 Mbps"]), (1000, []), (-1, [])])
@pytest.mark.parametrize("place", ["ipv4", "ipv4_secondaries", "ipv6"])
def test_the_card_that_has_the_public_address_is_judged(speed: int, found: list[str], place: str) -> None:
    """The default route may be that of another, by which the server is administered."""
    own = {"address": ON_FILE["public_address"]}
    cards = {
        "interfaces": ["lo", "eno-1", "eno2"],
        "lo": {"type": "loopback", "ipv4": {"address": "127.0.0.1"}, "ipv4_secondaries": [own]},
        "eno_1": {"type": "ether", "ipv4": {"address": "10.0.0.7"}, "speed": 10},
        "eno2": {"type": "ether", "speed": speed, place: own if place == "ipv4" else [own]},
    }
    told = [each.found for each in diagnose(with_facts(**cards), FIRST, **ON_FILE) if each.clause.id == "RED-01"]
    assert told == found


@pytest.mark.parametrize("speed", [-1, 100, 10_000])
def test_a_card_says_nothing_of_the_link(speed: int) -> None:
    """A card of 10 Gbps may have a link of 20 Mbps behind it: the dictamen measures the link, or reads a contract."""
    found = diagnose(with_facts(eno_1={"speed": speed}), FIRST, **ON_FILE)
    assert "RED-01" not in [diagnosis.clause.id for diagnosis in found]


def test_the_call_of_the_election_decides() -> None:
    """Half the machine meets another call, and only clauses of that call are judged."""
    call = spec.load("ribera-2027")
    half = replace(with_facts(processor_count=1, processor_cores=4, memtotal_mb=8000, eno_1={"speed": 50}), mhz=2400)
    asked = {"public_address": "", "registered": True, "attested": []}
    found = {each.clause.id: each.met for each in diagnose(half, call, **asked)}
    assert found == {
        "SW-01": False, "HW-01": True, "HW-02": True, "HW-03": True, "HW-04": True, "DG-08": True, "DG-09": False
    }  # fmt: skip
    missed = {each.clause.id for each in diagnose(half, FIRST, **asked) if not each.met}
    assert missed == {"HW-02", "HW-03", "HW-05", "RED-01", "RED-02", "DG-09"}


def test_a_contract_attests_the_link() -> None:
    server = with_facts(default_ipv4={})
    on_file = {**ON_FILE, "attested": ["HW-05", "DG-09", "RED-01"]}
    assert all(diagnosis.met for diagnosis in diagnose(server, FIRST, **on_file))


def test_a_document_is_asked_for_each_clause_that_a_call_has_on_paper_alone() -> None:
    own = FIRST["HW-05"].model_copy(update={"id": "DG-15"})
    call = FIRST.model_copy(update={"clauses": (*FIRST.clauses, own)})
    assert [each.clause.id for each in diagnose(SERVER, call, **ON_FILE) if not each.met] == ["DG-15"]
