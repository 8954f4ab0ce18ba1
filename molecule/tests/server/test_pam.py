"""Passwords: failed ones lock the account, weak and repeated ones are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

Record = Callable[[object], None]


@pytest.mark.criterion("SW-05")
def test_failed_passwords_lock_for_a_while_and_weak_ones_are_refused(host: Host, record_evidence: Record) -> None:
    """Tras cuatro contraseñas fallidas la cuenta espera quince minutos; una corta o repetida no se acepta."""
    tried = [line for line in active(host, "/etc/pam.d/common-auth") if not line.startswith("session")]
    changed = active(host, "/etc/pam.d/common-password")
    pwscore = host.check_output("grep '^minlen' /etc/security/pwquality.conf")
    record_evidence("; ".join([*tried, *changed, pwscore.strip()]))
    apart = [line for line in tried if "pam_succeed_if.so" in line or "dir=/run/faillock-other" in line]
    assert len(apart) == 4
    modules = [next(word for word in line.split() if word.startswith("pam_")) for line in tried if line not in apart]
    assert modules[:3] == ["pam_faillock.so", "pam_unix.so", "pam_faillock.so"]
    assert all("deny=4" in line and "unlock_time=900" in line for line in tried if "pam_faillock" in line)
    assert [name for line in changed for name in line.split() if name in ("pam_pwquality.so", "pam_pwhistory.so")] == [
        "pam_pwquality.so",
        "pam_pwhistory.so",
    ]
    assert int(pwscore.split("=")[1].split()[0]) >= 15


def active(host: Host, path: str) -> list[str]:
    """Return the lines of a configuration file that are neither empty nor comments."""
    return [line.strip() for line in host.check_output(f"cat {path}").splitlines() if line.strip() and line[0] != "#"]
