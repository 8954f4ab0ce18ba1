"""Folders that are the project's alone are named by their roles, so that a run mends their modes."""

from __future__ import annotations

from pathlib import Path

import role_kit
import yaml

INPUTS = {"corte_incoming_dir": "/srv/prep/entrada"}


def own(role: Path) -> set[str]:
    """Return the folders of a role's templates in which nobody else has anything; those of systemd only root reads."""
    above = {
        folder for path in (role / "templates").rglob("*") for folder in path.relative_to(role / "templates").parents
    }
    named = {f"/{folder}" for folder in above if "prep" in str(folder) or folder.name == "waf"}
    return {folder for folder in named if not folder.startswith("/etc/systemd/")}


def declared(role: Path) -> set[str]:
    found: set[str] = set()
    for path in (role / "tasks").glob("*.yml"):
        for task in yaml.safe_load(path.read_text()):
            given = task.get("managed_files", {}).get("directories", {})
            found |= {*(role_kit.value(role.name, given.strip("{} "), INPUTS) if isinstance(given, str) else given)}
    return found


def test_every_folder_of_the_projects_own_is_declared() -> None:
    roles = [role for role in sorted(role_kit.ROLES.iterdir()) if (role / "templates").is_dir()]
    wanted = {role.name: own(role) for role in roles}
    assert {role.name: wanted[role.name] - declared(role) for role in roles if wanted[role.name] - declared(role)} == {}
    assert {folder for folders in wanted.values() for folder in folders} == {
        "/etc/prep-corte", "/etc/waf", "/usr/local/lib/prep-containers", "/usr/local/lib/prep-entrada",
        "/usr/share/prep", "/usr/share/prep/avisos",
    }  # fmt: skip
    assert "/usr/local/lib/prep-corte" in declared(role_kit.ROLES / "corte")
