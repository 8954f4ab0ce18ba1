"""What the runs of playbooks by which tests alter a lab's server have in common."""

LONGEST = 1800.0
"""Seconds after which a run of a playbook hangs; one against a slow server on a busy machine takes some minutes."""
NO_SCAN = "systemctl stop aiderenew.service"
"""Ends the scan by which AIDE authorises what a run has changed: no test after it reads what that records."""
