"""The audit's rules for machines and releases that no lab has."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import role_kit
import yaml
from plugin_kit import load

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


@pytest.mark.parametrize("program", ["/usr/bin/dockerd", "/usr/sbin/dockerd"])
def test_a_change_of_the_engines_program_is_recorded(program: str) -> None:
    """Debian has it in another folder than Ubuntu and Docker's own packages."""
    facts = {"architecture": "x86_64"}
    rules = role_kit.render("audit", "etc/audit/rules.d/60-prep-difusor.rules", {"ansible_facts": facts})
    assert f"-w {program} -p wa -k docker" in rules.splitlines()


def test_the_folder_of_each_watched_file_in_run_stands_when_the_rules_are_loaded() -> None:
    """At boot that is before the services that make these folders, and the kernel skips what has no folder."""
    facts = {"architecture": "x86_64"}
    rules = role_kit.render("audit", "etc/audit/rules.d/60-prep-difusor.rules", {"ansible_facts": facts})
    made = role_kit.render("audit", "etc/tmpfiles.d/60-prep-difusor-audit.conf", {})
    watched = {PurePosixPath(path) for path in re.findall(r"(?m)^-w (?:/var)?(/run/\S+)", rules)}
    parents = {str(path.parent) for path in watched} - {"/run"}
    assert PurePosixPath("/run/docker.sock") in watched
    assert parents and parents <= set(re.findall(r"(?m)^d (\S+)", made))


@pytest.mark.parametrize(
    ("facts", "limit"),
    [
        ({}, "2048M"),
        ({"journal_room": 1 << 30}, "2048M"),
        ({"journal_room": 4 << 30}, "4096M"),
        ({"journal_room": 20 << 30}, "20480M"),
        ({"journal_room": (3 << 30) + 1}, "3073M"),
    ],
)
def test_the_journal_loses_nothing_that_it_had_room_for(facts: dict[str, Any], limit: str) -> None:
    inputs = {"ansible_facts": facts, "kernel_shared": False}
    text = role_kit.render("audit", "etc/systemd/journald.conf.d/60-prep-difusor.conf", inputs)
    assert f"SystemMaxUse={limit}\n" in text


@pytest.mark.parametrize(
    ("said", "room"),
    [("20G", 20 << 30), ("1.5G", 3 << 29), ("512M", 512 << 20), ("1048576", 1 << 20), ("", 0), ("x", 0), ("1.2.3G", 0)],
)
def test_the_owners_room_for_the_journal_is_read_as_systemd_reads_it(said: str, room: int, tmp_path: Path) -> None:
    main, usr, etc = tmp_path / "journald.conf", tmp_path / "usr", tmp_path / "etc"
    files = {
        main: "[Journal]\n#SystemMaxUse=9G\nSystemMaxUse=8G\n",
        usr / "50-a.conf": "[Journal]\nSystemMaxUse=7G\n",
        etc / "50-a.conf": "[Journal]\nCompress=yes\n",
        etc / "40-b.conf": f"[Journal]\nSystemMaxUse = {said}\n",
        etc / "60-prep-difusor.conf": "# Managed by prep-difusor\n[Journal]\nSystemMaxUse=2048M\n",
    }
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    probe = load("module_utils/probe/journal.py")
    places = ((str(tmp_path / "none"), str(main)), (str(usr), str(etc)))
    assert probe.owners(*places) == room
    assert probe.owners((), ()) == 0
    assert 0 < probe.room((), (), ("/",)) <= 4 << 30 and probe.room(*places) >= room


LOCKED = ["enabled 2", "failure 1", "pid 700", "backlog_limit 8192"]


@pytest.mark.parametrize(
    ("shared", "state", "command"),
    [
        (False, LOCKED, "augenrules"),
        (False, ["enabled 1", "failure 2"], "augenrules --load"),
        (False, [], "augenrules --load"),
        (True, None, "augenrules"),
    ],
)
def test_rules_that_the_kernel_takes_only_after_a_restart_are_written_and_not_loaded(
    shared: bool, state: list[str] | None, command: str
) -> None:
    """With `-e 2` of the owner's the loading failed in each run, or passed without one rule in force."""
    tasks = yaml.safe_load((role_kit.ROLES / "audit/tasks/load.yml").read_text(encoding="utf-8"))
    (compiled,) = (task["ansible.builtin.command"]["cmd"] for task in tasks if "augenrules {{" in str(task))
    (told,) = (task["when"] for task in tasks if "no admite cambios" in str(task))
    asked = {"skipped": True} if state is None else {"stdout_lines": state}
    inputs = {"kernel_shared": shared, "__audit_state": asked}
    assert role_kit.text("audit", compiled, inputs).strip() == command
    assert role_kit.value("audit", told, inputs) is (state is LOCKED)


def test_the_preflight_knows_that_the_rules_wait_for_a_restart() -> None:
    waits = load("module_utils/probe/files.py").audit_waits
    said = {"-s": LOCKED, "-l": ["-w /etc/passwd -p wa -k identity"]}
    assert waits(lambda *words: said[words[1]])
    assert not waits(lambda *words: {**said, "-l": ["-w /srv/prep -p wa -k prep-corte"]}[words[1]]), "they are in force"
    assert not waits(lambda *words: {**said, "-s": ["enabled 1"]}[words[1]])
    assert not waits(lambda *_: []), "auditd is not installed"


def test_the_database_of_an_owner_who_had_aide_is_never_written() -> None:
    paths = ("aide/aide.conf", "systemd/system/aidecheck.service", "systemd/system/aiderenew.service")
    texts = [role_kit.render("audit", f"etc/{path}", {}) for path in paths]
    texts.append(
        role_kit.render("packages", "etc/apt/apt.conf.d/60prep-difusor", {"ansible_facts": {"distribution": "Debian"}})
    )
    assert all("/var/lib/prep-aide" in text and "/var/lib/aide" not in text for text in texts)
    assert all("StateDirectory=prep-aide\n" in text for text in texts[1:3])
    tasks = yaml.safe_load((role_kit.ROLES / "audit/tasks/remove.yml").read_text(encoding="utf-8"))
    (loop,) = (task["loop"] for task in tasks if "prep-aide" in str(task))
    for added, removed in (([], ["/var/lib/prep-aide"]), (["aide"], ["/var/lib/prep-aide", "/var/lib/aide"])):
        inputs = {"rollback_found": {"packages": {"added": added}}}
        assert role_kit.value("audit", loop.strip("{ }"), inputs) == removed
