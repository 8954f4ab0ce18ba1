"""Ansible's programs as processes of their own, with the project's configuration and without colours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interpreter_kit import Interpreter, Running, interpreter

from difusor.project import ROOT

IMPORTED = (
    "ansible.cli.inventory",
    "ansible.cli.playbook",
    "ansible.executor.module_common",
    "ansible.executor.playbook_executor",
    "ansible.plugins.become.sudo",
    "ansible.plugins.connection.local",
    "ansible.plugins.connection.ssh",
    "ansible.plugins.shell.sh",
    "ansible.plugins.strategy.linear",
    "difusor.inventory.checking",
    "difusor.inventory.hosts",
    "difusor.inventory.names",
    "ansible_forks_kit",
)
SETTINGS = {
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_NOCOLOR": "1",
    # As in ansible.cfg, where it is for ssh only. Without it each module on this machine takes a dozen small processes.
    "ANSIBLE_PIPELINING": "1",
    "NO_COLOR": "1",
}


def ansible(
    *words: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `ansible-WORDS`, such as `playbook -i x, play.yml`; `env` is added, `options` are those of Interpreter.run.

    For each set of Ansible's own variables in `env` Ansible is imported once, because that is when it reads them: let
    them be the same in all tests of a module.
    """
    environment = _environment(env)
    return _interpreter(environment).run("-m", "ansible", *words, cwd=cwd, env=environment, **options)


def start(*words: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, **options: Any) -> Running:
    """Start what `ansible` runs, for a test that looks on or kills it; `options` are those of Interpreter.start."""
    environment = _environment(env)
    return _interpreter(environment).start("-m", "ansible", *words, cwd=cwd, env=environment, **options)


def _environment(added: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a run: this process's without Ansible's variables, SETTINGS, and what is added."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {**others, **SETTINGS, **(added or {})}


def _interpreter(environment: Mapping[str, str]) -> Interpreter:
    """Return the interpreter that has imported Ansible with its own variables of an environment."""
    # In order, because the same ones in another order would be another interpreter.
    own = {name: value for name, value in sorted(environment.items()) if name.startswith("ANSIBLE_")}
    return interpreter(*IMPORTED, **own)
