"""When packages are installed: apt's timers wait for the night, and runs for another program's installation."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from machine_kit import FAKED

OPENS, CLOSES = "2024-06-02T20:00:00-06:00", "2024-06-04T02:00:00Z"
# Notes what it is told, and keeps the hold as snapd does: of one that is not set it says so.
SNAP = """#!/bin/sh
cd {}
case $1 in
  get) cat snap.hold 2>/dev/null || {{ echo 'error: snap "core" has no "refresh.hold" option' >&2; exit 1; }} ;;
  set) echo "$@" >>snap.said; echo "${{3#refresh.hold=}}" >snap.hold ;;
  unset) echo "$@" >>snap.said; rm snap.hold ;;
esac
"""


def due(folder: Path, now: str, state: str = "", stale: bool = False, **inputs: Any) -> bool:
    """Return whether the script lets updates through at the instant `now`; `state` is the gate's (empty: no gate)."""
    status = folder / "estado.json"
    if state:
        status.write_text(f'{{"gate": {{"state": "{state}"}}}}')
        written = datetime.fromisoformat(now).timestamp() - (3600 if stale else 0)
        os.utime(status, (written, written))
    given = {
        "packages_held_opens": OPENS,
        "packages_held_closes": CLOSES,
        "packages_gate_status": str(status),
        "_packages_snaps": str(folder / "prep-snaps"),
        **inputs,
    }
    script = folder / "prep-updates-due"
    script.write_text(role_kit.render("packages", "usr/local/sbin/prep-updates-due", given))
    (folder / "snap").write_text(SNAP.format(folder))
    (folder / "snap").chmod(0o755)
    clock = {"FAKETIME": f"@{datetime.fromisoformat(now).astimezone():%Y-%m-%d %H:%M:%S}"}
    environment = {**os.environ, **FAKED, **clock, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", script], env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1) and not done.stderr, done
    assert done.returncode == 0 or "esperan" in done.stdout
    return done.returncode == 0


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2024-06-02T01:59:00Z", True),
        ("2024-06-02T02:01:00Z", False),
        ("2024-06-03T02:00:01Z", False),
        ("2024-06-04T01:59:00Z", False),
        ("2024-06-04T02:00:01Z", True),
    ],
)
def test_updates_wait_from_a_day_before_the_opening_to_the_close(now: str, expected: bool, tmp_path: Path) -> None:
    assert due(tmp_path, now) is expected


@pytest.mark.parametrize(
    ("state", "stale", "expected"), [("open", False, False), ("closed", False, True), ("open", True, True)]
)
def test_a_close_that_a_corte_moved_is_the_gates(state: str, stale: bool, expected: bool, tmp_path: Path) -> None:
    assert due(tmp_path, "2024-06-04T03:00:00Z", state, stale) is expected


def test_without_an_election_nothing_waits(tmp_path: Path) -> None:
    assert due(tmp_path, "2024-06-03T12:00:00Z", packages_held_opens="", packages_held_closes="")
    assert not (tmp_path / "snap.said").exists()


@pytest.mark.parametrize(
    ("now", "hold"),
    [
        ("2024-05-31T12:00:00Z", ""),
        ("2024-06-01T12:00:00Z", "set system refresh.hold=2024-06-04T02:00:00Z\n"),
        ("2024-06-03T12:00:00Z", "set system refresh.hold=2024-06-04T02:00:00Z\n"),
        ("2024-06-04T12:00:00Z", ""),
    ],
)
def test_snaps_are_told_until_when(now: str, hold: str, tmp_path: Path) -> None:
    due(tmp_path, now)
    said = tmp_path / "snap.said"
    assert (said.read_text() if said.exists() else "") == hold


@pytest.mark.parametrize(
    ("theirs", "held"),
    [
        ("forever", "forever"),
        ("2024-06-04T00:00:00-06:00", "2024-06-04T00:00:00-06:00"),
        ("2024-06-03T18:00:00-06:00", "2024-06-04T02:00:00Z"),
        ("2020-01-01T00:00:00Z", "2024-06-04T02:00:00Z"),
        ("", "2024-06-04T02:00:00Z"),
    ],
)
def test_a_longer_hold_of_the_owners_stays_and_a_shorter_one_comes_back(theirs: str, held: str, tmp_path: Path) -> None:
    hold = tmp_path / "snap.hold"
    if theirs:
        hold.write_text(f"{theirs}\n")
    due(tmp_path, "2024-06-03T12:00:00Z")
    assert hold.read_text() == f"{held}\n"
    later = "2024-06-04T08:00:00Z"  # the close was moved, and the hold with it
    due(tmp_path, "2024-06-03T13:00:00Z", packages_held_closes=later)
    assert hold.read_text() == f"{theirs if theirs == 'forever' else later}\n"
    remove(tmp_path)
    assert (hold.read_text().strip() if hold.exists() else "") == theirs
    assert not (tmp_path / "prep-snaps").exists()


@pytest.mark.parametrize("unit", ["fstrim", "mdcheck_start", "mdcheck_continue", "e2scrub_all"])
def test_what_reads_whole_disks_waits_as_updates_do(unit: str) -> None:
    """On the first Sunday of a month, which may be the election's, or on each Monday at midnight."""
    text = role_kit.render("packages", f"etc/systemd/system/{unit}.service.d/prep-difusor.conf", {})
    section = text.partition("[Service]\n")[2].splitlines()
    # fstrim's service may call little and see no network: the sign takes that from the condition.
    assert [line for line in section if "=" in line] == ["ExecCondition=+/usr/local/sbin/prep-updates-due"]


def test_a_hold_that_somebody_changed_since_is_left_by_the_removal(tmp_path: Path) -> None:
    due(tmp_path, "2024-06-03T12:00:00Z")
    (tmp_path / "snap.hold").write_text("forever\n")
    remove(tmp_path)
    assert (tmp_path / "snap.hold").read_text() == "forever\n"


def remove(folder: Path) -> None:
    """Give snaps their hold back as the role's removal does."""
    first = yaml.safe_load((ROLES / "packages/tasks/remove.yml").read_text())[0]["ansible.builtin.shell"]
    record = {"_packages_snaps": str(folder / "prep-snaps")}
    if Path(role_kit.text("packages", first["removes"], record)).exists():
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-c", role_kit.text("packages", first["cmd"], record)], env=environment, check=True)


def test_ubuntus_security_updates_may_bring_packages_of_the_release() -> None:
    text = role_kit.render(
        "packages", "etc/apt/apt.conf.d/60prep-difusor", {"ansible_facts": {"distribution": "Ubuntu"}}
    )
    patterns = [
        line.split('"')[1] for line in text.splitlines() if line.startswith("Unattended-Upgrade::Origins-Pattern::")
    ]
    assert patterns[:2] == [
        "origin=Ubuntu,archive=${distro_codename}",
        "origin=Ubuntu,archive=${distro_codename}-security",
    ]
    assert not [each for each in patterns if "updates" in each or "proposed" in each]


def test_no_other_file_of_apts_makes_a_server_restart_by_itself() -> None:
    """apt follows the file that it has read last, and an outlet's own may have any name."""
    folder = role_kit.ROLES / "packages/templates/etc/apt/apt.conf.d"
    last = max([*(path.name.removesuffix(".j2") for path in folder.iterdir()), "99diario", "local", "unattended"])
    said = role_kit.render("packages", f"etc/apt/apt.conf.d/{last}", {}).splitlines()
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in said
    assert 'APT::Periodic::Unattended-Upgrade "1";' in said


ROLES = Path(__file__).resolve().parents[2] / "roles"


@pytest.mark.parametrize("name", ["dpkg/lock-frontend", "dpkg/lock", "apt/lists/lock"])
def test_a_lock_that_another_program_holds_is_named(name: str, tmp_path: Path) -> None:
    code = yaml.safe_load((ROLES / "packages/vars/main.yml").read_text())["_packages_ask_locks"]
    command = [sys.executable, "-c", code.replace("/var/lib", str(tmp_path))]
    assert subprocess.run(command).returncode == 0  # a server without the files has no lock
    for each in ("dpkg/lock-frontend", "dpkg/lock", "apt/lists/lock"):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    assert subprocess.run(command).returncode == 0
    with (tmp_path / name).open("a") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (75, f"{tmp_path}/{name}\n")


def test_every_transaction_waits_and_suspends_needrestart() -> None:
    paths = [*ROLES.glob("*/tasks/*.yml"), *(ROLES.parent / "playbooks").glob("*.yml")]
    found = 0
    for path in paths:
        for task in flat(yaml.safe_load(path.read_text()) or []):
            apt = task.get("ansible.builtin.apt", {})
            if "name" in apt:
                found += 1
                assert apt["lock_timeout"] == "{{ packages_lock_timeout }}", task["name"]
                assert task["environment"] == "{{ packages_environment }}", task["name"]
    assert found >= 3


def test_the_transaction_of_a_removal_waits_and_brings_back_only_what_could_be_fetched() -> None:
    """Without the archive, or with lists of months ago, apt would stop, and everything of the project's would stay."""
    inputs = {
        "rollback_found": {"packages": {"missing": ["systemd-timesyncd"], "added": ["chrony"]}},
        "__packages_unneeded": {"stdout": "Remv chrony [4.6]"},
    }
    words = role_kit.value("packages", "_packages_exchange", inputs)
    assert words[-3:] == ["purge", "chrony", "systemd-timesyncd+"] and "DPkg::Lock::Timeout=900" in words
    for rc, last in ((0, "systemd-timesyncd+"), (100, "chrony")):
        assert (
            role_kit.value("packages", "_packages_exchange", {**inputs, "__packages_fetched": {"rc": rc}})[-1] == last
        )


def test_a_removal_fetches_lists_before_what_comes_back_and_says_what_does_not() -> None:
    tasks = yaml.safe_load((ROLES / "packages/tasks/exchange.yml").read_text())
    includes = [task.get("ansible.builtin.include_tasks") for task in tasks]
    fetch, tell, exchange = tasks[2:]
    assert includes[:2] == ["wait.yml", "lists.yml"]
    assert fetch["failed_when"] is False and "--download-only" in fetch["ansible.builtin.command"]["argv"]
    inputs = {"_packages_replaced": ["ntp+"], "__packages_fetched": {"rc": 100, "stderr": "E: Unable to fetch"}}
    assert role_kit.value("packages", f"({tell['when']})", inputs) is True
    said = role_kit.text("packages", tell["ansible.builtin.debug"]["msg"], inputs)
    assert "no pudo traer ntp, que" in said and "sudo apt install ntp)" in said and said.endswith("E: Unable to fetch")
    assert [*exchange] == ["name", "block", "rescue"]


def test_every_program_that_takes_a_lock_of_apts_waits_for_it() -> None:
    """apt's timers may take it in the moment after the run found it free."""
    paths = [*ROLES.glob("*/tasks/*.yml"), *(ROLES.parent / "playbooks").glob("*.yml")]
    tasks = [task for path in sorted(paths) for task in flat(yaml.safe_load(path.read_text()) or []) if "name" in task]
    waiting = set()
    for task in tasks:
        command = str(task.get("ansible.builtin.command", ""))
        if re.search(r"apt-get|unattended-upgrade|dpkg .*--configure", command) and "--simulate" not in command:
            waiting.add(task["name"])
            assert "DPkg::Lock::Timeout=" in command or "lock" in task.get("until", "").lower(), task["name"]
    assert waiting >= {"Install the security updates", "Fetch the package lists"}


@pytest.mark.parametrize("name", ["systemd-timesyncd", "ntpsec", "ntp", "openntpd"])
def test_the_time_service_that_chrony_replaced_comes_back(name: str) -> None:
    """Without it the server that is given back would have no service that sets its clock."""
    inputs = {"rollback_found": {"packages": {"missing": ["otro", name], "added": []}}}
    assert role_kit.value("packages", "_packages_replaced", inputs) == [f"{name}+"]


@pytest.mark.parametrize(
    ("names", "told"), [([], ""), (["mysql-server", "php"], " (ya estaban a medias: mysql-server, php)")]
)
def test_what_was_half_way_before_is_named_when_apt_fails(names: list[str], told: str) -> None:
    inputs = {"ansible_facts": {"packages_unfinished": names}}
    assert role_kit.value("packages", "_packages_half_way", inputs) == told
    (task,) = yaml.safe_load((ROLES / "packages/tasks/transaction.yml").read_text())[-1]["rescue"]
    assert "_packages_half_way" in task["ansible.builtin.fail"]["msg"]


SIMULATED = """\
Remv containerd.io [1.7.27-1] [kubelet:amd64 ]
Remv systemd-timesyncd [257.9-1~deb13u1]
Inst chrony (4.6.1-3+deb13u1 Debian:13.5/stable [amd64])
Remvoid
"""


def test_a_package_of_the_owners_is_never_removed_for_the_projects() -> None:
    """As containerd.io of Docker's own archive, on which somebody's Kubernetes runs: docker.io takes its place."""
    evicted = role_kit.value("packages", "_packages_evicted", {"__packages_simulated": {"stdout": SIMULATED}})
    assert evicted == ["containerd.io"]


def test_no_transaction_depends_on_every_source_of_packages() -> None:
    """apt's module fails when one source of the owner's does not answer, unless it is told not to ask them."""
    for path in [*ROLES.glob("*/tasks/*.yml"), *(ROLES.parent / "playbooks").glob("*.yml")]:
        for task in flat(yaml.safe_load(path.read_text()) or []):
            apt = task.get("ansible.builtin.apt", {"update_cache": False})
            assert apt.get("state") == "absent" or apt.get("update_cache") is False, f"{path}: {task['name']}"


def flat(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tasks of a file or of plays, those inside blocks too."""
    inner = ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always")
    return [*entries, *(task for entry in entries for part in inner for task in flat(entry.get(part, [])))]


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("dpkg: error: dpkg frontend lock was locked by another process with pid 812", True),
        ("dpkg: error processing package libblockdev2 (--configure): the clock is wrong", False),
    ],
)
def test_only_a_lock_of_another_program_is_waited_for(said: str, again: bool) -> None:
    """What a package's own script complains of is not over in two minutes."""
    tasks = yaml.safe_load((role_kit.ROLES / "packages/tasks/missing.yml").read_text())
    (ends,) = (task["until"] for task in tasks if "until" in task)
    inputs = {"__packages_finished": {"rc": 1, "stderr": said}}
    assert role_kit.value("packages", f"({ends})", inputs) is not again


@pytest.mark.parametrize(("said", "period"), [(False, "1"), ("false", "1"), ("true", "0")])
def test_upgrades_are_frozen_only_where_it_is_said(said: bool | str, period: str) -> None:
    """What `-e` gives is a text: «false» froze the security updates."""
    text = role_kit.render("packages", "etc/apt/apt.conf.d/zz-prep-difusor", {"packages_updates_frozen": said})
    assert f'Unattended-Upgrade "{period}";' in text


JAILS = "/etc/fail2ban/jail"
RENEWAL = "/etc/letsencrypt/renewal"


@pytest.mark.parametrize(
    ("added", "kept"),
    [
        ([f"{RENEWAL}/prep.conf", f"{JAILS}.d/prep-difusor.local", f"{JAILS}.d/defaults-debian.conf"], []),
        ([f"{RENEWAL}/prep.conf.prep-difusor", f"{JAILS}.conf", f"{JAILS}.d/a.conf.dpkg-old"], []),
        ([f"{RENEWAL}/prep.conf", f"{RENEWAL}/diario.mx.conf"], ["certbot"]),
        ([f"{JAILS}.local"], ["fail2ban", "nftables", "python3-systemd"]),
        ([f"{JAILS}.d/diario.conf"], ["fail2ban", "nftables", "python3-systemd"]),
    ],
)
def test_what_the_owner_has_begun_to_use_is_not_purged(added: list[str], kept: list[str]) -> None:
    """His certificates were renewed no more, and his jails were gone with the package."""
    came = ["certbot", "fail2ban", "nftables", "python3-systemd"]
    found = {"etc": {"added": added}, "packages": {"added": came}, "paths": [f"{JAILS}.d/prep-difusor.local"]}
    given = {"rollback_found": found, "ansible_facts": {"distribution_release": "bookworm"}}
    of_roles = [each for role in ("nginx", "fail2ban") for each in role_kit.value(role, f"{role}_kept", given)]
    assert of_roles == kept
    ours = {**given, "packages_of_roles": came, "packages_kept": of_roles}
    assert sorted(role_kit.value("packages", "packages_ours", ours)) == [each for each in came if each not in kept]
    before = {**found, "packages": {"added": []}}  # and one that was there is as its owner had it
    assert role_kit.value("fail2ban", "fail2ban_kept", {**given, "rollback_found": before}) == []
    named = {"rollback_package": "fail2ban", "rollback_service": "fail2ban", "rollback_packages_before": []}
    called = {**given, **named, "rollback_kept": of_roles}
    runs = role_kit.value("rollback", "rollback_service_ran", called)
    assert runs is ("fail2ban" in kept)
