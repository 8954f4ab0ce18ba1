"""What the runs of playbooks by which tests alter a lab's server have in common."""

from __future__ import annotations

import re
from pathlib import Path

from difusor.project import ROOT

LONGEST = 1800.0
"""Seconds after which a run of a playbook hangs; one against a slow server on a busy machine takes some minutes."""
NO_SCAN = "systemctl stop aiderenew.service"
"""Ends the scan by which AIDE authorises what a run has changed: no test after it reads what that records."""


def roles_path(changed: Path) -> dict[str, str]:
    """Return the environment of all runs: changed copies of roles go before the project's own.

    It is the same where nothing is changed, so that Ansible is imported once for all runs.
    """
    return {"ANSIBLE_ROLES_PATH": f"{changed}:{ROOT / 'roles'}"}


def fault(printed: str) -> str:
    """Return what a run printed of its last failed task: its name, then from its message on, without the command."""
    before, failed, after = printed.rpartition("\nfatal: ")
    task = before.rpartition("\nTASK [")[2].partition("]")[0]
    said = after[max(after.find("msg: "), 0) :].partition("PLAY RECAP")[0]
    return f"{task}: {said}" if failed else ""


def changed_tasks(printed: str) -> list[str]:
    """Return the names of the tasks and handlers that a run printed as changed; with --check, of those that would."""
    told = re.split(r"^(?:TASK|RUNNING HANDLER) \[", printed, flags=re.MULTILINE)[1:]
    return [each.partition("] *")[0] for each in told if re.search(r"^changed: ", each, re.MULTILINE)]
