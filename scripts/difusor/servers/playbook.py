"""Runs a playbook of the project in the operator's terminal, exactly as the plain `ansible-playbook` line would."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import typer

from difusor.project import ROOT, ansible_settings, assignments, home
from difusor.terminal import complain, console, printable
from difusor.terminal.arguments import AskVaultPass, Check, Diff, Difusores, Further, Limit, VaultIds


@dataclass(frozen=True)
class Options:
    """What is passed on to ansible-playbook: its own options, and values of the playbook's variables."""

    check: bool = False
    diff: bool = False
    limit: str | None = None
    ask_vault_pass: bool = False
    vault_ids: Sequence[str] = ()
    values: dict[str, Any] = field(default_factory=dict)
    further: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """Return the options as arguments of Ansible's command line."""
        given = [name for name in ("check", "diff", "ask_vault_pass") if getattr(self, name)]
        return [
            *(f"--{name.replace('_', '-')}" for name in given),
            *(["--limit", self.limit] if self.limit else []),
            *(part for each in self.vault_ids for part in ("--vault-id", each)),
            *(["--extra-vars", json.dumps(self.values, ensure_ascii=False)] if self.values else []),
            *self.further,
        ]


def verb(playbook: str, purpose: str) -> Callable[..., None]:
    """Return the function of a verb that runs a playbook with Ansible's own options and no others.

    `playbook` is a path below the project, `purpose` the verb's help.
    """

    def run(
        inventory: Difusores,
        check: Check = False,
        diff: Diff = False,
        limit: Limit = None,
        ask_vault_pass: AskVaultPass = False,
        vault_id: VaultIds = None,
        further: Further = None,
    ) -> None:
        become(playbook, inventory, Options(check, diff, limit, ask_vault_pass, vault_id or (), further=further or ()))

    run.__doc__ = purpose
    return run


def become(playbook: str, inventories: Sequence[Path], options: Options) -> NoReturn:
    """Print the ansible-playbook command and replace this process by it; output and exit status are then Ansible's.

    An inventory whose files cannot be read is refused here already, because Ansible would print its own English too.

    `playbook` is a path below the project, whose ansible.cfg applies. The printed line works in the project's folder;
    for a home of its own, in any folder.
    """
    from difusor.inventory.sources import file_faults, refusal  # imports pydantic

    if faults := file_faults(inventories):
        complain(refusal(faults))
        raise typer.Exit(1)
    sources = [part for each in inventories for part in ("-i", str(each))]
    settings = ansible_settings() if home() != ROOT else {}
    book = str(ROOT / playbook) if settings else playbook
    command = ["ansible-playbook", *sources, book, *options.arguments()]
    console.print(f"[dim]{printable(assignments(settings) + shlex.join(command))}[/]", soft_wrap=True)
    os.environ.update(ansible_settings())
    os.chdir(ROOT)
    beside = str(Path(sys.executable).parent)
    os.environ["PATH"] = f"{beside}:{os.environ['PATH']}"
    os.execvp(command[0], command)
