"""What `difusor upgrade` shows before it does anything, and what may end, delay or shorten it once it has begun."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from difusor.servers import working

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
TEMPLATE = PLAYBOOKS / "templates/upgrade.txt.j2"
# Lines of apt 2.4 on Ubuntu 22.04 and apt 3.0 on Debian 13.
SIMULATED = """\
Reading package lists...
Inst libssl3 [3.0.2-0ubuntu1.18] (3.0.2-0ubuntu1.19 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64]) []
Inst linux-image-6.12.57 (6.12.57-1 Debian-Security:13/stable-security [amd64])
Inst tzdata [2025a-0ubuntu0.22.04] (2025b-0ubuntu0.22.04 Ubuntu:22.04/jammy-updates [all])
Conf libssl3 (3.0.2-0ubuntu1.19 Ubuntu:22.04/jammy-updates [amd64])
"""


def test_pending_updates_are_listed() -> None:
    variables = {"__upgrade_pending": {"stdout": SIMULATED}}
    templar = Templar(loader=DataLoader(), variables=variables)
    text = templar.template(trust_as_template(TEMPLATE.read_text()), overrides={"trim_blocks": True})
    assert text.splitlines() == [
        "De seguridad, que este verbo instala: 2",
        "  libssl3 3.0.2-0ubuntu1.18 → 3.0.2-0ubuntu1.19",
        "  linux-image-6.12.57 6.12.57-1",
        "Otras, que no instala: 1",
        "  tzdata 2025a-0ubuntu0.22.04 → 2025b-0ubuntu0.22.04",
    ]


def play() -> dict[str, Any]:
    (only,) = yaml.safe_load((PLAYBOOKS / "upgrade.yml").read_text())
    return dict(only)


def expression(text: str, **variables: Any) -> Any:
    """Return the value of an expression of the playbook's, with its own variables and these."""
    own = {name: trust_as_template(each) for name, each in play()["vars"].items() if isinstance(each, str)}
    templar = Templar(loader=DataLoader(), variables={**own, **variables})
    return templar.template(trust_as_template(f"{{{{ {text} }}}}"))


@pytest.mark.parametrize(
    ("minutes", "gate", "reason", "allowed"),
    [
        (40, "waiting", "", True),
        (20, "waiting", "", False),
        (20, "waiting", "openssl", True),
        (40, "open", "", False),
        (-10, "", "", False),
        (-10, "open", "openssl", True),
        (-70, "closed", "", True),
        (-70, "open", "", False),  # a corte has moved the close
        (-70, "open", "openssl", True),
    ],
)
def test_half_an_hour_before_the_opening_counts_as_published(
    minutes: int, gate: str, reason: str, allowed: bool
) -> None:
    """The window of one hour opens in so many minutes."""
    opens = datetime.now(UTC) + timedelta(minutes=minutes)
    window = {"election_opens": opens.isoformat(), "election_closes": (opens + timedelta(hours=1)).isoformat()}
    assert expression("upgrade_allowed", __gate={"stdout": gate}, upgrade_reason=reason, **window) is allowed


@pytest.mark.parametrize(
    ("step", "refuses"),
    [("Install the security updates", True), ("Restart the server", False)],
    ids=["install", "restart"],
)
def test_what_may_interrupt_the_page_is_preceded_by_another_look(step: str, refuses: bool) -> None:
    """What came before may have taken half an hour. A gate that opened leaves out the restart, and fails nothing."""
    tasks = play()["tasks"]
    (at,) = (index for index, task in enumerate(tasks) if task["name"] == step)
    look = tasks[at - 1]
    assert look["ansible.builtin.import_tasks"] == "tasks/published.yml"
    assert look["vars"].get("upgrade_refuses", play()["vars"]["upgrade_refuses"]) is refuses
    assert ("upgrade_allowed" in tasks[at].get("when", "")) is not refuses


CURRENT = yaml.safe_load((PLAYBOOKS / "tasks/current.yml").read_text())
PREP, WAF = "prep-0123456789ab", "waf-ba9876543210"


def listed(name: str, port: int | None = None) -> dict[str, Any]:
    """Return what Docker lists of a container that runs, and of one that publishes this port."""
    ports = [{"IP": "127.2.36.70", "PrivatePort": 8080, "PublicPort": port, "Type": "tcp"}] if port else []
    return {"Names": [f"/{name}"], "Ports": [{"PrivatePort": 9000, "Type": "tcp"}, *ports]}


@pytest.mark.parametrize(
    ("seen", "goes_on"),
    [
        ({"containers": [listed("diario"), listed(PREP, 580), listed(WAF)]}, True),
        ({"containers": [{"Names": [f"/{PREP}"], "Ports": []}, listed(WAF)]}, True),
        ({"failed": True, "can_talk_to_docker": False}, True),
        ({"containers": [listed("prep-ffffffffffff", 580), listed("waf-ffffffffffff")]}, False),
        ({"containers": [listed(PREP, 580), listed("waf-ffffffffffff")]}, False),
        ({"containers": [listed(PREP, 24567), listed(WAF)]}, False),
        ({"containers": []}, False),
    ],
    ids=["current", "stopped", "no answer", "other images", "another WAF", "0.1.0 with the same images", "bare"],
)
def test_a_server_of_another_version_is_refused_before_anything_is_installed(
    seen: dict[str, Any], goes_on: bool
) -> None:
    """Its containers never answered where this version waits for them, after all had been installed and restarted."""
    names = [task["name"] for task in play()["tasks"]]
    at = [task.get("ansible.builtin.import_tasks") for task in play()["tasks"]].index("tasks/current.yml")
    assert names.index("Show the updates that are pending") < at < names.index("Wait for other installations")
    look, judge = CURRENT
    assert look["failed_when"] is False and judge["ansible.builtin.assert"]["fail_msg"].count("./difusor apply -i") == 1
    own = {name: trust_as_template(text) for name, text in judge["vars"].items()}
    role = {"prep_container": PREP, "waf_container": WAF, "prep_address": "127.2.36.70:580"}
    said = expression(judge["ansible.builtin.assert"]["that"], __current_seen=seen, **own, **role)
    assert said is goes_on


def test_a_restart_that_was_left_out_is_told() -> None:
    tasks = {task["name"]: task for task in play()["tasks"]}
    told = tasks["Say that the restart was left out"]
    for exists, skipped in ((True, True), (True, False), (False, True)):
        found = {"__upgrade_restart": {"stat": {"exists": exists}}, "__restarted": {"skipped": skipped}}
        assert expression(told["when"], **found) is (exists and skipped)
    assert "repita ./difusor upgrade -i" in told["ansible.builtin.debug"]["msg"]


@pytest.mark.parametrize(("others", "allowed", "restarts"), [(0, True, True), (1, True, False), (0, False, False)])
def test_a_server_is_not_restarted_under_another_run(others: int, allowed: bool, restarts: bool) -> None:
    """Somebody's apply stayed half done, and an older one no longer knew that it had been overtaken."""
    tasks = {task["name"]: task for task in play()["tasks"]}
    found = {"__upgrade_restart": {"stat": {"exists": True}}, "__upgrade_others": {"stdout": "x" * others}}
    assert expression(tasks["Restart the server"]["when"], upgrade_allowed=allowed, **found) is restarts
    message = tasks["Say that the restart was left out"]["ansible.builtin.debug"]["msg"]
    named = {"inventory_hostname": "web1", "inventory_dir": "inventories/diario"}
    templar = Templar(loader=DataLoader(), variables={**named, **found})
    told = " ".join(templar.template(trust_as_template(message)).split())
    said = "otra ejecución trabaja en él, o no llegó a su fin: espere, o repítala si falló. Después repita ./difusor"
    assert (said in told) is bool(others)
    assert ("Después del cierre repita" in told and "--reason" in told) is (not others)


def test_a_run_is_at_work_when_the_latest_has_left_its_word_a_moment_ago(tmp_path: Path) -> None:
    """What an older one left that failed keeps no server from its restart."""
    tasks = {task["name"]: task for task in play()["tasks"]}
    look = tasks["See whether another run is at work on the server"]["ansible.builtin.shell"]
    look = look.replace(working.RECORD, str(tmp_path)).replace(working.LATEST, str(tmp_path / "run"))
    assert "/var/" not in look and "/run/" not in look

    def found() -> str:
        return subprocess.run(("sh", "-c", look), capture_output=True, text=True, check=True).stdout

    assert found() == "", "there is no record yet"
    (tmp_path / "run").write_text("b1b1\n")
    (tmp_path / "unapplied").write_text("a0a0 /etc/x\n")
    assert found() == ""
    (tmp_path / "unapplied").write_text("a0a0 /etc/x\nb1b1 /etc/y\n")
    assert found() == "unapplied\n"
    os.utime(tmp_path / "unapplied", (0, 0))
    assert found() == ""
    (tmp_path / "rollback.tar").touch()
    assert found() == "./rollback.tar\n"


def test_the_reason_is_asked_for_and_written_by_one_rule() -> None:
    refuse, write = yaml.safe_load((PLAYBOOKS / "tasks/published.yml").read_text())[1:]
    assert refuse["ansible.builtin.assert"]["that"] == "upgrade_allowed"
    assert refuse["when"] == "upgrade_refuses"
    for published, reason in ((True, "openssl"), (True, ""), (False, "openssl")):
        said = expression(write["when"], upgrade_published=published, upgrade_reason=reason)
        assert said is (published and bool(reason))


# What the versions 2.6 to 2.13 of unattended-upgrade write with --verbose.
OWN_LOCK = "Lock file is already taken, exiting\n"
DPKG_LOCK = """\
Starting unattended upgrades script
Lock could not be acquired (another package manager running?)
Cache lock can not be acquired, exiting
"""
BROKEN = "Starting unattended upgrades script\nCache has broken packages, exiting\n"
DONE = "Starting unattended upgrades script\nPackages that will be upgraded: locales\nAll upgrades installed\n"


@pytest.mark.parametrize(
    ("said", "again"),
    [(OWN_LOCK, True), (DPKG_LOCK, True), (BROKEN, False), (DONE, False), ("", False)],
    ids=["own", "dpkg", "broken", "done", "nothing"],
)
def test_updates_wait_for_a_lock_that_apts_timers_have_taken(said: str, again: bool) -> None:
    (task,) = (task for task in play()["tasks"] if task["name"] == "Install the security updates")
    assert expression(f"({task['until']})", __upgrade={"rc": 1, "stdout": said}) is not again
    assert "--verbose" in task["ansible.builtin.command"]  # otherwise it says nothing of its own lock


@pytest.mark.parametrize(
    ("said", "told"),
    [(OWN_LOCK, "desde hace más de 15 minutos"), (BROKEN, "Cache has broken packages, exiting. Lo que alcanzó")],
    ids=["lock", "broken"],
)
def test_updates_that_were_not_installed_are_told_with_what_to_do(said: str, told: str) -> None:
    tasks = {task["name"]: task for task in play()["tasks"]}
    text = tasks["Refuse to go on when the security updates were not installed"]["ansible.builtin.assert"]["fail_msg"]
    found = {"rc": 1, "stdout": said, "stdout_lines": said.splitlines(), "stderr_lines": []}
    variables = {"__upgrade": found, "inventory_hostname": "web1"}
    own = {"upgrade_locked": trust_as_template(play()["vars"]["upgrade_locked"])}
    message = Templar(loader=DataLoader(), variables={**own, **variables}).template(trust_as_template(text))
    assert told in message and message.endswith("y repita ./difusor upgrade.")


def test_every_run_that_changes_files_of_the_system_authorises_them() -> None:
    """AIDE leaves with a removal, and a purge deletes nothing that AIDE compares."""
    lacking = []
    for path in sorted(PLAYBOOKS.glob("*.yml")):
        last = yaml.safe_load(path.read_text())[-1]
        tasks = [*last.get("tasks", []), *last.get("post_tasks", [])]
        if "tasks/authorise.yml" not in [task.get("ansible.builtin.import_tasks") for task in tasks[-2:]]:
            lacking.append(path.stem)
    assert lacking == ["preflight", "purge", "remove"]


RENEW = yaml.safe_load((PLAYBOOKS / "tasks/renew.yml").read_text())
MAPPED = "7f3a-7f3b r-xp 00026000 08:01 131 /usr/lib/x86_64-linux-gnu/libssl.so.3"
PROCESSES = {
    "10": ("0::/system.slice/nginx.service", f"{MAPPED} (deleted)"),
    "11": ("0::/system.slice/nginx.service", f"{MAPPED} (deleted)"),
    "12": ("0::/system.slice/chrony.service", MAPPED),
    "13": ("3:cpu:/\n1:name=systemd:/system.slice/fail2ban.service", f"{MAPPED} (deleted)"),
    "14": ("0::/system.slice/ssh.service", f"{MAPPED} (deleted)"),
    "15": ("0::/system.slice/rsync.service", "7f3a-7f3b rw-p 00000000 00:05 9 /usr/share/datos (deleted)"),
    "16": ("0::/system.slice/diario.service", f"{MAPPED} (deleted)"),
    "17": ("0::/user.slice/user-1000.slice/session-1.scope", f"{MAPPED} (deleted)"),
}


def test_the_projects_services_that_run_by_replaced_files_start_anew(tmp_path: Path) -> None:
    """On Debian an update of OpenSSL's library reached no program that ran."""
    for process, (group, mapped) in PROCESSES.items():
        (tmp_path / process).mkdir()
        (tmp_path / process / "cgroup").write_text(f"{group}\n")
        (tmp_path / process / "maps").write_text(f"00400000-00401000 r-xp 0 08:01 1 /opt/x\n{mapped}\n")
    (tmp_path / "18").mkdir()  # it has just ended
    script = RENEW[0]["ansible.builtin.shell"].replace("/proc", str(tmp_path))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert not done.stderr
    found = expression("upgrade_stale", __renew={"stdout": done.stdout.rstrip("\n")})
    assert found == ["fail2ban.service", "nginx.service"]


def test_no_service_starts_anew_while_results_are_published_or_before_a_restart_of_the_server() -> None:
    (task,) = (task for task in play()["tasks"] if task.get("ansible.builtin.import_tasks") == "tasks/renew.yml")
    assert expression(f"({task['when']})", __upgrade_restart={"stat": {"exists": True}}) is False
    _, look, judge, start, tell = RENEW
    assert look["ansible.builtin.import_tasks"] == "published.yml" and look["vars"]["upgrade_refuses"] is False
    for names, allowed in ((["nginx.service"], False), (["nginx.service"], True), ([], False)):
        given = {"upgrade_stale": names, "upgrade_allowed": allowed}
        assert expression(judge["when"], **given) is (allowed and bool(names))
        assert expression(start["when"], **given) is allowed
        assert expression(tell["when"], **given) is (bool(names) and not allowed)
    assert judge["ansible.builtin.command"] == "nginx -t"
