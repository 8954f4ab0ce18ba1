"""The names that somebody reads, and those that only look like one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import yaml

from difusor.inventory.model import NAMES


def role_inputs(roles: Path) -> frozenset[str]:
    """The names that the roles below `roles` take, as their argument_specs.yml list them."""
    return frozenset(
        name
        for specs in roles.glob("*/meta/argument_specs.yml")
        for entry_point in yaml.safe_load(specs.read_text(encoding="utf-8"))["argument_specs"].values()
        for name in entry_point.get("options") or {}
    )


def unknown(names: Iterable[str], root: Path) -> list[str]:
    """A Spanish sentence for each of `names` that nothing reads although it looks as if something should.

    That is: it begins like an input of the project (difusor_, election_, a role's name), or nearly spells one.
    `root` is the project; what playbooks/group_vars wires is known, for it is not the inventory's to get right.
    """
    wired = yaml.safe_load((root / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    known = NAMES | role_inputs(root / "roles") | set(wired)
    prefixes = ("difusor_", "election_", *(f"{role.name}_" for role in (root / "roles").iterdir()))
    sentences = []
    for name in sorted(set(names) - known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        if near or name.startswith(prefixes):
            sentences.append(f"{name}: no existe; {f'¿quiso decir {near[0]}?' if near else 'quítela del inventario.'}")
    return sentences
