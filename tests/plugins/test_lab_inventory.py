"""The lab's inventory: each lab has addresses of its own, and what every task needs is a plain value."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from difusor.lab import night
from difusor.project import ROOT
from difusor.proof.suites import RELEASES

REACHES = ("ansible_host", "ansible_ssh_common_args", "ansible_ssh_private_key_file", "lab", "lab_dir", "lab_ipv4")


def variables(host: str, **environment: str) -> dict[str, Any]:
    """Return the variables of a host as they stand in the inventory, not rendered."""
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", "inventories/demo", "--host", host]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("lab", "number", "chosen"), [("bullseye", "31", ""), ("otro", None, "ribera-2027")])
def test_each_lab_has_its_own_addresses_and_an_election_to_show(lab: str, number: str | None, chosen: str) -> None:
    found = variables("difusor", LAB=lab, LAB_SERVER="vm", LAB_ELECTION=chosen)
    assert [name for name in REACHES if "{{" in found[name]] == [], "Ansible renders these anew in every task"
    assert found["ansible_host"] == f"{found['lab_ipv4']}.10"
    assert found["lab_dir"].endswith(f"/build/lab/{lab}")
    known = shlex.split(found["ansible_ssh_common_args"])[1]
    assert known == f'UserKnownHostsFile="{found["lab_dir"]}/known_hosts"', "ssh ends a name at a space"
    assert found["lab_server"] == "vm"
    assert found["lab_shown"]["election_place"] == "ribera"
    own = found["lab_ipv4"].removeprefix("10.87.")
    assert found["lab_ipv6"] == f"fd00:87:{own}"
    assert own == number if number else 60 <= int(own) < 250


@pytest.mark.parametrize("family", RELEASES)
def test_the_releases_of_a_run_show_different_elections(family: str) -> None:
    """What is tested on one release with one election must not hold for it alone; Debian's three show all of them."""
    given = yaml.safe_load((ROOT / "elections/demo.yml").read_text())["all"]["vars"]
    shown = [given["lab_elections"].get(release, given["lab_election"]) for release in RELEASES[family]]
    assert len(set(shown)) == len(shown)
    assert family != "debian" or sorted(shown) == night.elections()
