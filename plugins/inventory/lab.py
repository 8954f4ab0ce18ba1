"""The inventory of the local lab: which one it is, and where its hosts are, as plain values.

Written as templates in YAML, the same values would be rendered by Ansible anew in every task: a fifth of a run's work.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin

from difusor.lab import packed

DOCUMENTATION = r"""
name: lab
short_description: Which lab this is, and where its hosts are
description:
  - Reads the environment variables E(LAB), E(LAB_SERVER) and E(LAB_ELECTION).
  - Lets the run share with others what Ansible packs of its modules.
  - Gives all hosts the variables C(lab), C(lab_server), C(lab_dir), C(lab_ipv4), C(lab_ipv6) and C(lab_shown), and each
    host of the lab the address, key and known hosts by which it is reached.
author: [prep-difusor]
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [lab]
  hosts:
    description: The last byte of the IPv4 address of each of the lab's hosts.
    type: dict
    required: true
  numbers:
    description: The numbers of known labs, from which their addresses follow.
    type: dict
    required: true
"""


class InventoryModule(BaseInventoryPlugin):
    """Sets the variables of the group `all` and those by which each host is reached."""

    NAME = "lab"

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Set the variables; AnsibleParserError when an option is missing or of the wrong kind."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        packed.share()
        project = Path(path).resolve().parents[2]
        lab = os.environ.get("LAB") or "demo"
        values = named(lab, self.get_option("numbers"), project / "build/lab")
        shown = _shown(lab, inventory.groups["all"].vars)  # of election.yml, which is read before this file
        values["lab_shown"] = loader.load_from_file(str(project / f"elections/{shown}.yml"))["all"]["vars"]
        for name, value in values.items():
            inventory.set_variable("all", name, value)
        for host, number in self.get_option("hosts").items():
            self.inventory.add_host(host)
            for name, value in reached(values, number).items():
                self.inventory.set_variable(host, name, value)


def named(lab: str, numbers: dict[str, int], folder: Path) -> dict[str, Any]:
    """Return the variables of a lab; one without a number gets one of its own, so that it never meets a known one."""
    number = numbers.get(lab, 60 + int(hashlib.md5(lab.encode(), usedforsecurity=False).hexdigest()[:6], 16) % 190)
    return {
        "lab": lab,
        # The difusor is a container (host), or a virtual machine with a kernel of its own (vm).
        "lab_server": os.environ.get("LAB_SERVER") or "host",
        "lab_dir": str(folder / lab),
        "lab_ipv4": f"10.87.{number}",
        "lab_ipv6": f"fd00:87:{number}",
    }


def _shown(lab: str, given: Mapping[str, Any]) -> str:
    """Return the name of the election whose place, offices, institute and call a lab has."""
    return str(os.environ.get("LAB_ELECTION") or given["lab_elections"].get(lab, given["lab_election"]))


def reached(lab: dict[str, Any], number: int) -> dict[str, str]:
    """Return how a host of a lab is reached: with the operator's key, by a host key that the lab has learnt."""
    known = shlex.quote(f'UserKnownHostsFile="{lab["lab_dir"]}/known_hosts"')  # a space would end a name there
    return {
        "ansible_host": f"{lab['lab_ipv4']}.{number}",
        "ansible_ssh_private_key_file": f"{lab['lab_dir']}/operador",
        "ansible_ssh_common_args": f"-o {known} -o IdentitiesOnly=yes",
    }
