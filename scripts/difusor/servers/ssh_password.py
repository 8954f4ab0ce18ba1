"""Enters a server with the password that its inventory declares, which ssh finds in its environment and nowhere else.

As with Ansible, ssh asks a program for it: no sshpass is needed, and no list of processes shows the password.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from difusor.project import refuse_unrunnable

NAMES = ("ansible_ssh_password", "ansible_ssh_pass", "ansible_password")
"""The variables in which Ansible finds the password of ssh; the first that is there counts."""
ONCE = "-o NumberOfPasswordPrompts=1"
"""Given more often, a wrong one could lock the account."""
PRINTS = Path(__file__).with_name("ssh-password")


def declared(values: Mapping[str, Any]) -> str:
    """Return the password with which a host is entered, "" when its inventory declares none."""
    return next((str(values[name]) for name in NAMES if values.get(name) not in (None, "")), "")


def environment(password: str) -> dict[str, str]:
    """Return the variables with which ssh finds a password; none without one. UnusableError if PRINTS cannot be run."""
    if not password:
        return {}
    refuse_unrunnable(PRINTS)
    return {"SSH_ASKPASS": str(PRINTS), "SSH_ASKPASS_REQUIRE": "force", "DIFUSOR_SSH_PASSWORD": password}
