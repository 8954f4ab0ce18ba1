"""The lab's inventory: each lab has addresses of its own, and what every task needs is a plain value."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from difusor.project import ROOT

REACHES = ("ansible_host", "ansible_ssh_common_args", "ansible_ssh_private_key_file", "lab", "lab_dir", "lab_ipv4")


def variables(host: str, **environment: str) -> dict[str, Any]:
    """Return the variables of a host as they stand in the inventory, not rendered."""
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", "inventories/demo", "--host", host]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("lab", "number"), [("bookworm", "32"), ("otro", None)])
def test_each_lab_has_its_own_addresses(lab: str, number: str | None) -> None:
    found = variables("difusor", LAB=lab, LAB_SERVER="vm", LAB_ELECTION="ribera-2027")
    assert [name for name in REACHES if "{{" in found[name]] == [], "Ansible renders these anew in every task"
    assert found["ansible_host"] == f"{found['lab_ipv4']}.10"
    assert found["lab_dir"].endswith(f"/build/lab/{lab}")
    assert found["lab_server"] == "vm"
    assert found["lab_shown"]["election_place"] == "ribera"
    own = found["lab_ipv4"].removeprefix("10.87.")
    assert found["lab_ipv6"] == f"fd00:87:{own}"
    assert own == number if number else 60 <= int(own) < 250
