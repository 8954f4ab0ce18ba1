"""The configuration of sudo on releases for which there is no lab."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from plugin_kit import load

PROFILE = "etc/profile.d/zz-prep-difusor.sh"
SUDOERS = "etc/sudoers.d/prep-difusor"


@pytest.mark.parametrize("is_rust", [False, True])
def test_sudo_is_asked_for_a_log_file_where_it_knows_one(is_rust: bool) -> None:
    inputs: dict[str, Any] = {"accounts_sudo_is_rust": is_rust, "accounts_admin_user": "instituto"}
    text = role_kit.render("accounts", SUDOERS, inputs)
    assert ("logfile" in text) is not is_rust
    assert "Defaults use_pty\n" in text


def test_sessions_without_a_shell_keep_the_usual_umask() -> None:
    """pam_umask, which Ubuntu has in common-session, reads login.defs for SFTP uploads and cron too."""
    facts = {"packages": {"passwd": "1:4.13+dfsg1-1"}}
    lines = role_kit.render("accounts", "etc/login.defs", {"ansible_facts": facts}).splitlines()
    assert "UMASK 022" in lines and "HOME_MODE 0750" in lines


@pytest.mark.parametrize(
    ("groups", "umask"), [("root", "0027"), ("instituto sudo users", "0027"), ("deploy www-data sudoers", "0022")]
)
def test_what_an_account_without_sudo_publishes_can_be_read(groups: str, umask: str, tmp_path: Path) -> None:
    """`git pull` in a shell is how an outlet's site is published, and its web server is another account."""
    profile = role_kit.render("accounts", PROFILE, {})
    known = f"id() {{ echo {groups}; }}\numask 022\n"
    (tmp_path / "profile").write_text(known + profile)
    done = subprocess.run(["sh", "-c", f". {tmp_path}/profile; umask"], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{umask}\n", "")


OWNERS = "TMOUT=900; readonly TMOUT; export TMOUT\n"


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("options", "owners", "found"),
    [("-c", "", "none"), ("-ic", "", "600"), ("-c", OWNERS, "900"), ("-ic", OWNERS, "900")],
    ids=["job", "typed", "job-owners", "typed-owners"],
)
def test_a_job_of_another_account_runs_whatever_the_owners_profile_says(
    shell: str, options: str, owners: str, found: str, tmp_path: Path
) -> None:
    """As `su - respaldo -c …` does from cron; a shell in which somebody types ends after ten minutes without a word."""
    profile = tmp_path / "profile"
    profile.write_text(f"{owners}. {tmp_path}/ours\n")
    (tmp_path / "ours").write_text(role_kit.render("accounts", PROFILE, {}))
    twice = f". {profile}; . {tmp_path}/ours; echo ${{TMOUT:-none}}"
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [shell, options, twice], env=environment, capture_output=True, text=True, start_new_session=True
    )
    assert (done.returncode, done.stdout) == (0, f"{found}\n"), done.stderr
    assert "TMOUT" not in done.stderr, "nobody is told of a read-only variable"


@pytest.mark.parametrize(("password", "rule"), [("", "NOPASSWD: ALL"), ("$6$x$y", "ALL")])
def test_only_a_rule_without_a_password_is_read_after_the_owners(password: str, rule: str) -> None:
    """The last rule that fits holds: `%sudo ALL=(ALL:ALL) ALL` in a file of the owner's would ask for a password.

    An account that has one may have a rule of the owner's by which nobody asks for it, and a run was begun without it.
    """
    inputs = {"accounts_admin_user": "instituto", "accounts_admin_password_hash": password}
    inputs |= {"ansible_facts": {"user_id": "ubuntu", "packages": {"sudo": "1.9"}}}
    names = [path.name.removesuffix(".j2") for path in (role_kit.ROLES / "accounts/templates/etc/sudoers.d").iterdir()]
    found = {name: role_kit.render("accounts", f"etc/sudoers.d/{name}", inputs) for name in names}
    (name,) = (name for name, text in found.items() if f"instituto ALL=(ALL:ALL) {rule}\n" in text)
    assert (sorted([name, "90-cloud-init-users", "sysadmins"])[-1] == name) is (password == "")
    assert "".join(found.values()).count("instituto") == 1


@pytest.mark.parametrize(
    ("inputs", "proved"),
    [
        ({}, True),
        ({"accounts_admin_password_hash": "$6$x"}, False),
        ({"accounts_revoked": True}, False),
        ({"ansible_check_mode": True}, False),
        ({"ansible_facts": {"packages": {}}}, False),
    ],
)
def test_an_account_without_a_password_is_proved_to_become_root(inputs: dict[str, Any], proved: bool) -> None:
    given = {"ansible_facts": {"packages": {"sudo": "1.9"}}, "ansible_check_mode": False, **inputs}
    assert role_kit.value("accounts", "_accounts_proves_sudo", given) is proved


def test_the_institutes_account_ends_on_no_day() -> None:
    """Neither by its password's age nor by its own day: an outlet may have made it until a day before the election."""
    tasks = yaml.safe_load((role_kit.ROLES / "accounts/tasks/admit.yml").read_text())
    (made,) = (task["ansible.builtin.user"] for task in tasks if "ansible.builtin.user" in task)
    assert (made["password_expire_max"], made["expires"]) == (99999, -1)


def test_sudo_asks_for_no_password_that_is_not_there_yet() -> None:
    tasks = yaml.safe_load((role_kit.ROLES / "accounts/tasks/main.yml").read_text())
    assert [each["ansible.builtin.import_tasks"] for each in tasks][:2] == ["password.yml", "configure.yml"]


@pytest.mark.parametrize("playbook", ["server", "restore"])
def test_every_run_that_sets_the_password_asks_first_whose_it_is(playbook: str) -> None:
    plays = yaml.safe_load((role_kit.ROLES.parent / f"playbooks/{playbook}.yml").read_text())
    named = [task.get("ansible.builtin.import_role", {}) for play in plays for task in play.get("pre_tasks", [])]
    assert {"name": "accounts", "tasks_from": "preflight"} in named


FIRST, SECOND = "AAAAC3NzaC1lZDI1NTE5AAAAIFirst+/one", "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY="
OWN = f"ssh-ed25519 {FIRST} ana@oficina"


@pytest.mark.parametrize(
    ("before", "removed"),
    [
        (None, []),
        ("", []),
        (f"{OWN}\n", []),
        (f'  from="10.0.0.1",no-pty ssh-ed25519 {FIRST} con otro nombre\r\n\n# ssh-ed25519 {SECOND} comentada', []),
        (f"{OWN}\necdsa-sha2-nistp256 {SECOND} luis\n", [SECOND]),
        (f"ssh-ed25519 {SECOND}\n", [SECOND]),
        (f'{OWN}\nrestrict,command="true" ssh-ed25519 {SECOND} prep-difusor-proof\n', []),
        (f'{OWN}\nrestrict,command="sh" ssh-ed25519 {SECOND} prep-difusor-proof\n', [SECOND]),
        (f"ssh-ed25519 {SECOND} mu\xf1oz\n".encode("latin-1"), [SECOND]),
    ],
    ids=[
        "no file",
        "empty",
        "the same",
        "other options",
        "one of two",
        "another",
        "of a proof",
        "feigned",
        "not in UTF-8",
    ],
)
def test_a_key_that_left_is_told_from_one_that_came(before: str | bytes | None, removed: list[str]) -> None:
    text = before.encode() if isinstance(before, str) else before
    read = {"failed": True} if text is None else {"content": base64.b64encode(text).decode()}
    inputs = {"accounts_admin_keys": [f"{OWN}\n", "ssh-ed25519 AAAAnueva eva"], "__accounts_keys": read}
    assert role_kit.value("accounts", "_accounts_removed_keys", inputs) == removed


def test_no_key_left_where_none_was_looked_at() -> None:
    assert role_kit.value("accounts", "_accounts_removed_keys", {"accounts_admin_keys": [OWN]}) == []


def test_sessions_end_after_the_keys_are_changed_and_not_those_of_the_run_itself() -> None:
    """Whoever had stolen the key stayed in, with whatever he had started."""
    admitted = yaml.safe_load((role_kit.ROLES / "accounts/tasks/admit.yml").read_text())
    names = [name for task in admitted for name in task]
    assert names.index("ansible.builtin.slurp") < names.index("ansible.posix.authorized_key")
    included = [
        task.get("ansible.builtin.include_tasks")
        for task in yaml.safe_load((role_kit.ROLES / "accounts/tasks/user.yml").read_text())
    ]
    assert included.index("admit.yml") < included.index("sessions.yml")
    ends, warns, _ = yaml.safe_load((role_kit.ROLES / "accounts/tasks/sessions.yml").read_text())
    for login, runs in (("operador", [True, False]), ("instituto", [False, True])):
        inputs = {"accounts_admin_user": "instituto", "ansible_facts": {"user_id": login}}
        assert [role_kit.value("accounts", task["when"], inputs) for task in (ends, warns)] == runs
        said = role_kit.text("accounts", warns["ansible.builtin.debug"]["msg"], inputs)
        assert ends["ansible.builtin.command"].replace("{{ accounts_admin_user }}", "instituto") in said


def test_sessions_of_a_removed_key_end_also_where_the_run_ended_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of another server ended it after the keys were changed, and no later run found a key that had left."""
    admitted = yaml.safe_load((role_kit.ROLES / "accounts/tasks/admit.yml").read_text())
    note, change = (task for task in admitted if {"ansible.builtin.copy", "ansible.posix.authorized_key"} & set(task))
    assert "ansible.posix.authorized_key" in change, "it is noted before"
    given = {"accounts_admin_user": "instituto", "accounts_admin_keys": [], "ansible_check_mode": False}
    read = {"__accounts_keys": {"content": base64.b64encode(OWN.encode()).decode()}}
    assert role_kit.value("accounts", note["when"], {**given, **read}) is True
    assert role_kit.value("accounts", note["when"], given) is False
    written = tmp_path / "note"
    written.write_text(role_kit.text("accounts", note["ansible.builtin.copy"]["content"], given))
    probe = load("module_utils/probe/server.py")
    assert role_kit.text("accounts", note["ansible.builtin.copy"]["dest"], given) == probe.LINGERING
    monkeypatch.setattr(probe, "LINGERING", str(written))
    (ending,) = (
        task
        for task in yaml.safe_load((role_kit.ROLES / "accounts/tasks/user.yml").read_text())
        if task.get("ansible.builtin.include_tasks") == "sessions.yml"
    )
    for expected in (True, False):
        seen = {"current_state": {"lingering": probe.lingering()}}
        assert role_kit.value("accounts", ending["when"], {**given, "ansible_facts": seen}) is expected
        written.unlink(missing_ok=True)
    *_, last = yaml.safe_load((role_kit.ROLES / "accounts/tasks/sessions.yml").read_text())
    taken = last["ansible.builtin.file"]
    assert (role_kit.text("accounts", taken["path"], given), taken["state"]) == ("/run/prep-difusor.sessions", "absent")
