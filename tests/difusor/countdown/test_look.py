"""The programs that are sent to servers: what they read out of what real programs print, and how they ask for pages."""

from __future__ import annotations

import ast
import base64
import errno
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import plugin_kit
import pytest
import role_kit
from inventory_kit import Certificates
from look_kit import held_and_answering, page

from difusor.baseline import look as baseline
from difusor.countdown import look, own, reach, seen, servers
from difusor.publish.mirror import PATH

DATA = Path(__file__).parents[2] / "data"
RULES = {name: (DATA / f"{name}.txt").read_text(encoding="utf-8") for name in ("iptables", "ip6tables")}
"""All of a finished server's rules, as `iptables -S` prints them, by the program."""
WEB = [["80", ""], ["443", ""]]
OPENED = {
    "-A ufw-user-input -s 203.0.113.0/24 -j ACCEPT": ["", "203.0.113.0/24"],
    "-A ufw-user-input -i eth1 -j ACCEPT": ["", ""],
    "-A ufw-user-input -s 203.0.113.9/32 -p tcp -j ACCEPT": ["", "203.0.113.9/32"],
    "-A ufw-user-input -p tcp -m multiport --dports 1:1000 -j ACCEPT": ["1:1000", ""],
    "-A ufw-user-input -p tcp -m tcp --dport 1:1000 -j ACCEPT": ["1:1000", ""],
    "-A ufw-user-input -p tcp -m multiport --dports 22,8080:8090 -j ACCEPT": ["22,8080:8090", ""],
    "-A ufw-user-input -s 203.0.113.9/32 -p tcp -m tcp --dport 22 -j ufw-user-limit-accept": ["22", "203.0.113.9/32"],
    "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT": ["22", ""],
    "-A INPUT -s 203.0.113.9/32 -j ACCEPT": ["", "203.0.113.9/32"],
    "-A INPUT ! -s 203.0.113.9/32 ! -p udp -j ACCEPT": ["", ""],
    "-A INPUT ! -i lo -j ACCEPT": ["", ""],
    "-A INPUT -m conntrack ! --ctstate INVALID -j ACCEPT": ["", ""],
    "-A INPUT -m state --state NEW,ESTABLISHED -j ACCEPT": ["", ""],
    "-A ufw-before-input -p tcp -m tcp --dport 873 -j ACCEPT": ["873", ""],
    "-A ufw-after-input -s 203.0.113.9/32 -p tcp -m tcp ! --dport 80 -j ACCEPT": ["", "203.0.113.9/32"],
    "-N own\n-A INPUT -s 203.0.113.0/24 -j own\n-A own -p tcp -m tcp --dport 22 -j ACCEPT": ["22", "203.0.113.0/24"],
}
"""Rules that let somebody in besides, as `iptables -S` prints them, and how they are told."""
HARMLESS = (
    "-A ufw-user-input -s 10.9.0.0/16 -p udp -m udp --dport 123 -j ACCEPT",
    "-A ufw-user-input -p tcp -m tcp --dport 25 -j REJECT",
    "-A ufw-user-input -p tcp -m tcp --dport 22 -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit",
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -p icmp -j ACCEPT",
    "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",
    "-N f2b-sshd\n-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n-A f2b-sshd -j RETURN",
    "-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT",
)
UNITS = "\n".join(
    f"Id={unit}.service\nLoadState={load}\nActiveState={state}\n"
    for unit, load, state in (
        ("nginx", "loaded", "active"), ("rsync", "loaded", "inactive"), ("chrony", "not-found", "inactive"),
    )
)  # fmt: skip
CONTAINERS = "waf prep-difusor/waf:92e47a2b373f running healthy\nprep ajena:1 exited  127.0.0.1:9\n"
AS_OTHERS = pytest.mark.skipif(os.geteuid() != 0, reason="only root may ask in the name of another user")
RSYNC = "[corte]\nuid = prep-entrada\nhosts allow = 10.87.210.1 fd00:87:210::20\nhosts deny = *\n"


def test_what_programs_print_is_read() -> None:
    assert look.units(look.described(UNITS)) == {
        "nginx.service": "active", "rsync.service": "inactive", "chrony.service": "not-found",
    }  # fmt: skip
    assert look.described("") == {}
    assert (look.allowed(RSYNC), look.allowed("[corte]\n")) == (["10.87.210.1", "fd00:87:210::20"], None)
    assert look.containers(CONTAINERS) == [
        {
            "role": "waf",
            "image": "prep-difusor/waf:92e47a2b373f",
            "state": "running",
            "health": "healthy",
            "reached": True,
        },
        {"role": "prep", "image": "ajena:1", "state": "exited", "health": "", "reached": False},
    ]


def test_a_finished_server_admits_trusted_addresses_and_visitors() -> None:
    trusted = [[port, source] for port in ("873", "22") for source in ("10.87.169.20/32", "10.87.169.1/32")]
    assert look.admitted(RULES["iptables"]) == trusted + WEB
    assert look.admitted(RULES["ip6tables"]) == [[port, "fd00:87:169::20/128"] for port in ("873", "22")] + WEB
    assert all(look.denies(RULES[program], prefix) for program, prefix in look.FAMILIES.items())


@pytest.mark.parametrize("rule", OPENED)
def test_who_else_is_let_in_is_told_wherever_the_rule_is(rule: str) -> None:
    """Only rules of UFW's own list that name one port were seen."""
    whole = RULES["iptables"]
    found = look.admitted(f"{whole}{rule}\n")
    for each in look.admitted(whole):
        found.remove(each)
    assert found == [OPENED[rule]]


@pytest.mark.parametrize("rule", HARMLESS)
def test_what_opens_no_tcp_connection_to_the_server_is_not_told(rule: str) -> None:
    assert look.admitted(f"{RULES['iptables']}{rule}\n") == look.admitted(RULES["iptables"])


def test_a_firewall_that_is_off_or_was_emptied_denies_nothing() -> None:
    called = "-P INPUT DROP\n-A INPUT -j ufw6-before-input\n"
    assert look.denies(called, "ufw6")
    for emptied in ("-P INPUT ACCEPT\n", called.replace("DROP", "ACCEPT"), "-P INPUT DROP\n"):
        assert not look.denies(emptied, "ufw6")


def test_a_port_that_docker_holds_open_without_its_rules_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "SECONDS", 3.0)  # in which what answers does so on a busy machine, too
    with held_and_answering() as ports:
        listing = "".join(f"prep prep-difusor/prep:1 running healthy 127.0.0.1:{port}\n" for port in ports)
        assert [each["reached"] for each in look.containers(listing)] == [False, True]


def test_every_service_that_a_night_needs_is_looked_at() -> None:
    """Without rsync's daemon no corte arrives, and the countdown was green."""
    roles = {f"{role}.service" for role in ("chrony", "docker", "nginx", "prep-clock", "prep-containers", "rsync")}
    assert {*look.UNITS} == roles | {"prep-corte-gate.service", "prep-corte-intake.path", "prep-logrotate.timer"}
    alarm, *_, renewal = role_kit.value("nginx", "_nginx_timers", {"nginx_tls_mode": "acme"})
    others = {"fail2ban.service", "ssh.service", "ssh.socket"}
    assert {*look.BESIDE} == others | {f"{alarm}.service", f"{renewal}.timer"}


def test_what_was_rendered_for_an_election_is_read() -> None:
    """An official gate opened over pages that said «Simulacro», and apt upgraded that morning."""
    inputs = {"packages_held_opens": "2024-06-02T20:00:00-06:00", "packages_held_closes": "2024-06-04T02:00:00Z"}
    script = role_kit.render("packages", str(look.DUE)[1:], inputs)
    assert (look.held(script), look.held("")) == ([1717293600, 1717466400], None)
    for label, is_rehearsal in {"": False, "Simulacro": True}.items():
        headers = role_kit.render("nginx", str(look.EDGE)[1:], {"nginx_notice_label": label})
        assert ("X-Robots-Tag" in headers) is is_rehearsal


@pytest.mark.parametrize(
    ("running", "kernels", "found"),
    [
        ("6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-18-amd64", "6.1.0-13-amd64"], "6.1.0-18-amd64"),
        ("6.1.0-18-amd64", ["6.1.0-9-amd64", "6.1.0-18-amd64"], ""),
        ("6.12.43+deb13-amd64", ["6.12.41+deb13-amd64", "6.12.48+deb13-amd64"], "6.12.48+deb13-amd64"),
        ("5.15.0-1050-aws", ["5.15.0-1050-aws", "6.8.0-40-generic"], ""),
        ("6.1.0-18-amd64", ["6.1.0-20-cloud-amd64", "rescue", ""], ""),
        ("6.1.0", ["6.1.2"], "6.1.2"),
        ("6.8.4-2-pve", [], ""),
    ],
)  # fmt: skip
def test_the_kernel_of_the_next_start_is_the_newest_of_the_running_ones_kind(
    running: str, kernels: list[str], found: str
) -> None:
    """A container has none, and runs the machine's."""
    assert look.newer(running, kernels) == found


def test_a_restart_that_packages_ask_for_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, boot = tmp_path / "reboot-required", tmp_path / "boot"
    monkeypatch.setattr(look, "RESTART", asked)
    monkeypatch.setattr(look, "KERNELS", boot)
    running = os.uname().release
    quiet = {"restart_since": None, "restart_for": [], "kernel": running, "next_kernel": ""}
    assert look._restart() == quiet
    boot.mkdir()
    newest = f"999{running.lstrip('0123456789')}"
    for name in (f"vmlinuz-{running}", f"vmlinuz-{newest}", f"initrd.img-{newest}0"):
        (boot / name).touch()
    asked.touch()
    os.utime(asked, (1717200000, 1717200000))
    asked.with_suffix(".pkgs").write_text("libc6\nlinux-image-amd64\nlibc6\n")
    told = {"restart_since": 1717200000, "restart_for": ["libc6", "linux-image-amd64"], "next_kernel": newest}
    assert look._restart() == quiet | told


@pytest.mark.parametrize(
    ("enabled", "config", "firewall"),
    [
        ("enabled", "ENABLED=yes\nLOGLEVEL=low\n", "enabled"),
        ("enabled", '# ENABLED=no\nENABLED="Yes"\n', "enabled"),
        ("enabled", "ENABLED=no\n", "ENABLED=no"),
        ("enabled", "", "ENABLED=no"),
        ("masked", "ENABLED=no\n", "masked"),
    ],
)
def test_what_starts_with_the_server_is_read(enabled: str, config: str, firewall: str) -> None:
    """UFW's unit puts nothing in force where UFW's own file says so; whether it has run says nothing of the rules."""
    told = f"{UNITS}\nId=ufw.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState={enabled}\n"
    found = look.described(told)
    assert look.at_boot(found, config)["ufw.service"] == firewall
    assert "ufw.service" not in look.units(found)


def test_a_daemon_that_would_not_start_again_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the daemons of Debian 11 say it, whose engine knows no such test."""
    mentioned = "echo /etc/ssh/sshd_config line 7: Deprecated option UsePrivilegeSeparation >&2; exit"
    daemons = {
        "nginx": "echo 'nginx: [warn] x' >&2; echo 'nginx: the configuration file x syntax is ok' >&2; "
        "echo 'nginx: [emerg] unknown directive in /etc/nginx/diario:1' >&2; exit 1",
        "sshd": f"{mentioned} 0",
        "ssh": f"{mentioned} 255",
        "chronyd": "echo server 192.0.2.1; echo '2027-06-06T18:00:00Z chronyd version 4.0 starting (+NTP)' >&2; "
        "echo '2027-06-06T18:00:00Z Fatal error : Invalid directive at line 3' >&2; exit 1",
        "dockerd": "echo \"Status: unknown flag: --validate\nSee 'dockerd --help'., Code: 125\" >&2; exit 1",
    }
    for name, does in daemons.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(look, "TESTS", {name: (str(tmp_path / name), "-t") for name in (*daemons, "missing")})
    assert look._refused() == {
        "nginx": "nginx: [emerg] unknown directive in /etc/nginx/diario:1",
        "chronyd": "2027-06-06T18:00:00Z Fatal error : Invalid directive at line 3",
    }


def test_each_disk_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By where it is mounted: what fills it need not be in the folder that was looked at."""
    (tmp_path / "srv/entrada").mkdir(parents=True)
    monkeypatch.setattr(look.os.path, "ismount", lambda path: path == str(tmp_path))
    found = look.disks((str(tmp_path / "srv"), str(tmp_path / "srv/entrada"), str(tmp_path / "falta")))
    assert list(found) == [str(tmp_path)]
    assert 0 < found[str(tmp_path)]["free"] <= found[str(tmp_path)]["size"]


def test_a_folder_that_leads_to_another_disk_is_told_as_that_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its figures would stand for those of the disk that the link is on."""
    system, disk = tmp_path / "system", tmp_path / "disk"
    for folder in (system, disk / "docker"):
        folder.mkdir(parents=True)
    (system / "docker").symlink_to(disk / "docker")
    mounted = [str(system), str(disk)]
    device = {path: SimpleNamespace(st_dev=number) for number, path in enumerate(mounted)}
    names = {name: getattr(os.path, name) for name in ("isdir", "realpath", "dirname")}
    fake = SimpleNamespace(
        path=SimpleNamespace(**names, ismount=lambda path: path in mounted),
        stat=lambda path: device[max(each for each in mounted if os.path.realpath(path).startswith(each))],
        statvfs=os.statvfs,
        ST_RDONLY=os.ST_RDONLY,
    )
    monkeypatch.setattr(look, "os", fake)
    assert list(look.disks((str(system), str(system / "docker")))) == mounted


def test_the_disk_that_dockers_options_name_is_looked_at() -> None:
    assert look.stores({"data-root": "/datos/docker"}) == ("/datos/docker",)
    assert look.stores({}) == look.stores(None) == look.stores({"data-root": ""}) == ()


@pytest.mark.parametrize("folder", ["/var/lib/docker", "/var/lib/containerd"])
def test_the_disks_of_docker_are_judged_before_the_installation_and_on_the_night(folder: str) -> None:
    """Either may be a disk of its own: a fresh Docker 29 keeps images and containers in containerd's folder."""
    assert {folder, "/tmp"} <= {*look.FOLDERS}
    assert folder in role_kit.value("preflight", "preflight_free_gb", {})


@pytest.fixture
def enterable() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are its user's alone."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@AS_OTHERS
def test_folders_in_which_their_users_cannot_write_are_told(enterable: Path) -> None:
    """Root can write everywhere: asked is whether the user can, and may enter."""
    folders = {str(enterable / name): "nobody" for name in ("own", "foreign", "shut", "missing")}
    own, foreign, shut, missing = folders
    for path, mode, user in ((own, 0o700, "nobody"), (foreign, 0o755, "root"), (shut, 0o600, "nobody")):
        os.mkdir(path, mode)
        shutil.chown(path, user)
    assert look.unwritable(folders) == {foreign: "nobody", shut: "nobody", missing: ""}
    assert look.unwritable({own: "gone-from-passwd"}) == {own: "gone-from-passwd"}


@AS_OTHERS
def test_a_corte_in_a_folder_that_was_shut_is_not_read(enterable: Path) -> None:
    """As after `chmod -R o-rwx`: the folder of each user above may be as it should be."""
    shown = enterable / "cortes/1-a"
    shown.mkdir(parents=True)
    (enterable / "actual").symlink_to("cortes/1-a")
    corte = enterable / "actual/corte.json"
    corte.touch()
    folder = f"{enterable}/actual/"
    assert look.may_read_all("nobody", folder)
    corte.chmod(0o640)
    assert not look.may_read_all("nobody", folder)
    corte.chmod(0o644)
    shown.parent.chmod(0o750)
    assert not look.may_read_all("nobody", folder)
    assert look.may_read_all("nobody", f"{enterable}/none/") is None


@AS_OTHERS
@pytest.mark.parametrize(("shut", "mode"), [("", 0o700), ("server.json", 0o600), ("revoked", 0o640)])
def test_files_that_a_user_may_not_read_are_told(enterable: Path, shut: str, mode: int) -> None:
    """Root reads them all the same, and so the server looked ready."""
    folder = enterable / "prep-corte"
    paths = [str(folder / name) for name in ("server.json", "revoked")]
    folder.mkdir(mode=0o755)
    for path in paths:
        Path(path).touch(0o644)
    assert own.closed("nobody", [*paths, str(folder / "none")]) == []
    (folder / shut).chmod(mode)
    assert own.closed("nobody", paths) == [path for path in paths if path.endswith(shut)]
    assert own.closed("gone-from-passwd", paths) == []


def test_the_projects_files_are_read_from_the_record(tmp_path: Path) -> None:
    assert own.listed(tmp_path) == []
    (tmp_path / "paths").write_bytes(b"/etc/waf/\n/etc/waf/b\n\xff\0\n/etc/waf/a\n/etc/waf/b\n")
    assert own.listed(tmp_path) == ["/etc/waf/a", "/etc/waf/b"]


def test_every_key_of_the_account_is_read_from_each_place_that_sshd_looks_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options before a key may have spaces and name another key; a comment and a damaged line open nothing."""
    lines = {
        ".ssh/authorized_keys": (
            f"# {key(1)}",
            f"{key(2)} ana@instituto",
            f'from="10.0.0.0/8",command="echo AAAA {key(3)}" {key(4)}',
            "ssh-ed25519 AAAAC",
            "\xff",
        ),
        ".ssh/authorized_keys2": (key(5).replace(" ", "\t"),),
        "etc/prep-break-glass": (f"# Managed\n{key(6)}",),
    }
    paths = {name: tmp_path / name for name in lines}
    for name, path in paths.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes("\n".join(lines[name]).encode("latin-1"))
    monkeypatch.setattr(own, "KEYS", (*list(lines)[:2], str(paths["etc/prep-break-glass"]), "none", "pipe"))
    monkeypatch.setattr(own.pwd, "getpwnam", lambda name: SimpleNamespace(pw_dir=str(tmp_path)))
    os.mkfifo(tmp_path / "pipe")
    first, second, third = map(str, paths.values())
    where = {2: first, 3: first, 4: first, 5: second, 6: third}
    assert own.keys("instituto") == {baseline.fingerprint(key(each).split()[1]): path for each, path in where.items()}
    monkeypatch.undo()
    assert own.keys("gone-from-passwd") == own.keys("") == {}


def key(number: int) -> str:
    """Return a public key that is another for each number."""
    kind = b"\0\0\0\x0bssh-ed25519"
    return f"ssh-ed25519 {base64.b64encode(kind + bytes([0, 0, 0, 32, *[number] * 32])).decode()}"


ALTERATIONS = {
    "missing": "rm", "emptied": "truncate --size=0", "mode": "chmod 0646", "older": "sed -i s/42/41/",
    "link": "ln -sfn /dev/null", "folder": "sh -c 'rm $0 && mkdir $0'",
}  # fmt: skip


@pytest.mark.parametrize("alteration", ALTERATIONS.values(), ids=ALTERATIONS)
def test_whatever_a_role_installed_is_told_when_it_is_not_as_it_was(
    alteration: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file of each role. Of what was never recorded, as by a run of an earlier version, nothing is told."""
    record, top = tmp_path / "record", tmp_path / "top"
    record.mkdir()
    monkeypatch.setattr(own, "WHERE", (f"{top}/",))
    templates = {path.name: path / "templates" for path in sorted(role_kit.ROLES.iterdir())}
    files = {
        role: top / min(path for path in folder.rglob("*") if path.is_file()).relative_to(folder)
        for role, folder in templates.items()
        if folder.exists()
    }
    for path in files.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("answer=42\n")
    assert own.altered(record) == []
    written = plugin_kit.load("module_utils/probe/written.py")
    written.note(str(record), [str(path) for path in (*files.values(), record, top / "none", *top.iterdir())])
    assert own.altered(record) == []
    for path in files.values():
        subprocess.run([*shlex.split(alteration), path], check=True)
    assert own.altered(record) == sorted(map(str, files.values()))
    assert {"corte", "nginx", "rsync", "chrony", "ssh", "docker"} <= files.keys()


@pytest.mark.parametrize("said", ["", "[]", "{", "\0" * 20])
def test_a_damaged_record_says_nothing(said: str, tmp_path: Path) -> None:
    (tmp_path / "written").write_text(said)
    assert own.altered(tmp_path) == []


def test_folders_are_told_too_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, folder, link = (tmp_path / name for name in ("record", "folder", "link"))
    monkeypatch.setattr(own, "WHERE", (f"{tmp_path}/",))
    record.mkdir()
    folder.mkdir(mode=0o755)
    link.symlink_to(folder)
    plugin_kit.load("module_utils/probe/written.py").note(str(record), [str(folder), str(link)])
    (folder / "new").touch()
    assert own.altered(record) == [], "what else is in a folder is its owner's"
    folder.chmod(0o700)
    link.unlink()
    assert own.altered(record) == [str(folder), str(link)]


@pytest.mark.parametrize("name", own.NEEDED)
def test_what_the_verifier_is_asked_for_is_what_its_role_installs(name: str) -> None:
    assert (role_kit.ROLES / f"corte/templates{own.FOLDER}/{name}.j2").exists()
    assert str(own.CODE) == f"{role_kit.value('corte', 'corte_lib_dir', {})}/corte"


def test_a_service_that_stayed_in_another_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that was moved may be seen, and be read-only: then its mount went with it."""
    host, processes = tmp_path / "prep", tmp_path / "proc"
    host.mkdir()
    for pid in (7, 8, 9):
        (processes / f"{pid}/root{tmp_path}").mkdir(parents=True)
    (processes / f"7/root{host}").symlink_to(host)
    (processes / f"8/root{host}").mkdir()
    pids = {"same": "7", "moved": "8", "gone": "9", "ended": "10", "stopped": "0", "unread": ""}
    monkeypatch.setattr(look, "PROCESSES", str(processes))
    monkeypatch.setattr(look, "PLACES", dict.fromkeys((*pids, "absent"), str(host)))
    found = {unit: {"MainPID": pid} for unit, pid in pids.items()}
    assert look.elsewhere(found) == ["moved", "gone"]
    flags = SimpleNamespace(f_flag=os.ST_RDONLY)
    monkeypatch.setattr(look.os, "statvfs", lambda path: flags if "proc" in path else SimpleNamespace(f_flag=0))
    assert look.elsewhere({"same": {"MainPID": "7"}}) == ["same"]
    host.rmdir()
    assert look.elsewhere(found) == [], "that it is missing is told otherwise"


def test_a_machine_that_is_no_server_describes_itself_all_the_same() -> None:
    """Sent as text, with nothing that the project installs: what is missing is null, and nothing fails."""
    done = subprocess.run([sys.executable, "-IB", "-c", servers.LOOK], capture_output=True, check=True)
    found = seen.Server.model_validate_json(done.stdout)
    assert found.disks["/"].size > 0 and found.config is None and found.status is None
    done = subprocess.run([sys.executable, "-IB", "-c", servers.OWN], capture_output=True, check=True)
    assert seen.Own.model_validate_json(done.stdout) == seen.Own(paths=[], altered=[], closed=[], keys={})


@pytest.mark.parametrize("text", [servers.LOOK, servers.OWN, servers.UFW_FILES, servers.REACH])
def test_servers_with_python_39_understand_them(text: str) -> None:
    ast.parse(text, feature_version=(3, 9))
    assert text.isascii() and len(text) < 16 * 1024, "a command line of ssh carries it"


@pytest.fixture(scope="module")
def certificate() -> tuple[bytes, bytes]:
    return Certificates().page()


@pytest.mark.parametrize(
    ("status", "content", "code", "told"),
    [
        (200, b'{"format": 1, "election": "demo"}', 0, ""),
        (200, b'{"format": 1, "election": "otra"}', reach.OTHER, "responde otra página"),
        (200, b"<h1>Mi sitio</h1>", reach.OTHER, "responde otra página"),
        (502, b"", -502, "estado.json responde 502"),
    ],
)
def test_a_page_is_reached_where_its_own_status_answers(
    certificate: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    status: int, content: bytes, code: int, told: str,
) -> None:  # fmt: skip
    """Whatever answered by HTTP was green: another site of the server had taken the address."""
    there = {reach.STATUS: (status, content)}
    with page({"prep.diario.mx": certificate}, lambda path: there.get(path, (503, b"")), tmp_path) as port:
        monkeypatch.setattr(reach, "PORT", port)
        assert reach.answer("prep.diario.mx", "demo", "127.0.0.1") == code
        assert servers._why(code) == told
        assert reach.answer("prep.diario.mx", "demo", "127.0.0.2") == errno.ECONNREFUSED
    assert reach.STATUS == PATH


def test_a_place_tells_a_network_that_ends_further_away_from_one_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place to which a router said that the outlet's network was gone counted as one without that family."""

    def gone(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(reach.socket, "create_connection", gone)
    assert reach.answer("a.mx", "demo", "127.0.0.1") == errno.EHOSTUNREACH
    monkeypatch.setattr(reach, "has_road", lambda _: False)
    assert reach.answer("a.mx", "demo", "127.0.0.1") == errno.ENETUNREACH


def test_what_keeps_its_connection_open_has_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "SECONDS", 0.2)
    here, there = socket.socketpair()
    with here, there:
        with pytest.raises(TimeoutError):
            reach.said(cast(Any, here))
        there.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        assert reach.judged(reach.said(cast(Any, here)), "demo") == -403
    assert reach.judged(b"SSH-2.0-x", "demo") == reach.STRANGE


def test_a_place_tells_of_all_pages_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reach, "PORT", 9)
    monkeypatch.setattr(reach, "SECONDS", 0.2)
    monkeypatch.setattr(sys, "argv", ["-c", json.dumps([["a.mx", "x", ["127.0.0.1", "127.0.0.2"]], ["b.mx", "x", []]])])
    reach.main()
    assert json.loads(capsys.readouterr().out) == {
        "a.mx": dict.fromkeys(["127.0.0.1", "127.0.0.2"], errno.ECONNREFUSED)
    }
