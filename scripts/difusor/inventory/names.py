"""Finds misspelt variable names in an inventory: names that look like an input but that nothing reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from difusor.inventory.model import NAMES, Election, variable_names
from difusor.spec import reading, signs

NEAR = 0.88
"""How like a known name another one is that is taken for a mistake in it (difflib's ratio)."""


def role_inputs(roles: Path) -> frozenset[str]:
    """Return the names of the variables that the roles below `roles` accept, from their argument_specs.yml."""
    return frozenset(
        name
        for specs in roles.glob("*/meta/argument_specs.yml")
        for entry_point in reading.values(specs.read_text(encoding="utf-8"))["argument_specs"].values()
        for name in entry_point.get("options") or {}
    )


def unknown(names: Iterable[str], root: Path) -> list[str]:
    """Return a Spanish sentence for each of `names` that looks like an input of the project but that nothing reads.

    A name looks like an input when it begins like one (difusor_, election_, a role's name) or nearly spells one.
    `root` is the project; names set in its playbooks/group_vars are known.
    """
    wired = reading.values((root / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    known = NAMES | role_inputs(root / "roles") | {name for name in wired if not name.startswith("ansible_")}
    prefixes = ("difusor_", "election_", *(f"{role.name}_" for role in (root / "roles").iterdir()))
    sentences = []
    for name in sorted(set(names) - known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=NEAR)
        if near or name.startswith(prefixes):
            sentences.append(f"{name}: no existe; {f'¿quiso decir {near[0]}?' if near else 'quítela del inventario.'}")
    return sentences


def misspelt(names: Iterable[str]) -> list[str]:
    """Return a Spanish sentence for each of `names` that looks like a variable of an election and is none."""
    strange = sorted(name for name in set(names) - variable_names(Election) if is_of_election(name))
    near = {name: _nearest(name, cutoff=0.8) for name in strange}
    return [
        f"{signs.shown(name)}: no existe; {f'¿quiso decir {near[name]}?' if near[name] else 'quítela.'}"
        for name in strange
    ]


@cache
def is_of_election(name: str) -> bool:
    """Tell whether a name is that of a variable of an election, begins like one, or nearly spells one."""
    return name.casefold().startswith("election_") or bool(_nearest(name, cutoff=NEAR))


def _nearest(name: str, cutoff: float) -> str:
    """Return the variable of an election that a name nearly spells; empty when there is none."""
    found = difflib.get_close_matches(name.casefold(), variable_names(Election), n=1, cutoff=cutoff)
    return found[0] if found else ""
