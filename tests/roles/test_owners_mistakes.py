"""A mistake in the owner's files of kernel parameters or audit rules is told; it ends neither a run nor a removal."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from plugin_kit import load

TELLING = [("kernel", "apply.yml"), ("audit", "load.yml")]


def tasks(role: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((role_kit.ROLES / role / "tasks" / name).read_text())
    return found


@pytest.mark.parametrize(("role", "name"), TELLING)
def test_only_the_projects_own_values_can_end_a_run(role: str, name: str) -> None:
    *before, judged = tasks(role, name)
    assert "ansible.builtin.assert" in judged
    assert [each["name"] for each in before if "ansible.builtin.debug" not in each and each.get("failed_when", 1)] == []
    used = [each for folder in ("handlers", "tasks") for each in (role_kit.ROLES / role / folder).glob("*.yml")]
    loading = ("systemd-sysctl", "augenrules")
    assert [each.name for each in used if any(word in each.read_text() for word in loading)] == [name]


@pytest.mark.parametrize(
    ("own", "ends"),
    [({"rc": 0, "stderr": ""}, False), ({"skipped": True}, False), ({"rc": 1, "stderr": "Couldn't write '1'"}, True)],
)
def test_a_kernel_that_refuses_the_projects_own_parameters_ends_the_run(own: dict[str, Any], ends: bool) -> None:
    condition = tasks("kernel", "apply.yml")[-1]["ansible.builtin.assert"]["that"]
    assert role_kit.value("kernel", condition, {"__kernel_own": own}) is not ends


@pytest.mark.parametrize(
    ("listed", "ends"),
    [
        ("-w /etc/nginx -p wa -k prep-nginx", False),
        ("-a always,exit -F path=/etc/nginx -F perm=wa -F key=prep-nginx", False),
        ("skipped, since /etc/audit/rules.d/60-prep-difusor.rules does not exist", False),  # a removal
        ("-w /etc/hosts -p wa -k hosts", True),
        ("No rules", True),
    ],
)
def test_audit_rules_of_the_projects_that_are_not_in_force_end_the_run(listed: str, ends: bool) -> None:
    condition = tasks("audit", "load.yml")[-1]["ansible.builtin.assert"]["that"]
    assert role_kit.value("audit", condition, {"__audit_in_force": {"stdout": listed}}) is not ends


def test_a_wrong_rule_of_the_owners_does_not_keep_the_projects_from_being_loaded() -> None:
    """auditctl ends at the first wrong rule, also at boot, unless it has read -i before."""
    facts = {"architecture": "x86_64"}
    folder = "etc/audit/rules.d"
    first = role_kit.render("audit", f"{folder}/00-prep-difusor.rules", {"ansible_facts": facts}).splitlines()
    assert "-i" in first and all(line == "-i" or line.startswith("#") for line in first)


@pytest.mark.parametrize(
    ("said", "logged", "shown"),
    [
        ("There was an error in line 3 of {}/audit.rules", "error in line 2 of x", "{}/rules.d/ajena.rules:2:-w mal"),
        ("", "There was an error in line 3 of {}/audit.rules", "{}/rules.d/ajena.rules:2:-w mal"),
        ("The audit system is disabled", "", "The audit system is disabled"),
    ],
)
def test_the_wrong_rule_is_shown_with_its_file_and_line(said: str, logged: str, shown: str, tmp_path: Path) -> None:
    for name, words in {"auditctl": f"{said.format(tmp_path)} >&2", "journalctl": logged.format(tmp_path)}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho {words}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "audit.rules").write_text("-D\n-b 8192\n-w mal\n")
    (tmp_path / "rules.d/ajena.rules").write_text("# mía\n-w mal\n")
    script = role_kit.value("audit", "_audit_find_wrong", {}).replace("/etc/audit", str(tmp_path))
    done = subprocess.run(
        ["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == shown.format(tmp_path)


@pytest.mark.parametrize("state", ["failed", "active"])
def test_parameters_that_the_kernel_does_not_accept_are_told_before(state: str) -> None:
    said = ["/etc/sysctl.conf:3: Line is not an assignment", "Couldn't write '9' to 'kernel/yama/ptrace_scope'"]
    answers = {"systemctl": [state], "journalctl": [*said, *said]}
    found = load("module_utils/probe/server.py").mistaken(lambda program, *_: answers[program])
    assert found == (said if state == "failed" else [])
