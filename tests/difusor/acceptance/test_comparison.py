"""What differs from the beginning is told apart: the server's own upgrade, what packages leave, and everything else."""

from __future__ import annotations

import copy
import os
import shlex
import subprocess
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import yaml

from difusor.acceptance import comparison, measured, renewed, standing, state, survey
from difusor.acceptance.case import Case
from difusor.acceptance.doing import AFTER, BEFORE
from difusor.acceptance.journal import Verdict
from difusor.project import ROOT

BARE: dict[str, dict[str, str]] = {
    "files": {"/etc/hosts": "0644 root:root aa", "/etc/group": "0644 root:root bb"},
    "packages": {"openssl:amd64": "3.0.1", "libc6:amd64": "2.36"},
    "images": {}, "signers": {}, "accounts": {"cuenta ana": "1000:1000 /home/ana /bin/bash"}, "crontabs": {},
    "folders": {"/var/lib/apt": ""}, "services": {"ssh.service": "enabled active running"}, "failed": {}, "ports": {},
    "firewall": {}, "kernel": {"kernel.dmesg_restrict": "0"}, "mounts": {}, "denials": {},
    "system": {"boot": "uno", "container": "", "kernel": "6.1", "kernel_log": "yes"},
}  # fmt: skip


class Local(Case):
    """A server whose commands run here, and on which nobody installs packages."""

    def ask(self, *command: str) -> str:
        line = command[0] % tuple(map(shlex.quote, command[1:]))
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout

    def play(self, title: str, log: Path, playbook: str, *words: str) -> None:
        self.facts.setdefault("plays", {})[playbook] = {"title": title}


def changed(**kinds: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the bare server after it has booted again, with some things added or changed."""
    found = copy.deepcopy(BARE)
    found["system"]["boot"] = "dos"
    for kind, values in kinds.items():
        found[kind].update(values)
    return found


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that compares a state with the bare server; the files are in `tmp_path`/19."""
    places = [tmp_path / name for name in ("19", "01", "15")]
    for place in places:
        place.mkdir()
    state.save(BARE, places[1])

    def compare(now: state.State) -> Any:
        monkeypatch.setattr(state, "take", lambda case: now)
        return comparison.compare(Local(Path("x"), "difusor", Path("llave")), *places)

    return compare


def test_as_at_the_beginning(compared: Any) -> None:
    assert compared(changed()).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("files", "/etc/sudoers.d/prep-difusor"), ("packages", "fail2ban:all"), ("accounts", "cuenta instituto"),
        ("folders", "/srv/prep"), ("kernel", "kernel.kptr_restrict"), ("ports", "tcp 0.0.0.0:873"),
        ("crontabs", "prep-visita"), ("services", "prep-corte-gate.service"), ("files", "/etc/hosts"),
        ("firewall", "iptables -P INPUT DROP"), ("failed", "nginx.service"),
    ],
)  # fmt: skip
def test_what_the_project_left_fails(compared: Any, tmp_path: Path, kind: str, name: str) -> None:
    outcome = compared(changed(**{kind: {name: "otra cosa"}}))
    assert outcome.verdict is Verdict.FAILED
    assert name in outcome.sentence
    assert name in (tmp_path / "19/diferencias.txt").read_text()


def test_what_is_gone_fails(compared: Any) -> None:
    now = changed()
    del now["files"]["/etc/hosts"]
    assert compared(now).verdict is Verdict.FAILED


def test_what_packages_always_leave_is_told_with_its_reason(compared: Any, tmp_path: Path) -> None:
    remains = {
        "files": {"/etc/group": "0644 root:root cc"},
        "folders": {"/var/lib/docker": "", "/var/lib/containerd": ""},
    }
    outcome = compared(changed(**remains))
    assert outcome.verdict is Verdict.PASSED
    assert "restos de paquetes, con su razón: 3;" in outcome.sentence
    assert (tmp_path / "19/restos.txt").read_text().count("\n") == 3
    for gone in ({"files": {"/etc/docker/key.json": "0600"}}, {"accounts": {"grupo docker": "104"}}):
        assert compared(changed(**gone)).verdict is Verdict.FAILED, "the removal takes it"


def test_a_group_that_gained_a_member_is_no_remnant(compared: Any) -> None:
    now = changed(files={"/etc/group": "0644 root:root cc"}, accounts={"grupo sudo": "27 instituto"})
    assert "archivo /etc/group" in compared(now).sentence


def test_what_the_upgrade_changed_is_the_servers_own(compared: Any, tmp_path: Path) -> None:
    state.save(changed(packages={"fail2ban:all": "1"}), tmp_path / "15", BEFORE)
    upgraded = changed(packages={"fail2ban:all": "1", "openssl:amd64": "3.0.2"}, files={"/etc/issue": "0644 x"})
    state.save(upgraded, tmp_path / "15", AFTER)
    outcome = compared(changed(packages={"openssl:amd64": "3.0.2"}, files={"/etc/issue": "0644 x"}))
    assert outcome.verdict is Verdict.PASSED
    assert "cambios de la actualización: 2" in outcome.sentence
    assert compared(changed(packages={"fail2ban:all": "1"})).verdict is Verdict.FAILED


def test_what_the_project_brought_and_the_upgrade_renewed_is_not_the_upgrades(compared: Any, tmp_path: Path) -> None:
    brought = {"packages": {"nginx:amd64": "1.0"}, "files": {"/etc/nginx/x": "0644 aa", "/etc/hosts": "0644 prep"}}
    renewed = {"packages": {"nginx:amd64": "1.1"}, "files": {"/etc/nginx/x": "0644 bb", "/etc/hosts": "0644 más"}}
    state.save(changed(**brought), tmp_path / "15", BEFORE)
    state.save(changed(**renewed), tmp_path / "15", AFTER)
    outcome = compared(changed(**renewed))
    assert outcome.verdict is Verdict.FAILED
    assert all(name in outcome.sentence for name in ("nginx:amd64", "/etc/nginx/x", "/etc/hosts"))


def test_a_unit_that_came_with_an_upgraded_package_is_the_upgrades(compared: Any, tmp_path: Path) -> None:
    state.save(changed(packages={"openssl:amd64": "3.0.1-1"}), tmp_path / "15", BEFORE)  # the installation renewed it
    upgraded = changed(packages={"openssl:amd64": "3.0.2"}, services={"fwupd.timer": "enabled active"})
    state.save(upgraded, tmp_path / "15", AFTER)
    assert compared(upgraded).verdict is Verdict.PASSED


def test_a_package_that_stayed_and_is_newer_is_of_an_update(compared: Any, tmp_path: Path) -> None:
    """Whoever began it: the server's timers may renew packages between any two steps. Nothing of that is downgraded."""
    outcome = compared(changed(packages={"openssl:amd64": "3.0.1-1~deb12u1", "libc6:amd64": "2.36+b1"}))
    assert outcome.verdict is Verdict.PASSED and "cambios de la actualización: 2" in outcome.sentence
    told = (tmp_path / "19/de-la-actualización.txt").read_text().splitlines()
    assert told == [
        f"paquete: libc6:amd64: 2.36 → 2.36+b1: {renewed.REASON}",
        f"paquete: openssl:amd64: 3.0.1 → 3.0.1-1~deb12u1: {renewed.REASON}",
    ]
    assert compared(changed(packages={"openssl:amd64": "3.0.1~rc1"})).verdict is Verdict.FAILED
    gone = changed()
    del gone["packages"]["libc6:amd64"]
    assert compared(gone).verdict is Verdict.FAILED


def test_a_file_is_of_an_update_only_as_its_package_brings_it(
    compared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the project wrote into it and left would otherwise pass for the package's."""
    file, program = tmp_path / "openssl.cnf", tmp_path / "bin/dpkg-query"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n[ \"$4\" != openssl ] || echo ' {file} {md5(b'nuevo').hexdigest()}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setitem(BARE["files"], str(file), "0644 root:root aa")
    state.save(BARE, tmp_path / "01")
    for content, access, version, verdict in (
        ("nuevo", "0644 root:root", "3.0.2", Verdict.PASSED),
        ("del proyecto", "0644 root:root", "3.0.2", Verdict.FAILED),
        ("nuevo", "0600 root:root", "3.0.2", Verdict.FAILED),
        ("nuevo", "0644 root:root", "3.0.1", Verdict.FAILED),
    ):
        file.write_text(content)
        now = changed(packages={"openssl:amd64": version}, files={str(file): f"{access} bb"})
        assert compared(now).verdict is verdict, (content, access, version)


def test_nobody_installs_packages_while_the_server_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package caught half-way would be missing at the beginning, and the project would seem to have left it."""
    case = Local(Path("x"), "difusor", Path("llave"))

    def take(_: Case) -> state.State:
        assert "settle.yml" in case.facts["plays"]
        return BARE

    monkeypatch.setattr(state, "take", take)
    assert standing.before(case, tmp_path).verdict is Verdict.PASSED
    (play,) = yaml.safe_load((ROOT / "playbooks/acceptance/settle.yml").read_text())
    roles = [task["ansible.builtin.import_role"] for task in play["tasks"]]
    assert roles == [{"name": "preflight", "tasks_from": "reach"}, {"name": "packages", "tasks_from": "wait"}]
    assert play["vars"] == {"preflight_begins": False}


def test_a_sources_list_with_content_is_no_remnant(compared: Any) -> None:
    empty = "0644 root:root e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert compared(changed(files={"/etc/apt/sources.list": empty})).verdict is Verdict.PASSED
    outcome = compared(changed(files={"/etc/apt/sources.list": "0644 root:root 11"}))
    assert outcome.verdict is Verdict.FAILED


def test_what_a_server_writes_by_itself_is_left_out() -> None:
    passing = (
        "/etc/ld.so.cache", "/etc/resolv.conf", "/etc/lvm/backup/vg0", "/etc/systemd/system/snap-core22-1748.mount",
        "/etc/systemd/system/multi-user.target.wants/snap.lxd.activate.service",
        "/etc/udev/rules.d/70-snap.snapd.rules",
    )  # fmt: skip
    lasting = ("/etc/ld.so.conf", "/etc/systemd/system/snapshot.service", "/etc/resolv.conf.d")
    found = state.without_passing(changed(files=dict.fromkeys((*passing, *lasting), "x")))
    assert found["files"].keys() == {*lasting, *BARE["files"]}
    logins = dict.fromkeys(("/var/log/wtmp.db", "/var/log/btmp", "/var/log/prep"), "x")
    assert state.without_passing(changed(folders=logins))["folders"].keys() == {"/var/log/prep", *BARE["folders"]}


def test_rules_that_come_and_go_are_left_out() -> None:
    listing = (
        "-P INPUT DROP\n-N f2b-sshd\n-A f2b-sshd -s 203.0.113.9/32 -j REJECT\n-A f2b-sshd -j RETURN\n"
        "-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT\n"
        "-A ufw-user-input -s 10.0.0.7/32 -j ACCEPT\n"
    )
    assert survey.lasting_rules(listing) == [
        "-P INPUT DROP", "-N f2b-sshd", "-A f2b-sshd -j RETURN",
        "-A DOCKER -d N ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A ufw-user-input -s 10.0.0.7/32 -j ACCEPT",
    ]  # fmt: skip


def test_units_that_come_and_go_are_left_out() -> None:
    installed = (
        "ssh.service enabled enabled\nsystemd-hostnamed.service static -\napt-daily.timer enabled enabled\n"
        "run-u7.service transient -\nauditd.service static -\n"
    )
    loaded = (
        "ssh.service loaded active running OpenSSH\nsystemd-hostnamed.service loaded active running Hostname\n"
        "apt-daily.timer loaded active running Daily\nrun-u7.service loaded active running /bin/sleep\n"
        "sshd@3-10.0.0.1:22-10.0.0.9:50211.service loaded active running per-connection\n"
        "auditd.service loaded failed failed Security\ngetty@tty1.service loaded active running Getty\n"
    )
    assert survey.units(installed, loaded) == {
        "ssh.service": "enabled active running", "systemd-hostnamed.service": "static",
        "apt-daily.timer": "enabled active", "auditd.service": "static failed failed",
        "getty@tty1.service": "active running",
    }  # fmt: skip


def test_drawn_ports_and_rotated_logs_have_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "udp UNCONN 0 0 0.0.0.0:41372 0.0.0.0:*\ntcp LISTEN 0 5 [::]:443 [::]:*\ntcp LISTEN 0 5 127.0.0.1:3306 *:*\n"
    monkeypatch.setattr(survey, "_said", lambda *_: said)
    monkeypatch.setattr(survey, "PORTS", tmp_path / "range")
    (tmp_path / "range").write_text("32768\t60999\n")
    assert survey.ports().keys() == {"udp 0.0.0.0:efímero", "tcp [::]:443", "tcp 127.0.0.1:3306"}
    names = (
        "syslog",
        "syslog.1",
        "syslog.2.gz",
        "nginx",
        "dpkg.log.1",
        "postgresql-15",
        "app-20261126.log-20261127.gz",
    )
    assert [survey.ROTATED.sub("", name) for name in names] == [
        "syslog", "syslog", "syslog", "nginx", "dpkg.log", "postgresql-15", "app-20261126.log",
    ]  # fmt: skip


def test_without_a_restart_nothing_that_needs_one_is_verified(compared: Any) -> None:
    now = changed(kernel={"kernel.dmesg_restrict": "1"})
    now["system"]["boot"] = "uno"
    outcome = compared(now)
    assert outcome.verdict is Verdict.UNVERIFIED
    assert "no se comprobó (1)" in outcome.sentence
    now["files"]["/etc/hosts"] = "otro"
    assert compared(now).verdict is Verdict.FAILED


KERNEL = (
    'audit: type=1400 audit(1.2:3): apparmor="DENIED" operation="open" class="file" profile="docker-default" '
    'name="/proc/4711/attr" pid=9 comm="x"\n'
    'audit: type=1326 audit(1.2:4): auid=1 uid=33 pid=7 comm="nginx" exe="/usr/sbin/nginx" sig=31 arch=c000003e '
    "syscall=59 compat=0\n"
)
AUDITD = 'type=AVC msg=audit(170.5:9): apparmor="DENIED" operation="exec" profile="chronyd" name="/bin/sh" pid=3\n'


def test_denials_of_the_kernel_and_of_auditd() -> None:
    assert survey.denials(KERNEL + AUDITD) == {
        "docker-default open /proc/N/attr": "",
        "chronyd exec /bin/sh": "",
        "seccomp /usr/sbin/nginx syscall 59": "",
    }


def test_only_what_auditd_wrote_since_the_boot_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "audit.log"
    log.write_text(AUDITD + AUDITD.replace("170.5", "300.5").replace("chronyd", "nginx"))
    monkeypatch.setattr(survey, "AUDIT_LOG", log)
    assert survey.denials(survey.audited(200)) == {"nginx exec /bin/sh": ""}


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (changed(), Verdict.PASSED),
        (changed(denials={"docker-default open /proc/N/attr": ""}), Verdict.FAILED),
        (changed(failed={"prep-corte-gate.service": ""}), Verdict.FAILED),
        (changed(system={"kernel_log": ""}), Verdict.UNVERIFIED),
    ],
)
def test_new_denials_and_failed_units_fail(
    now: state.State, verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(Case):
        def ask(self, *_: str) -> str:
            return "un aviso\n"

    state.save(BARE, tmp_path)
    monkeypatch.setattr(state, "take", lambda case: now)
    assert standing.complaints(Told(Path("x"), "difusor", Path("llave")), tmp_path, tmp_path).verdict is verdict


@pytest.mark.parametrize(
    ("log", "count"),
    [
        ("PLAY RECAP ***\nuno : ok=3 changed=0 unreachable=0\ndos : ok=3 changed=2 unreachable=0\n", 2),
        ("PLAY RECAP ***\nuno : ok=3    changed=0    unreachable=0\n", 0),
        ("PLAY RECAP ***\n\x1b[0;33muno\x1b[0m : ok=3 \x1b[0;33mchanged=5  \x1b[0m unreachable=0\n", 5),
        ("TASK [x]\nchanged=7\n", None),
        ("", None),
    ],
)
def test_changes_of_a_run(log: str, count: int | None, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)
    assert measured.changes(tmp_path / "log") == count


def test_this_machine_can_be_surveyed() -> None:
    """Every part of the survey answers on a machine whatever it lacks, such as systemd."""
    assert survey.accounts()["cuenta root"].startswith("0:0 ")
    assert "/etc" in survey.folders()
    assert survey.kernel(["kernel.ostype", "no.such.parameter"]) == {"kernel.ostype": "Linux"}
    assert len(survey.kernel(state.kernel_parameters())) > 10, "the network's, at least"
    assert not any("*" in name for name in state.kernel_parameters()), "a pattern is no parameter"
    assert survey.booted() > 0
    for part in (survey.crontabs, survey.services, survey.failed, survey.ports, survey.firewall, survey.mounts):
        assert isinstance(part(), dict)
