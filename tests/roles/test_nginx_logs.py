"""The PREP's logs: its own files, names and rotation, so that the outlet's stay as they were."""

from __future__ import annotations

import hashlib
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from nginx_kit import RELEASES, SITE, render
from plugin_kit import load

ROTATION = "/etc/logrotate.d/nginx"
LOG = "/var/log/nginx/prep/access.log"


def tasks(name: str) -> list[dict[str, Any]]:
    """Return the tasks of a file of the role."""
    found: list[dict[str, Any]] = yaml.safe_load((role_kit.ROLES / f"nginx/tasks/{name}.yml").read_text("utf-8"))
    return found


def test_all_kept_access_logs_together_have_a_size() -> None:
    text = render("etc/prep-logrotate.conf", inputs=(("nginx_log_size", "2M"), ("nginx_log_count", 3)))
    assert "> 6291456 {" in text and "    maxsize 2M\n" in text
    assert f"find {LOG.rpartition('/')[0]} -name 'access.log-*' " in text


@pytest.mark.parametrize("release", RELEASES)
def test_the_owners_error_log_is_the_one_of_the_package(release: str) -> None:
    """His fail2ban and what watches his server read that file; of the PREP it gets nothing, whoever floods the page."""
    said = re.findall(r"^ *error_log (.+);$", render("etc/nginx/nginx.conf", release), re.MULTILINE)
    assert said == ["/var/log/nginx/error.log"]
    own = re.findall(r"^error_log (\S+) warn;$", render("etc/nginx/snippets/prep-own.conf", release), re.MULTILINE)
    assert own == ["syslog:server=unix:/dev/log,nohostname,tag=nginx_prep"]
    assert "error_log" not in render(SITE, release)


def test_rsyslog_leaves_out_what_is_about_the_page_and_nothing_else() -> None:
    text = role_kit.render(
        "nginx", "etc/rsyslog.d/10-prep-difusor.conf", {"ansible_facts": {"packages": {"rsyslog": []}}}
    )
    assert re.findall(r"^[^#].*", text, re.MULTILINE) == [
        f':programname, isequal, "{tag}" stop' for tag in ("nginx_prep", "nginx_refused")
    ]
    files = (SITE, "etc/nginx/snippets/prep-own.conf")
    assert {tag for file in files for tag in re.findall(r"tag=(\w+)", render(file))} == {"nginx_prep", "nginx_refused"}


def test_the_packages_rotation_takes_none_of_the_preps_logs() -> None:
    """logrotate's patterns are those of a shell, whose star takes no slash."""
    written = set(re.findall(r"access_log (/\S+)", render(SITE) + render("etc/nginx/snippets/prep-corte.conf")))
    (rotated,) = re.findall(r"^(\S+) \{$", render("etc/prep-logrotate.conf"), re.MULTILINE)
    assert written == {LOG} and fnmatch(LOG, rotated)
    assert LOG.count("/") > "/var/log/nginx/*.log".count("/")
    names = [
        str(path.relative_to(role_kit.ROLES / "nginx/templates"))
        for path in role_kit.ROLES.glob("nginx/templates/**/*")
    ]
    assert not [name for name in names if "etc/logrotate.d" in name or "/logrotate." in name]


def test_the_preps_timer_comes_in_time_and_the_packages_as_its_owner_says() -> None:
    timer = render("etc/systemd/system/prep-logrotate.timer")
    assert {"OnCalendar=*:0/2", "AccuracySec=10s"} <= set(timer.splitlines())
    service = render("etc/systemd/system/prep-logrotate.service")
    (start,) = re.findall(r"^ExecStart=(.+)$", service, re.MULTILINE)
    assert start.endswith(" --state /var/lib/prep-logrotate/status /etc/prep-logrotate.conf")
    assert "/etc/systemd/system/logrotate.timer.d/prep.conf" in tasks("configure")[3]["managed_files"]["absent"]


def test_what_an_earlier_version_put_in_the_place_of_the_packages_rotation_leaves() -> None:
    """The owner's own file comes back from the record; where the project has installed nginx, the package's."""
    _, _, look, owners, packages = tasks("rotation")
    assert look["ansible.builtin.stat"]["path"] == "{{ rollback_record }}/found{{ _nginx_rotation }}"
    for exists in (True, False):
        known = {"__nginx_found": {"stat": {"exists": exists}}}
        assert [role_kit.value("nginx", each["when"], known) for each in (owners, packages)] == [exists, not exists]
    text = role_kit.value("nginx", "_nginx_packaged_rotation", {})
    assert hashlib.md5(text.encode()).hexdigest() == "b29112f9480a70fa7de2729ff39923e2", "dpkg would ask its owner"
    assert role_kit.value("nginx", "_nginx_rotation", {}) == ROTATION


def test_only_logs_that_earlier_versions_have_rotated_are_taken_along(tmp_path: Path) -> None:
    """The owner's own, of before the project, went with them, and `remove --data` deleted them."""
    theirs = ["access.log", "access.log.1", "access.log-20261101", "access.log-20261101.gz", "error.log-20261101-1"]
    ours = ["access.log-20261101-1793491200", "access.log-20261102-1793577600.gz"]
    (tmp_path / "prep").mkdir()
    for name in (*theirs, *ours):
        (tmp_path / name).touch()
    argv = tasks("rotation")[0]["ansible.builtin.command"]["argv"]
    inputs = {"_nginx_log": f"{tmp_path}/prep/access.log"}
    words = [role_kit.text("nginx", word, inputs).replace("/var/log/nginx", str(tmp_path)) for word in argv]
    subprocess.run(words, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*theirs, "prep"])
    assert sorted(path.name for path in (tmp_path / "prep").iterdir()) == ours


def test_a_removal_leaves_the_rotation_that_an_upgrade_has_given_back(tmp_path: Path) -> None:
    """Its owner may have edited it since, and the record of the first change still named it."""
    record, rotation, other = tmp_path / "record", tmp_path / "logrotate.d/nginx", tmp_path / "logrotate.d/nginx-otra"
    for file, text in ((rotation, "since"), (record / f"found{rotation}", "before"), (other, "the project's")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (record / "paths").write_text(f"{other}\n{rotation}\n")
    (given,) = (each["give_back"] for each in tasks("rotation") if "give_back" in each)
    assert given == {"own": True, "forget": ["{{ _nginx_rotation }}"]}
    give_back = load("modules/give_back.py")
    give_back.Record(str(record)).forget([str(rotation)], check_mode=False)
    assert give_back.Record(str(record)).restore(None, [], [], check_mode=False) == ([], [str(other)])
    assert rotation.read_text() == "since"


@pytest.mark.parametrize(("rc", "given"), [(0, True), (1, False), (2, False), (None, False)])
def test_only_the_projects_own_rotation_is_replaced(rc: int | None, given: bool) -> None:
    (task,) = (each for each in tasks("configure") if "ansible.builtin.include_tasks" in each)
    known = {"__nginx_rotation": {"skipped": True} if rc is None else {"rc": rc}}
    assert role_kit.value("nginx", task["when"], known) is given


def test_a_start_of_nginx_makes_what_is_missing_and_removes_what_is_in_its_way(tmp_path: Path) -> None:
    """By one program beside the package's own test: at each start the system confines every program anew."""
    unit = render("etc/systemd/system/nginx.service.d/prep.conf")
    (command,) = re.findall("^ExecStartPre=/bin/sh -c '(.+)'$", unit, re.MULTILINE)
    assert unit.count("\nExecStartPre=/") == 2
    socket, cache = tmp_path / "run/prep-app/app.sock", tmp_path / "var/cache/nginx/prep"
    for folder in (socket.parent, cache):
        folder.mkdir(parents=True)
    socket.touch()
    command = re.sub(r"(?<= )/(run|var)/", rf"{tmp_path}/\1/", command).replace("--group=adm ", "")
    for _ in range(2):  # at the second start the log is there
        subprocess.run(["sh", "-euc", command], check=True)
    log = tmp_path / LOG.removeprefix("/")
    assert not socket.exists() and not cache.exists() and (tmp_path / "var/lib/nginx").is_dir()
    assert log.stat().st_mode & 0o777 == 0o640


def test_the_log_is_there_before_nginx_would_let_everybody_read_it() -> None:
    found = tasks("configure")
    made = found[["managed_files" in each for each in found].index(True) - 1]
    assert "--mode=0640" in made["ansible.builtin.shell"]["cmd"]
    unit = render("etc/systemd/system/nginx.service.d/prep.conf")
    again, check = unit.index(f"install -D --group=adm --mode=0640 /dev/null {LOG}"), unit.index("/usr/sbin/nginx -t")
    assert again < check, "somebody may have emptied /var/log"


@pytest.mark.parametrize("runs", [True, False])
def test_a_log_that_somebody_has_removed_is_made_and_opened_in_one_step(runs: bool, tmp_path: Path) -> None:
    """A run that ended before its handler left nginx writing into the removed file, and no later run knew of it."""
    (task,) = (each for each in tasks("configure") if each["name"] == "Make the access log of the PREP")
    assert "notify" not in task
    log, told = tmp_path / "prep/access.log", tmp_path / "told"
    waiting = ["sh", "-c", f"trap 'echo opened >{told}; exit' USR1; echo ready; read -r line"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nginx:
        assert nginx.stdout and nginx.stdout.readline() == "ready\n"
        (tmp_path / "systemctl").write_text(f"#!/bin/sh\necho {nginx.pid if runs else 0}\n")
        (tmp_path / "systemctl").chmod(0o755)
        command = role_kit.text("nginx", task["ansible.builtin.shell"]["cmd"], {"_nginx_log": str(log)})
        known = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        subprocess.run(["sh", "-euc", command.replace("--group=adm ", "")], check=True, env=known)
        if not runs:
            nginx.kill()
    assert log.stat().st_mode & 0o777 == 0o640
    assert told.exists() is runs


def test_an_rsyslog_that_its_owner_has_stopped_stays_so() -> None:
    """The removal started it."""
    files = [*role_kit.ROLES.glob("*/tasks/*.yml"), *role_kit.ROLES.glob("*/handlers/*.yml")]
    found = [task for path in files for task in yaml.safe_load(path.read_text()) if "rsyslog.service" in str(task)]
    commands = [str(task.get("ansible.builtin.command", "")).split()[:2] for task in found]
    assert commands.count(["systemctl", "try-restart"]) == 2 and ["systemctl", "kill"] in commands
    assert len(commands) == 3
