"""The roles skip the calls for files, units and containers that `server_probe` saw to be as wanted, and no others."""

from __future__ import annotations

import copy
import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_kit import ansible
from look_kit import held_and_answering
from plugin_kit import load

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
KEY = "drawn for one run"


PROBE, WRITTEN, MANAGED_FILES, CONTAINER = (
    load(f"{name}.py")
    for name in ("module_utils/probe/server", "module_utils/probe/written", "action/managed_files", "action/container")
)


@pytest.fixture
def payload(tmp_path: Path) -> dict[str, Any]:
    """Files, folders and links installed below a folder, as the action plugin describes them to the module."""
    user, group = subprocess.check_output(["stat", "--format=%U %G", tmp_path], text=True).split()
    attributes = {"owner": user, "group": group}
    (tmp_path / "etc/chrony.d").mkdir(parents=True)
    (tmp_path / "etc/a.conf").write_text("answer=42\n")
    (tmp_path / "etc/a.conf").chmod(0o600)
    (tmp_path / "etc/link").symlink_to("a.conf")
    content = "YW5zd2VyPTQyCg=="  # answer=42
    return {
        "files": {
            f"{tmp_path}/etc/a.conf": {**attributes, "mode": "0600", "content": content},
            # Templates that render to nothing, in a folder that exists and in one that does not.
            f"{tmp_path}/etc/chrony.d/optional": {**attributes, "mode": "0644", "content": "Cg=="},
            f"{tmp_path}/etc/none.d/optional": {**attributes, "mode": "0644", "content": ""},
        },
        "directories": {f"{tmp_path}/etc/chrony.d": {**attributes, "mode": "0755"}},
        "links": {f"{tmp_path}/etc/link": "a.conf"},
        "absent": [f"{tmp_path}/etc/default"],
    }


def look(payload: dict[str, Any]) -> dict[str, Any]:
    """Describe, as `server_probe` does, the paths of a payload that `managed_files` would have recorded."""
    touched = [path for kind in ("files", "directories", "links") for path in payload[kind] if "optional" not in path]
    seen = {path: PROBE.describe(path, KEY.encode()) for path in touched}
    return {"paths": {path: line for path, line in seen.items() if line}, "folders": PROBE.folders(touched)}


def test_files_as_wanted_are_current(payload: dict[str, Any]) -> None:
    assert MANAGED_FILES.is_current(payload, look(payload), KEY)


CHANGES = {
    "content": "echo answer=43 >etc/a.conf",
    "mode": "chmod 644 etc/a.conf",
    "file removed": "rm etc/a.conf",
    "folder in a file's place": "rm etc/a.conf; mkdir etc/a.conf",
    "link in a file's place": "mv etc/a.conf etc/b; ln -s b etc/a.conf",
    "mode of a folder": "chmod 700 etc/chrony.d",
    "link elsewhere": "ln -sfn /dev/null etc/link",
    "file in a link's place": "rm etc/link; cp etc/a.conf etc/link",
    "file that nothing wants": "touch etc/chrony.d/optional",
    "file that nothing wants, in a new folder": "mkdir etc/none.d; touch etc/none.d/optional",
    "link to nowhere that nothing wants": "ln -s /nowhere etc/default",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_a_file_is_noticed(payload: dict[str, Any], tmp_path: Path, change: str) -> None:
    subprocess.run(["sh", "-euc", change], cwd=tmp_path, check=True)
    assert not MANAGED_FILES.is_current(payload, look(payload), KEY)


def test_another_owner_is_seen(payload: dict[str, Any], tmp_path: Path) -> None:
    payload["files"][f"{tmp_path}/etc/a.conf"]["owner"] = "prep-corte"
    assert not MANAGED_FILES.is_current(payload, look(payload), KEY)


def test_an_owner_without_a_name_is_told_by_number() -> None:
    """Files of a Docker image can belong to a user id that has no name on the server."""
    assert WRITTEN.owner(WRITTEN.pwd.getpwuid, 54321) == "54321"


def test_what_was_not_looked_at_does_not_count_as_seen(payload: dict[str, Any]) -> None:
    seen = look(payload)
    for path in payload["files"]:
        seen["paths"].pop(path, None)
    assert not MANAGED_FILES.is_current(payload, seen, KEY)
    assert not MANAGED_FILES.is_current(payload, {"paths": {}, "folders": {}}, KEY), "no path was looked at"


def test_contents_are_told_only_to_who_has_the_key(payload: dict[str, Any], tmp_path: Path) -> None:
    assert not MANAGED_FILES.is_current(payload, look(payload), "another run's")
    told = PROBE.describe(str(tmp_path / "etc/a.conf"), KEY.encode())
    assert told != PROBE.describe(str(tmp_path / "etc/a.conf"), b"")


def test_what_tree_never_makes_is_not_described(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        assert PROBE.describe(str(tmp_path / "socket"), b"") is None
    os.mkfifo(tmp_path / "pipe")
    assert PROBE.describe(str(tmp_path / "pipe"), b"") is None


@pytest.fixture
def admin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of an account that may use sudo, with its keys."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh/authorized_keys").write_text("ssh-ed25519 B b\nssh-ed25519 A a\n")
    (tmp_path / ".ssh/authorized_keys").chmod(0o600)
    (tmp_path / "shadow").write_text("ana:$6$x:1:0:99999:7:::\nroot:*:1:0:99999:7:::\n")
    account = ("ana", "x", os.getuid(), os.getgid(), "Instituto (PREP)", str(tmp_path), "/bin/bash")
    monkeypatch.setattr(PROBE.pwd, "getpwall", lambda: [PROBE.pwd.struct_passwd(account)])
    monkeypatch.setattr(PROBE, "members", lambda group: ["ana"])
    return tmp_path


def digest(home: Path) -> str:
    return str(PROBE.admins(KEY.encode(), shadow=str(home / "shadow"))["ana"])


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (["ssh-ed25519 A a", "ssh-ed25519 B b"], ""),
        # As ansible.posix.authorized_key writes them: a comment with single spaces, a space also where there is none.
        (["ssh-ed25519 A Ana  de la  Cruz\n", "ssh-ed25519 B"], "ssh-ed25519 A Ana de la Cruz\nssh-ed25519 B \n"),
        (["ssh-ed25519 AAaa a", "ssh-ed25519 AABB b"], "ssh-ed25519 AAaa a\nssh-ed25519 AABB b\n"),
    ],
    ids=["alike", "spaces", "capitals"],
)
def test_an_admin_is_told_in_the_lines_that_the_role_writes(admin: Path, said: list[str], written: str) -> None:
    """Otherwise each run would give the account anew what it has."""
    if written:
        (admin / ".ssh/authorized_keys").write_text(written)
    variables = {
        "ansible_facts": {"current_state": {"admins": {"ana": digest(admin)}}},
        "preflight_key": KEY,
        "accounts_admin_user": "ana",
        "accounts_revoked": False,
        "accounts_admin_password_hash": "$6$x",
        "accounts_admin_keys": said,
    }
    owner = subprocess.check_output(["stat", "--format=%U %G", admin], text=True).strip()
    role = yaml.safe_load((PLUGINS.parent / "roles/accounts/vars/main.yml").read_text())
    values = {**role, **variables, "_accounts_admin_owner": owner, "_accounts_admin_home": str(admin)}
    trusted = {name: trust_as_template(value) if isinstance(value, str) else value for name, value in values.items()}
    is_current = Templar(loader=DataLoader(), variables=trusted).template(trusted["accounts_admin_is_current"])
    assert is_current is True


@pytest.mark.parametrize(
    ("login", "hashed", "revoked", "refused"),
    [
        ("ana", "$6$x", False, False),
        ("ana", "$6$otra", False, True),
        ("operador", "$6$otra", False, False),
        ("ana", "", False, False),  # sudo asks for none any more
        ("ana", "$6$otra", True, False),
    ],
)
@pytest.mark.usefixtures("admin")
def test_the_password_of_the_account_in_use_does_not_change(
    tmp_path: Path, login: str, hashed: str, revoked: bool, refused: bool
) -> None:
    inputs = {
        "ansible_facts": {
            "user_id": login, "current_state": {"passwords": PROBE.passwords(KEY.encode(), shadow=f"{tmp_path}/shadow")}
        },
        "preflight_key": KEY,
        "accounts_admin_user": "ana",
        "accounts_revoked": revoked,
        "accounts_admin_password_hash": hashed,
    }  # fmt: skip
    assert role_kit.value("accounts", "_accounts_own_password_changes", inputs) is refused


@pytest.mark.parametrize(
    "change",
    [
        "echo ssh-ed25519 C c >>.ssh/authorized_keys", "sed -i 1d .ssh/authorized_keys", "rm .ssh/authorized_keys",
        "chmod 644 .ssh/authorized_keys", "chmod 755 .ssh", "sed -i s/6.x/6$y/ shadow", "sed -i s/99999/30/ shadow",
        "sed -i 1s/:::/::20970:/ shadow",
        "mv .ssh lost",
    ],
)  # fmt: skip
def test_an_admin_who_was_changed_by_hand_is_seen(admin: Path, change: str) -> None:
    before = digest(admin)
    subprocess.run(change, shell=True, check=True, cwd=admin)
    assert digest(admin) != before


def test_a_folder_that_cannot_be_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = tmp_path / "bien", tmp_path / "mal"
    good.mkdir()
    bad.mkdir()
    listed = os.listdir

    def damaged(folder: str) -> list[str]:
        if folder == str(bad):
            raise OSError("Input/output error")
        return listed(folder)

    monkeypatch.setattr(PROBE.os, "listdir", damaged)
    found = PROBE.folders([str(good / "a"), str(bad / "b"), str(tmp_path / "nada/c")])
    assert found[str(good)] == [] and str(bad) not in found and str(tmp_path / "nada") not in found
    assert "mal" in found[str(tmp_path)]


def test_an_admin_whose_records_are_damaged_or_in_an_old_encoding_ends_no_look(
    admin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, (account,) = digest(admin), PROBE.pwd.getpwall()
    old = (*account[:4], b"Mar\xeda".decode("utf-8", "surrogateescape"), *account[5:])
    monkeypatch.setattr(PROBE.pwd, "getpwall", lambda: [PROBE.pwd.struct_passwd(old)])
    assert digest(admin) != before
    (admin / "shadow").write_text("ana:$6$x\n")
    assert PROBE.admins(KEY.encode(), shadow=str(admin / "shadow")) == {}, "not looked at, so not as wanted"


def test_a_unit_is_current_when_it_runs_starts_at_boot_and_matches_its_files() -> None:
    def shown(name: str, load: str = "loaded", active: str = "active", file: str = "enabled", stale: str = "no") -> str:
        return f"Id={name}\nLoadState={load}\nActiveState={active}\nUnitFileState={file}\nNeedDaemonReload={stale}\n"

    units = [
        shown("running.service"),
        shown("starting.service", active="activating"),
        shown("failed.service", active="failed"),
        shown("by-hand.service", file="disabled"),
        shown("edited.timer", stale="yes"),
        shown("mentioned.service", load="not-found", active="inactive", file=""),
    ]
    assert PROBE.units("\n".join(units).splitlines()) == {
        "running.service": True,
        "starting.service": False,
        "failed.service": False,
        "by-hand.service": False,
        "edited.timer": False,
    }
    assert PROBE.units([]) == {}


WANTED = {
    "name": "prep-1",
    "image": "prep-difusor/prep:1",
    "network": "prep",
    "published_ports": ["127.0.0.1:20001:8080"],
    "volumes": ["/srv/prep/publico:/srv/prep:ro"],
    "read_only": True,
    "tmpfs": ["/tmp:rw,noexec,size=16m"],
    "cap_drop": ["ALL"],
    "security_opts": ["no-new-privileges:true"],
    "memory": "256m",
    "pids_limit": 64,
    "cpu_shares": 2048,
    "dns_servers": ["127.0.0.1"],
    "log_driver": "local",
    "log_options": {"max-size": "10m"},
    "restart_policy": "unless-stopped",
    "role": "prep",
}
INSPECTED = {
    "Name": "/prep-1",
    "Image": "sha256:a",
    "State": {"Status": "running", "Health": {"Status": "healthy"}},
    "HostConfig": {
        "Binds": ["/srv/prep/publico:/srv/prep:ro"],
        "CapDrop": ["ALL"],
        "CpuShares": 2048,
        "Dns": ["127.0.0.1"],
        "LogConfig": {"Type": "local", "Config": {"max-size": "10m"}},
        "Memory": 268435456,
        "MemorySwap": 268435456,
        "NetworkMode": "prep",
        "PidsLimit": 64,
        "PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20001"}]},
        "ReadonlyRootfs": True,
        "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
        "SecurityOpt": ["no-new-privileges:true"],
        "Tmpfs": {"/tmp": "rw,noexec,size=16m"},
        "Ulimits": [],
    },
    "NetworkSettings": {"Networks": {"prep": {"NetworkID": "a"}}},
}


def in_docker(inspected: dict[str, Any], *, reached: bool | None = True) -> dict[str, Any]:
    """Return what is found of one container; with None for `reached`, whether its published port really answers."""
    containers = PROBE.containers([inspected])
    if reached is not None:
        containers["prep-1"]["reached"] = reached
    return {"images": PROBE.images([{"Id": "sha256:a", "RepoTags": ["prep-difusor/prep:1"]}]), "containers": containers}


@pytest.mark.parametrize(("profile", "confined"), [("docker-default", True), ("", False), (None, False)])
def test_a_container_is_confined_where_it_was_started_with_a_profile(profile: str | None, confined: bool) -> None:
    seen = in_docker({**INSPECTED, "AppArmorProfile": profile})
    assert seen["containers"]["prep-1"]["confined"] is confined


def test_a_container_as_wanted_is_current() -> None:
    assert CONTAINER.is_current(WANTED, in_docker(INSPECTED))


@pytest.mark.parametrize("networks", [[], ["bridge"], ["bridge", "prep"]])
def test_a_container_off_its_network_or_on_another_is_made_anew(networks: list[str]) -> None:
    seen = in_docker({**INSPECTED, "NetworkSettings": {"Networks": {name: {} for name in networks}}})
    assert not CONTAINER.is_current(WANTED, seen) and CONTAINER.is_elsewhere(WANTED, seen)
    assert not CONTAINER.is_elsewhere(WANTED, in_docker(INSPECTED)) and not CONTAINER.is_elsewhere(WANTED, None)


@pytest.mark.parametrize(
    "folders",
    [
        {"Binds": ["/srv/mio:/usr/share/prep/site:ro", "/srv/prep/publico:/srv/prep:ro"]},
        {"Mounts": [{"Type": "bind", "Source": "/srv/mio", "Target": "/usr/share/prep/site", "ReadOnly": True}]},
        {"Tmpfs": None},
        {"VolumesFrom": ["otro"]},
    ],
)
def test_a_container_that_sees_other_folders_is_made_anew(folders: dict[str, Any]) -> None:
    """The module adds folders that are missing and leaves those that somebody added."""
    seen = in_docker({**INSPECTED, "HostConfig": {**INSPECTED["HostConfig"], **folders}})
    assert not CONTAINER.is_current(WANTED, seen) and CONTAINER.sees_others(WANTED, seen)
    assert not CONTAINER.sees_others(WANTED, in_docker(INSPECTED)) and not CONTAINER.sees_others(WANTED, None)


def test_a_container_that_runs_and_is_not_reached_is_made_anew() -> None:
    """It is off its bridge, or it hangs: a restart of Docker leaves both as they are."""
    assert not CONTAINER.is_unreached("prep-1", in_docker(INSPECTED))
    seen = in_docker(INSPECTED, reached=False)
    assert not CONTAINER.is_current(WANTED, seen) and CONTAINER.is_unreached("prep-1", seen)
    seen["containers"]["prep-1"]["state"] = "paused"
    assert not CONTAINER.is_unreached("prep-1", seen) and not CONTAINER.is_unreached("prep-1", None)


def test_a_container_is_not_reached_where_docker_only_holds_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is once somebody has emptied the kernel's tables: the container is healthy, and nginx waits in vain."""
    monkeypatch.setattr(PROBE, "ANSWER", 3.0)  # what answers may be late on a busy machine
    settings: Any = INSPECTED["HostConfig"]
    with held_and_answering() as ports:
        for port, reached in zip(ports, (False, True), strict=True):
            bindings = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
            found = in_docker({**INSPECTED, "HostConfig": {**settings, "PortBindings": bindings}}, reached=None)
            seen = found["containers"]["prep-1"]
            assert (seen["healthy"], seen["reached"]) == (True, reached)


@pytest.mark.parametrize(
    ("chain", "options", "translates"),
    [
        (["-N DOCKER"], {}, True),
        ([], {"iptables": True}, False),
        ([], {"iptables": False}, True),
        ([], {"firewall-backend": "nftables"}, True),
    ],
)
def test_dockers_chain_is_missed_where_docker_makes_one(
    chain: list[str], options: dict[str, Any], translates: bool
) -> None:
    assert PROBE.translates(lambda *_: chain, options) is translates


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_container_without_ports_is_current_in_each_form_of_dockers_answer(nothing: Any) -> None:
    settings: Any = INSPECTED["HostConfig"]
    inspected = {**INSPECTED, "HostConfig": {**settings, "PortBindings": nothing}}
    assert CONTAINER.is_current({**WANTED, "published_ports": []}, in_docker(inspected))
    assert not CONTAINER.is_current(WANTED, in_docker(inspected))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("Image", "sha256:b"),  # the tag now names another image
        ("State", {"Status": "paused"}),
        ("State", {"Status": "exited"}),
        *(
            ("HostConfig", {**INSPECTED["HostConfig"], name: None})
            for name in PROBE.SETTINGS
            if name in INSPECTED["HostConfig"] and name != "RestartPolicy"
        ),  # type: ignore[dict-item]
        ("HostConfig", {**INSPECTED["HostConfig"], "RestartPolicy": {"Name": "no"}}),  # type: ignore[dict-item]
    ],
)
def test_a_container_that_differs_is_not_current(part: str, value: Any) -> None:
    assert not CONTAINER.is_current(WANTED, in_docker({**copy.deepcopy(INSPECTED), part: value}))


def test_a_missing_container_is_not_current() -> None:
    for described in ([], [{}]):  # the engine knows no such container, or no longer
        assert not CONTAINER.is_current(WANTED, {"images": {}, "containers": PROBE.containers(described)})
    assert not CONTAINER.is_current({**WANTED, "image": "prep-difusor/prep:2"}, in_docker(INSPECTED))


@pytest.mark.parametrize(
    ("status", "stopped"), [("running", False), ("paused", False), ("exited", True), ("created", True)]
)
def test_a_container_that_stopped_is_made_anew(status: str, stopped: bool) -> None:
    """Docker starts it no more when its network was removed meanwhile, even if there is one of that name again."""
    seen = in_docker({**INSPECTED, "State": {"Status": status}})
    (name,) = seen["containers"]
    assert CONTAINER.is_stopped(name, seen) is stopped
    assert not CONTAINER.is_stopped("another", seen)
    assert not CONTAINER.is_stopped(name, None)


def test_every_setting_that_is_compared_is_one_that_is_read() -> None:
    assert set(CONTAINER.settings(WANTED)) == set(PROBE.SETTINGS)


def test_networks_are_known_by_their_options() -> None:
    options = {"com.docker.network.bridge.name": "br-prep"}
    listed = [{"Name": "prep", "Options": options}, {"Name": "bridge", "Options": {}}, {"Name": "x", "Options": None}]
    assert PROBE.networks(listed) == {"prep": options, "bridge": {}, "x": {}}


UNITS = """
- hosts: all
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: PYTHON
    case: "{{ cases[inventory_hostname] }}"
  tasks:
    - ansible.builtin.set_fact:
        current_state: {units: {prep-running.service: true, prep-stopped.service: false}}
        cacheable: true
    - unit: {name: prep-running.service}
    - ansible.builtin.set_fact:
        packages_arrived: "{{ case.packages_arrived | default(false) }}"
    - unit:
        name: "prep-{{ case.unit }}.service"
        restart: "{{ case.restart | default(false) }}"
        stopped: "{{ case.stopped | default(false) }}"
"""
ASKED = {
    "running": ({"unit": "running"}, False),
    "running_but_its_files_changed": ({"unit": "running", "restart": True}, True),
    "ran_before_packages_arrived": ({"unit": "running", "packages_arrived": True}, True),
    "stopped": ({"unit": "stopped"}, True),
    "unknown": ({"unit": "unknown"}, True),
    "running_but_it_shall_not": ({"unit": "running", "stopped": True}, True),
}
ASKED_IN_CHECK_MODE = {
    "unknown": ({"unit": "unknown"}, False),  # check mode has not installed it
    "running_but_its_files_changed": ({"unit": "running", "restart": True}, False),
    "stopped": ({"unit": "stopped"}, True),
}


@pytest.mark.parametrize(("cases", "options"), [(ASKED, ()), (ASKED_IN_CHECK_MODE, ("--check",))])
def test_a_running_unit_is_not_asked_for(
    tmp_path: Path, python: Path, cases: dict[str, tuple[dict[str, Any], bool]], options: tuple[str, ...]
) -> None:
    """systemd has no such units, so a case, a host of the play, fails exactly when systemd is asked."""
    play = tmp_path / "play.yml"
    play.write_text(UNITS.replace("PYTHON", str(python)))
    values = json.dumps({"cases": {case: values for case, (values, _) in cases.items()}})
    result = ansible("playbook", "-i", ",".join(cases), play, "--extra-vars", values, *options)
    failed = set(re.findall(r"fatal: \[(\w+)\]: FAILED!", result.stdout))
    changed = set(re.findall(r"^(\w+) .* changed=1 ", result.stdout, re.MULTILINE))
    assert failed == {case for case, (_, asked) in cases.items() if asked}, result.stdout
    assert changed == (set(cases) - failed if options else set()), result.stdout
