"""A server as the preflight reads it, which nothing is wrong with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from difusor.servers.preflight import GIGABYTE, Machine

SERVER = Machine(
    facts={
        "distribution": "Ubuntu",
        "distribution_version": "22.04",
        "architecture": "x86_64",
        "env": {"SSH_CONNECTION": "10.9.0.4 50000 10.9.0.10 22"},
        "virtualization_role": "host",
        "virtualization_type": "kvm",
        "processor_count": 2,
        "processor_cores": 8,
        "memtotal_mb": 15_800,
        "devices": {
            "nvme0n1": {"rotational": "0", "sectors": 500 * GIGABYTE // 512},
            "loop0": {"rotational": "0", "sectors": 10**9},
        },
        "default_ipv4": {"interface": "eno-1"},
        "eno_1": {"speed": 1000},
    },
    packages=frozenset({"openssh-server", "nginx", "rsync"}),
    free={"/srv": 50 * GIGABYTE},
    listeners=(("0.0.0.0", 22, "sshd", "ssh.service"), ("::", 80, "nginx", "nginx.service")),
    mhz=2900,
)
WANTED: dict[str, Any] = {
    "releases": {"Ubuntu": ["22.04"], "Debian": ["12"]},
    "free_gb": {"/srv": 10},
    "finished_free_gb": 1,
    "port_owners": {80: "nginx", 873: "rsync"},
    "conflicts": {"firewalld": "las reglas las pone UFW", "snap/docker": "hay otro"},
    "kept_rules": ["allow tcp 8080 0.0.0.0/0 any 10.1.0.0/16 in"],
    "sensorless": {"Debian": ["12"]},
    "trusted": ["10.9.0.0/24", "fd00:9::4"],
}
ON_FILE: dict[str, Any] = {"public_address": "189.240.1.7", "registered": True, "attested": ["HW-05", "DG-09"]}


def with_facts(**facts: Any) -> Machine:
    return replace(SERVER, facts={**SERVER.facts, **facts})
