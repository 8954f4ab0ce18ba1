"""Every package that a role installs exists under that name on every release; the table says who was asked when."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[2]
TABLE = yaml.safe_load((ROOT / "tests/data/packages.yml").read_text())
RELEASES = {"Debian": ("bullseye", "bookworm", "trixie"), "Ubuntu": ("jammy", "noble", "resolute")}
WIRED = yaml.safe_load((ROOT / "playbooks/group_vars/all.yml").read_text())["packages_of_roles"]


def installed(release: str, tls_mode: str) -> list[str]:
    """Return what the roles' variables name for a server of this release without any package."""
    variables: dict[str, Any] = {}
    for path in sorted((ROOT / "roles").glob("*/defaults/main.yml")) + sorted((ROOT / "roles").glob("*/vars/main.yml")):
        variables |= yaml.safe_load(path.read_text()) or {}
    variables = {name: trust_as_template(each) if isinstance(each, str) else each for name, each in variables.items()}
    facts = {"distribution_release": release, "packages": {}, "virtualization_role": "host"}
    variables |= {"ansible_facts": facts, "nginx_tls_mode": tls_mode}
    templar = Templar(loader=DataLoader(), variables=variables)
    names: list[str] = [*templar.template(trust_as_template(WIRED)), *templar.template(variables["_packages_own"])]
    return names


@pytest.mark.parametrize("release", [release for releases in RELEASES.values() for release in releases])
def test_each_package_exists_in_its_release(release: str) -> None:
    there = {name for row in TABLE.values() if release in row["releases"] for name in row["packages"]}
    assert set(installed(release, "acme")) - there == set()


def test_the_wiring_knows_every_list() -> None:
    lists = {
        name
        for path in (ROOT / "roles").glob("*/defaults/main.yml")
        for name in yaml.safe_load(path.read_text()) or {}
        if name.endswith("_packages")
    }
    assert {name for name in lists if name not in WIRED} == set()


def test_each_row_says_who_was_asked_and_when() -> None:
    for row in TABLE.values():
        assert isinstance(row["debian"], date) and isinstance(row["ubuntu"], date)
        assert set(row["releases"]) <= {release for releases in RELEASES.values() for release in releases}
