"""Who may try passwords with su, and where failed ones are counted.

Su has the server's own file, with the project's lines after the one that lets root in.
"""

from __future__ import annotations

import re

import role_kit

THEIRS = """# The server's own
auth       sufficient pam_rootok.so
# auth       required   pam_wheel.so
session    required   pam_limits.so
@include common-auth
"""
LIMITS = "deny=4 fail_interval=900 unlock_time=900\n"


def rendered(stack: str) -> str:
    return role_kit.render("pam", "etc/pam.d/su", {"ansible_facts": {"su_stack": stack}})


def test_the_servers_own_lines_stay_and_a_second_run_changes_nothing() -> None:
    once = rendered(THEIRS)
    lines = once.splitlines()
    assert [line for line in lines if line in THEIRS.splitlines()] == THEIRS.splitlines()
    assert lines[1].endswith("pam_rootok.so")
    assert lines[5:7] == [
        "auth [success=1 default=ignore] pam_succeed_if.so quiet user notingroup sudo",
        "auth requisite pam_wheel.so use_uid group=sudo",
    ]
    assert rendered(once) == once


def test_a_file_that_its_owner_made_differently_is_left_as_it_is() -> None:
    other = "auth required pam_deny.so\n"
    assert rendered(other) == other
    assert rendered("").strip() == "", "a file would be made where there is none"


def test_failures_that_any_account_may_cause_are_counted_apart() -> None:
    """Four wrong passwords of the institute's account, given to polkit's helper by anybody, kept it out of sudo."""
    folder = role_kit.ROLES / "pam/templates/usr/share/pam-configs"
    text = "".join((folder / f"prep-difusor-{name}").read_text() for name in ("faillock-notify", "faillock"))
    guards = re.findall(r"\t\[success=1 default=ignore\] pam_succeed_if.so quiet service (\S+) (\S+)\n\t(.*)\n", text)
    known = "sudo:sudo-i:su:su-l:sshd:login"
    assert [(way, services) for way, services, _ in guards] == [("in", known), ("in", known), ("notin", known)]
    assert ["dir=/run/faillock-other" in skipped for *_, skipped in guards] == [True, True, False]
    assert text.count("authfail") == 2 and text.endswith("authfail dir=/run/faillock-other " + LIMITS)
    assert f"\trequisite pam_faillock.so preauth silent {LIMITS}" in text
