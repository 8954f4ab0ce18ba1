"""Reads inventories for the countdown: the servers that are looked at, and a red row for what cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testinfra.host import Host as Shell

from difusor.board import rows
from difusor.countdown.checks import Check, bad
from difusor.inventory import READ, Host, linked, servers
from difusor.inventory.variables import read
from difusor.partners import election
from difusor.project import UnusableError, fallen, given, refusal
from difusor.servers import child, identity, ssh_password

LOOKS = child.Bounds(seconds=30, output_bytes=32 * 1024 * 1024, memory_bytes=None)
"""What one look at one server may take."""

UNASKED = "-o BatchMode=yes"
"""With this ssh asks nobody for a passphrase or about a host key, which thirty at once could only do in a tangle."""


@dataclass(frozen=True)
class Subject:
    """One server of one difusor. `given`: what follows -i; `vantages`: its inventory's trusted ones, by name.

    `is_astray`: nobody can say of which of the home's elections its inventory is.
    """

    name: str
    given: str
    inventory: Path
    host: Host
    values: dict[str, Any] = field(repr=False)
    shell: Shell | None
    vantages: dict[str, Shell]
    is_astray: bool = False

    @property
    def revoked(self) -> str:
        """Since when and why it is off the list; empty when it is on it."""
        return self.host.partner.revocation.told if self.host.partner.revocation else ""


@dataclass(frozen=True)
class Broken:
    """An inventory that cannot be used, and its red check."""

    name: str
    check: Check


def of_election(name: str | None) -> list[Path]:
    """Return the inventories of an election (None: the only one), and those of which nobody can say whose they are.

    UnusableError when there is none, and none of `rehearsing`.
    """
    chosen = election.chosen(name)
    found = [*rows.folders_of(election.file(chosen)), *linked.astray()]
    if not found and not rows.rehearsing(election.file(chosen)):
        raise UnusableError(f"ningún inventario es de {chosen}; diga cuáles con -i, o inscríbalos con ./difusor enroll")
    return found


def rehearsing(name: str | None) -> list[Broken]:
    """Return a red row for each difusor that enrolled in the election and whose inventory links a rehearsal."""
    chosen = election.chosen(name)
    return [
        Broken(
            folder.name,
            bad(
                "inventory",
                f"se inscribió en {chosen}, y su election.yml enlaza un simulacro: no recibiría los cortes de la noche",
                linked.back(folder, chosen),
            ),
        )
        for folder in rows.rehearsing(election.file(chosen))
    ]


def read_all(inventories: Iterable[Path]) -> list[Subject | Broken]:
    """Return every server of these inventories; one that is broken does not keep the others from being looked at."""
    found: list[Subject | Broken] = []
    for inventory in inventories:
        try:
            found += _servers(inventory)
        except (UnusableError, OSError) as error:
            remedy = f"corrija {inventory}; ./difusor preflight -i {given(inventory)} dice todo lo que falta"
            found.append(Broken(inventory.name, bad("inventory", _fault(error), remedy)))
        except Exception as error:  # a fault of this program's: told of this inventory, and the others are looked at
            remedy = f"./difusor preflight -i {given(inventory)} dice si algo del inventario lo causa"
            found.append(Broken(inventory.name, bad("inventory", fallen(error), remedy)))
    return found


def _fault(error: Exception) -> str:
    """Return what is wrong in one line: of a refusal with several faults, only these."""
    lines = [line.strip() for line in refusal(error).splitlines() if line.strip()]
    return "; ".join(line.removeprefix("- ") for line in lines if line.startswith("- ")) or " ".join(lines)


def _servers(inventory: Path) -> list[Subject]:
    variables = read(inventory, only=READ | identity.LOGIN)
    hosts = servers(variables, inventory)
    for values in variables.hosts.values():
        if not ssh_password.declared(values):
            values["ansible_ssh_common_args"] = f"{values.get('ansible_ssh_common_args', '')} {UNASKED}".strip()
    runner = identity.connect(variables, str(inventory), LOOKS)
    others = [name for name in variables.groups.get("trusted_vantage", []) if not _is_here(variables.hosts[name])]
    vantages = {name: shell for name in others if (shell := runner.get_host(name))}
    return [
        Subject(
            name=inventory.name if len(hosts) == 1 else f"{inventory.name}/{host.name}",
            given=given(inventory), inventory=inventory, host=host, values=variables.hosts[host.name],
            shell=runner.get_host(host.name), vantages=vantages, is_astray=linked.is_astray(inventory),
        )
        for host in hosts
    ]  # fmt: skip


def _is_here(values: Mapping[str, Any]) -> bool:
    """Tell whether a vantage point is this machine, which is asked anyway and is no second place."""
    return values.get("ansible_connection") in ("local", "ansible.builtin.local")
