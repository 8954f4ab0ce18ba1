"""The configuration of sudo on releases for which there is no lab."""

from __future__ import annotations

from typing import Any

import pytest
import role_kit

SUDOERS = "etc/sudoers.d/prep-difusor"


@pytest.mark.parametrize(
    ("release", "packages", "has_log"),
    [("jammy", {"sudo"}, True), ("trixie", {"sudo", "sudo-rs"}, True), ("resolute", {"sudo", "sudo-rs"}, False)],
)
def test_sudo_is_asked_for_a_log_file_where_it_knows_one(release: str, packages: set[str], has_log: bool) -> None:
    facts: dict[str, Any] = {"distribution_release": release, "packages": dict.fromkeys(packages)}
    text = role_kit.render("accounts", SUDOERS, {"ansible_facts": facts, "accounts_admin_user": "impepac"})
    assert ("logfile" in text) is has_log
    assert "Defaults use_pty\n" in text
    assert text.endswith("impepac ALL=(ALL:ALL) NOPASSWD: ALL\n")
