"""What the runs of playbooks by which tests alter a lab's server have in common."""

from __future__ import annotations

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
