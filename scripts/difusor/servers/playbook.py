"""Runs a playbook of the project in the operator's terminal, exactly as the plain `ansible-playbook` line would."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Any, NoReturn

import typer

from difusor import process
from difusor.process import surroundings
from difusor.project import ROOT, VAULTS, ansible_settings, assignments, home
from difusor.servers import ansible_options
from difusor.terminal import complain, console, printable, warn
from difusor.terminal.arguments import (
    AskBecomePass,
    AskVaultPass,
    Check,
    Diff,
    Difusores,
    Further,
    Limit,
    VaultIds,
    vault_id,
)

SHOWING = "ANSIBLE_STDOUT_CALLBACK"
"""Ansible's own environment variable: the plugin that shows what a run does."""


@dataclass(frozen=True)
class Options:
    """Ansible's own options, passed on to ansible-playbook: every verb that runs a playbook has them."""

    check: Check = False
    diff: Diff = False
    limit: Limit = None
    ask_become_pass: AskBecomePass = False
    ask_vault_pass: AskVaultPass = False
    vault_id: VaultIds = None
    further: Further = None

    def arguments(self, values: Mapping[str, Any]) -> list[str]:
        """Return the options, and values of the playbook's variables, as arguments of Ansible's command line."""
        given = [name for name in ("check", "diff", "ask_become_pass", "ask_vault_pass") if getattr(self, name)]
        return [
            *(f"--{name.replace('_', '-')}" for name in given),
            *(["--limit", self.limit] if self.limit else []),
            *(part for each in self.vault_id or () for part in ("--vault-id", each)),
            *(["--extra-vars", json.dumps(values, ensure_ascii=False)] if values else []),
            *(self.further or ()),
        ]


def _given(inventory: Difusores) -> list[Path]:
    return inventory


def verb(
    playbook: str,
    purpose: str,
    values: Callable[..., dict[str, Any]] = dict,
    chosen: Callable[..., list[Path]] = _given,
    *,
    whole: str = "",
    missed: str = "",
) -> Callable[..., None]:
    """Return the function of a verb that runs a playbook with the options of `Options`.

    `playbook` is a path below the project, `purpose` the verb's help. The parameters of `values` are the verb's own
    options; it returns the values that they give to variables of the playbook. Those of `chosen` are the options that
    name the inventories, which it returns. `whole`: why it is not done in parts, as a clause; empty when it may be.
    `missed`: what the servers miss that --limit leaves out, as a clause; empty when there is nothing to tell.
    """
    naming = [*signature(chosen, eval_str=True).parameters.values()]
    own = [] if values is dict else [*signature(values, eval_str=True).parameters.values()]

    def run(**given: Any) -> None:
        def taken(parameters: Sequence[Parameter]) -> dict[str, Any]:
            return {each.name: given.pop(each.name) for each in parameters}

        whom, variables = taken(naming), taken(own)
        options = Options(**given)
        is_partial = ansible_options.refuse(options.further or (), options.limit, options.check, whole)
        if is_partial and missed:
            warn(f"con --limit, {missed}: repita sin esa opción en cuanto se pueda")
        become(playbook, chosen(**whom), options, values(**variables))

    # Typer reads the options of a verb from its signature.
    parameters = [*naming, *own, *signature(Options, eval_str=True).parameters.values()]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    vars(run)["__signature__"] = Signature(parameters)
    run.__doc__ = purpose
    return run


def become(playbook: str, inventories: Sequence[Path], options: Options, values: Mapping[str, Any]) -> NoReturn:
    """Print the ansible-playbook command and replace this process by it; output and exit status are then Ansible's.

    `playbook` is a path below the project, whose ansible.cfg applies.
    """
    command = _announced(playbook, inventories, options, values, takes_copies=False)
    os.execvp(command[0], command)


def run(playbook: str, inventories: Sequence[Path], options: Options, values: Mapping[str, Any]) -> int:
    """Print the ansible-playbook command, run it, and return its exit status; what it prints goes to standard error.

    An inventory with a copy of its election is taken: a revocation does not wait for a link. It inherits the password
    that `sudo.ask` was told, because a verb with several runs asks for it once.
    """
    from difusor.servers import sudo  # imports testinfra

    command = _announced(playbook, inventories, options, values, takes_copies=True)
    return subprocess.run(command, stdout=2, check=False, pass_fds=sudo.descriptors()).returncode


def _forget_unloadable() -> None:
    """Have Ansible show what it does as ansible.cfg says where it lacks the way that the operator's shell asks for.

    One such, `yaml`, was in Ansible for years and is still in many shells; with it no run begins.
    """
    name = os.environ.get(SHOWING)
    if not name:
        return
    from ansible.errors import AnsibleError
    from ansible.plugins.loader import callback_loader

    from difusor.inventory.variables import find_plugins

    find_plugins()
    try:
        is_there = callback_loader.get(name, class_only=True) is not None
    except AnsibleError:
        is_there = False
    if not is_there:
        warn(
            f"su entorno dice {SHOWING}={name}, y el Ansible del proyecto no tiene esa forma de mostrar lo que hace: "
            f"se muestra como dice ansible.cfg; quítelo con unset {SHOWING}"
        )
        del os.environ[SHOWING]


def _announced(
    playbook: str, inventories: Sequence[Path], options: Options, values: Mapping[str, Any], *, takes_copies: bool
) -> list[str]:
    """Print a command, make this process's folder and environment the ones that it needs, and return it.

    Inventories whose files cannot be read, or which do not go together, are refused here already, because Ansible
    would print its own English too; and unless `takes_copies`, those with a copy of an election, because Ansible would
    install the lists of the copy. The printed line works in the project's folder; for a home of its own, in any folder.
    """
    from difusor.inventory import linked, together, vaults  # imports pydantic
    from difusor.inventory.sources import file_faults, refusal

    os.environ.update(ansible_settings())
    faults = file_faults(inventories)
    if not (faults or takes_copies):
        faults = linked.copies(inventories)
    faults = faults or together.faults(inventories)  # to which an old copy beside a link would be another election
    if fault := vaults.source_fault(options.vault_id or ()):
        faults.append(fault)
    if faults:
        complain(refusal(faults))
        raise typer.Exit(1)
    if not surroundings.takes_files(place := surroundings.folder()):
        complain(
            f"{place}, donde Ansible deja lo que es de paso, no admite archivos, y nada se tocó en ningún servidor: "
            "libere espacio en ese disco, o corrija de quién es la carpeta, y repita"
        )
        raise typer.Exit(1)
    _forget_unloadable()
    sources = [part for each in inventories for part in ("-i", str(each))]
    settings, book = (process.added, playbook) if home() == ROOT else (ansible_settings(), str(ROOT / playbook))
    command = ["ansible-playbook", *sources, book, *options.arguments(values)]
    console.print(f"[dim]{printable(assignments(settings) + shlex.join(command))}[/]", soft_wrap=True)
    if VAULTS in os.environ:
        os.environ[VAULTS] = ",".join(map(vault_id, vaults.named()))
    os.chdir(ROOT)
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ["PATH"].split(":"):
        os.environ["PATH"] = f"{beside}:{os.environ['PATH']}"
    return command
