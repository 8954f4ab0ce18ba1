"""The passive sensor: the institute's rules need the SHA-256 that the inventory fixes, and can only alert."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from role_kit import ROLES, value

TEMPLATES = Path(__file__).resolve().parents[2] / "roles/suricata/templates/etc"
GIVEN = """# drop what follows
alert http any any -> any any (msg:"{{ uno }}"; sid:1;)
  drop tcp any any -> any any (msg:"reject"; sid:2;)
rejectboth tcp any any -> any any (sid:3;)
"""
INSTALLED = """# drop what follows
alert http any any -> any any (msg:"{{ uno }}"; sid:1;)
alert tcp any any -> any any (msg:"reject"; sid:2;)
alert tcp any any -> any any (sid:3;)
"""


def render(name: str, **variables: object) -> str:
    """Return a file of the role as the server would get it."""
    templar = Templar(loader=DataLoader(), variables={"ansible_managed": "Managed by the test", **variables})
    source = trust_as_template((TEMPLATES / f"{name}.j2").read_text(encoding="utf-8"))
    return str(templar.template(source, escape_backslashes=False, overrides={"trim_blocks": True}) or "")


@pytest.fixture
def rules(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "instituto.rules"
    path.write_text(GIVEN)
    return {"file": str(path), "sha256": hashlib.sha256(GIVEN.encode()).hexdigest()}


def test_rules_of_the_institute_only_alert(rules: dict[str, str]) -> None:
    assert INSTALLED in render("prep-suricata.rules", suricata_enabled=True, suricata_rules=rules)


def test_rules_that_are_not_those_pinned_are_refused(rules: dict[str, str]) -> None:
    rules["sha256"] = "0" * 64
    with pytest.raises(AnsibleError, match=r"instituto\.rules no tiene el SHA-256 que fija el inventario"):
        render("prep-suricata.rules", suricata_enabled=True, suricata_rules=rules)


@pytest.mark.parametrize("name", ["prep-suricata.rules", "prep-suricata.yaml", "systemd/system/suricata.service"])
def test_nothing_stays_of_a_sensor_that_is_off(name: str) -> None:
    assert render(name, suricata_enabled=False).strip() == ""


@pytest.mark.parametrize(("installed", "half_way", "purged"), [(1, 0, True), (0, 1, True), (0, 0, False)])
def test_a_sensor_whose_installation_was_cut_off_is_removed_too(installed: int, half_way: int, purged: bool) -> None:
    """Its package stayed half-installed, and the next apt would have started it by its own unit, as root."""
    task, *_ = yaml.safe_load((ROLES / "suricata/tasks/remove.yml").read_text(encoding="utf-8"))
    facts = {
        "packages": {"suricata": "7"} if installed else {},
        "packages_half_way": {"suricata": "7"} if half_way else {},
        "current_state": {"paths": {"/etc/systemd/system/suricata.service": "file root root 0644 x"}},
    }
    assert value("suricata", task["when"], {"ansible_facts": facts}) is purged
