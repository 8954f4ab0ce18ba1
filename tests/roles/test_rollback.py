"""The guard that undoes a change of SSH or the firewall: the real script, in a folder that stands for the root."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import role_kit
from ansible_kit import ansible

from difusor.spec.reading import values

SETTINGS = "etc/ssh/sshd_config.d/00-prep-difusor.conf"


class Guard:
    """The script, with the service manager and the firewall's own program taken away."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / "prep-rollback"
        text = role_kit.render("rollback", "usr/local/sbin/prep-rollback", {"rollback_admin_user": "ana"})
        for before, after in {
            "\ncd /\n": f"\ncd {root}\n",
            "9>/run/": f"9>{root}/",
            "=/var/lib/": f"={root}/var/lib/",
            "/lib/ufw/ufw-init": "true",
            "PATH=/usr/sbin": f"PATH={root}/bin:/usr/sbin",
        }.items():
            assert before in text
            text = text.replace(before, after)
        self.path.write_text(text)
        for folder in ("etc/ufw", "etc/default", "etc/ssh/sshd_config.d", "var/lib", "bin"):
            (root / folder).mkdir(parents=True)
        for name in ("systemctl", "systemd-run"):
            (root / "bin" / name).symlink_to("/bin/true")
        (root / "etc/default/ufw").touch()
        (root / "etc/ufw/ufw.conf").write_text("ENABLED=no\n")
        self.write("antes")

    def write(self, text: str) -> None:
        (self.root / SETTINGS).write_text(text)

    def reads(self) -> str:
        return (self.root / SETTINGS).read_text()

    def __call__(self, verb: str) -> int:
        return subprocess.run(["sh", str(self.path), verb], check=False).returncode


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    return Guard(tmp_path)


def test_a_change_that_nobody_proves_is_undone_and_cannot_be_proved_afterwards(guard: Guard) -> None:
    guard("arm")
    guard.write("después")
    assert guard("restore") == 0
    assert guard.reads() == "antes"
    assert guard("cancel") != 0, "who comes late must hear that his change is not in force"
    assert guard("cancel") != 0


@pytest.mark.parametrize("before", ['{"/etc/x": "absent"}', None])
def test_what_the_undone_run_wrote_is_no_longer_expected_of_the_server(guard: Guard, before: str | None) -> None:
    """The countdown would be red for SSH's old file, which is there because it was put back."""
    record = guard.root / "var/lib/prep-difusor/written"
    record.parent.mkdir(parents=True, exist_ok=True)
    if before:
        record.write_text(before)
    guard("arm")
    record.write_text("{}")
    guard("restore")
    assert (record.read_text() if record.exists() else None) == before


def test_a_change_that_another_run_proved_is_proved(guard: Guard) -> None:
    """Two operators at once: the second was told that SSH and the firewall were as before, and they were not."""
    guard("arm")
    guard("arm")
    guard.write("después")
    assert (guard("cancel"), guard("cancel")) == (0, 0)
    assert guard("restore") == 1, "nothing is put back, and who asked for it must not hear that it was"
    assert guard.reads() == "después"


def test_a_change_that_the_timer_has_undone_counts_as_restored(guard: Guard) -> None:
    guard("arm")
    guard.write("después")
    assert (guard("restore"), guard("restore")) == (0, 0)
    assert guard.reads() == "antes"


@pytest.mark.parametrize(("code", "told"), [(0, "quedaron como antes"), (1, "no volvieron atrás (no hay de dónde)")])
def test_who_is_shut_out_hears_whether_the_change_was_undone(code: int, told: str) -> None:
    done = {"__rollback_restored": {"rc": code, "stderr": "no hay de dónde\n"}}
    assert told in role_kit.value("rollback", "rollback_outcome", done)


def test_after_an_undone_change_the_next_one_can_be_proved(guard: Guard) -> None:
    guard("arm")
    guard("restore")
    guard("arm")
    guard.write("después")
    assert guard("cancel") == 0
    assert guard("cancel") == 0
    assert guard.reads() == "después"


def test_a_removal_leaves_no_failed_unit_of_the_project() -> None:
    """`systemctl stop` makes a scan of AIDE fail, and systemd shows a failed unit also without its file."""
    stop, forget = values((role_kit.ROLES / "rollback/tasks/stop.yml").read_text())
    assert (stop["loop"], stop["ansible.builtin.systemd_service"]["state"]) == ("{{ rollback_stopped }}", "stopped")
    argv = forget["ansible.builtin.command"]["argv"].strip("{} ")
    forgotten = role_kit.value("rollback", argv, {"rollback_stopped": ["aiderenew.service"]})
    assert forgotten == ["systemctl", "reset-failed", "prep-rollback.service", "aiderenew.service"]


@pytest.mark.parametrize(
    ("recorded", "late", "unit", "goes_on"),
    [
        (True, False, True, True),
        (False, False, True, False),
        (False, False, False, True),
        (True, True, False, False),  # the gate's unit is among what was found
    ],
)
def test_a_removal_without_the_record_of_before_is_refused_where_the_project_is(
    recorded: bool, late: bool, unit: bool, goes_on: bool
) -> None:
    """A server that was never touched, or was given back already, is still passed over."""
    tasks = values((role_kit.ROLES / "rollback/tasks/found.yml").read_text())
    refusal = next(task["ansible.builtin.assert"] for task in tasks if "ansible.builtin.assert" in task)
    added = ["/etc/systemd/system/prep-corte-gate.service"] if unit else ["/etc/hosts"]
    given = {"rollback_found": {"recorded": recorded, "late": late, "etc": {"added": added}}}
    assert role_kit.value("rollback", refusal["that"], given) is goes_on
    assert (role_kit.ROLES / "corte/templates/etc/systemd/system/prep-corte-gate.service.j2").exists()


FORGET = f"""
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_tasks: {role_kit.ROLES}/rollback/tasks/forget.yml
"""


def test_the_record_is_deleted_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """A removal that was killed while it deleted it left half of it, which the next one believed."""
    record, play = tmp_path / "record", tmp_path / "play.yml"
    play.write_text(FORGET)
    (record / "found/etc").mkdir(parents=True)
    (record / "found/etc/passwd").touch()
    aside = f"{record}.old"
    given = json.dumps({"rollback_record": str(record), "_rollback_forgotten": aside})
    done = ansible("playbook", "-i", "localhost,", "-c", "local", "-e", given, play)
    assert done.returncode == 0, done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["play.yml"]
    assert role_kit.value("rollback", "_rollback_forgotten", {"rollback_record": str(record)}) == aside
    moved, _ = values((role_kit.ROLES / "rollback/tasks/forget.yml").read_text())
    assert moved["ansible.builtin.command"]["argv"][0] == "mv", "in one step"
    first = values((role_kit.ROLES / "rollback/tasks/found.yml").read_text())[0]
    assert first["ansible.builtin.import_tasks"] == "forgotten.yml", "nothing is in the way of the next one"


def test_the_preflight_warns_of_a_lost_record() -> None:
    for lost in (True, False):
        told = role_kit.diagnosis(files={"unrecorded": lost})
        assert ("AVISO: este servidor ya es un espejo" in told) is lost


@pytest.mark.parametrize("path", ["rollback/tasks/found.yml", "audit/tasks/remove.yml"])
def test_a_removal_stops_units_before_their_files_go(path: str) -> None:
    added = ["/etc/systemd/system/aiderenew.service", "/etc/systemd/system/aidecheck.timer"]
    found = {"paths": [*added, "/etc/systemd/system/nginx.service.d/prep.conf"], "etc": {"added": added}}
    tasks = values((role_kit.ROLES / path).read_text())
    (stop,) = [task["vars"]["rollback_stopped"] for task in tasks if "rollback_stopped" in task.get("vars", {})]
    assert "aiderenew.service" in role_kit.value("rollback", stop.strip("{} "), {"rollback_found": found})


@pytest.mark.parametrize(
    ("by_socket", "asked"), [(True, "try-restart"), (False, "reload-or-restart")], ids=["ssh.socket", "ssh.service"]
)
def test_sshd_reads_what_was_put_back(guard: Guard, by_socket: bool, asked: str) -> None:
    """At a reload it would lose a socket that ssh.socket has given it; and where that listens, it need not run."""
    program = guard.root / "bin/systemctl"
    program.unlink()
    status = 0 if by_socket else 3
    program.write_text(f'#!/bin/sh\necho "$*" >>{guard.root}/asked\ncase "$*" in *is-active*) exit {status} ;; esac\n')
    program.chmod(0o755)
    guard("arm")
    assert guard("restore") == 0
    told = (guard.root / "asked").read_text().splitlines()
    assert [each for each in told if "ssh.service" in each] == [f"--no-block {asked} ssh.service"]
