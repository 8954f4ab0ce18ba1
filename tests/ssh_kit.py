"""An ssh that goes nowhere, and notes which way OpenSSH would go with the options of an operator behind a jump host."""

from __future__ import annotations

import json
from pathlib import Path

CONFIG = "Host 203.0.113.5\n  Port 2222\n"
SSH = """#!/bin/sh
for last; do :; done
case "$last" in *authorized_keys*) ;; *) ssh -G "$@" >%s ;; esac
exec sh -c "$last"
"""
"""Executes on this machine what Ansible sends to the server; what changes the keys is no login that proves anything."""
ALONE = {"controlpath": "", "loglevel": "DEBUG", "proxyjump": "salto.example"}


def behind_a_jump_host(folder: Path) -> list[str]:
    """Return what makes ansible-playbook use this ssh, with a shared connection, a jump host and a port of a file."""
    config, program = folder / "config", folder / "ssh-G"
    config.write_text(CONFIG)
    program.write_text(SSH % (folder / "way"))
    program.chmod(0o755)
    shared = f"-o ControlMaster=auto -o ControlPersist=60s -o ControlPath={folder}/%C -M -S {folder}/otra -q"
    values = {
        "ansible_ssh_executable": str(program),
        "ansible_ssh_args": f"{shared} -o ProxyJump=salto.example -o User=otra -F {config}",
        "ansible_host": "203.0.113.5",
        "ansible_user": "ana",
    }
    return ["-e", json.dumps(values)]


def way(folder: Path, *names: str) -> dict[str, str]:
    """Return how the login would have gone, in the words of `ssh -G`."""
    said = dict(line.split(" ", 1) for line in (folder / "way").read_text().splitlines() if " " in line)
    return {name: said.get(name, "") for name in names}
