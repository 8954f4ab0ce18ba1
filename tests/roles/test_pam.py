"""Who may try passwords with su: the server's own file, with the project's lines after the one that lets root in."""

from __future__ import annotations

import role_kit

THEIRS = """# The server's own
auth       sufficient pam_rootok.so
# auth       required   pam_wheel.so
session    required   pam_limits.so
@include common-auth
"""


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
