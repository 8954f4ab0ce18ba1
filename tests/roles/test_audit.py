"""The audit's rules for machines and releases that no lab has."""

from __future__ import annotations

import pytest
import role_kit

UBUNTU = (
    "/usr/bin/sudo.ws",
    "/usr/lib/aarch64-linux-gnu/utempter/utempter",
    "/usr/lib/cargo/bin/sudo",
    "/usr/lib/polkit-1/polkit-agent-helper-1",
    "/usr/lib/x86_64-linux-gnu/utempter/utempter",
    "/usr/libexec/polkit-agent-helper-1",
    "/usr/sbin/pam_extrausers_chkpwd",
)


@pytest.mark.parametrize("program", UBUNTU)
def test_the_use_of_a_program_with_the_rights_of_others_is_recorded(program: str) -> None:
    facts = {"architecture": "x86_64"}
    rules = role_kit.render("audit", "etc/audit/rules.d/60-prep-difusor.rules", {"ansible_facts": facts})
    assert f"-a always,exit -F path={program} -F perm=x " in rules
