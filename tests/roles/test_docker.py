"""Docker's options: an engine of the project's is closed; one that the outlet ran before keeps the outlet's options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import role_kit
import suite_kit
import yaml
from ansible_kit import ansible
from plugin_kit import load

DEFAULTS = role_kit.ROLES / "docker/defaults/main.yml"


def options(before: bool, theirs: dict[str, Any]) -> dict[str, Any]:
    facts = {"packages": {}, "distribution_release": "jammy", "docker_daemon": theirs, "docker_before": before}
    rendered: dict[str, Any] = json.loads(role_kit.render("docker", "etc/docker/daemon.json", {"ansible_facts": facts}))
    return rendered


def test_an_outlets_engine_keeps_its_options() -> None:
    """Otherwise its containers could not talk to each other any more, and published ports would move to loopback."""
    theirs = {"data-root": "/datos/docker", "icc": True, "log-driver": "journald"}
    assert options(True, theirs) == {**theirs, "live-restore": True}
    assert options(True, {}) == {"live-restore": True}


@pytest.mark.parametrize(
    ("before", "now", "mode"),
    [
        (None, None, "0644"),
        (0o600, None, "0600"),
        (None, 0o640, "0640"),
        (0o600, 0o644, "0600"),  # a run of an earlier version has opened it
        (0o644, 0o600, "0600"),
        (0o666, 0o666, "0644"),
    ],
)
def test_options_that_others_may_not_read_stay_so(
    before: int | None, now: int | None, mode: str, tmp_path: Path
) -> None:
    """A proxy's address in daemon.json has its password, and every account of the server could read it."""
    found, present = tmp_path / "found", tmp_path / "daemon.json"
    for path, each in ((Path(f"{found}{DAEMON}"), before), (present, now)):
        if each is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            path.chmod(each)
    assert load("module_utils/probe/engine.py").daemon_mode(str(found), str(present)) == mode


def test_every_task_that_writes_the_engines_options_keeps_their_mode() -> None:
    files = {path.name: path.read_text() for path in (role_kit.ROLES / "docker/tasks").glob("*.yml")}
    writing = [
        re.sub(r"\s+", " ", text) for text in files.values() if re.search(rf"(dest: .*|^ +){DAEMON}", text, re.M)
    ]
    assert len(writing) == 3
    mode = r'mode: "\{\{ ansible_facts[.]docker_daemon_mode \}\}"'
    assert [text for text in writing if not re.search(rf'{DAEMON}(?:"? |: \{{){mode}', text)] == []


@pytest.mark.parametrize(("mode", "is_secret"), [("0644", False), ("0640", True), ("0600", True)])
def test_what_others_may_not_read_of_the_options_is_in_no_diff(mode: str, is_secret: bool) -> None:
    facts = {"docker_daemon_mode": mode}
    given = {"ansible_facts": facts, "ansible_diff_mode": True}
    (installed,) = (
        task["managed_files"]["files"][DAEMON]
        for task in yaml.safe_load((role_kit.ROLES / "docker/tasks/engine.yml").read_text())
        if "managed_files" in task
    )
    assert role_kit.value("docker", "each", {**given, "each": installed["sensitive"]}) is is_secret
    copying = [*role_kit.ROLES.glob("docker/tasks/options.yml"), *role_kit.ROLES.glob("docker/tasks/remove.yml")]
    shown = [line for path in copying for line in re.findall(r"diff: \"(.*)\"", path.read_text())]
    assert [role_kit.value("docker", "each", {**given, "each": each}) for each in shown] == [not is_secret] * 2


def test_an_engine_of_the_projects_is_closed() -> None:
    found = options(False, {})
    assert (found["icc"], found["ip"], found["no-new-privileges"]) == (False, "127.0.0.1", True)
    assert found["live-restore"] is True


def test_the_preflight_judges_the_addresses_that_the_network_will_have() -> None:
    """It runs before the role whose default they are, so they are written there again."""
    wired = yaml.safe_load((role_kit.ROLES.parent / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    subnet = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["docker_subnet"]
    assert wired["preflight_subnet"] == f"{{{{ docker_subnet | default('{subnet}') }}}}"


def test_the_probe_knows_which_options_are_the_projects() -> None:
    """It takes the others in a later daemon.json for the outlet's."""
    probe, defaults = load("module_utils/probe/engine.py"), yaml.safe_load(DEFAULTS.read_text())
    assert tuple(sorted(defaults["docker_daemon"])) == probe.OPTIONS
    assert tuple(sorted(defaults["docker_daemon_shared"])) == probe.SHARED_OPTIONS


@pytest.mark.parametrize(
    ("installed", "shared", "packages"),
    [
        ([], False, ["python3-requests", "apparmor", "docker.io"]),
        (["docker-ce"], False, ["python3-requests", "apparmor"]),
        # Where the kernel's policy is the machine's, an engine that finds AppArmor starts no container.
        ([], True, ["python3-requests", "docker.io"]),
    ],
)
def test_the_engine_gets_what_it_confines_containers_with(
    installed: list[str], shared: bool, packages: list[str]
) -> None:
    seen = {"containers": {}, "confinable": True, "confining": True}
    facts: dict[str, Any] = {"packages": dict.fromkeys(installed, "1"), "distribution_release": "bookworm"}
    facts["current_state"] = seen
    inputs = {"ansible_facts": facts, "kernel_shared": shared, "ansible_check_mode": False}
    assert role_kit.value("docker", "docker_packages", inputs) == packages
    arrived = {**inputs, "packages_arrived": True}
    assert role_kit.value("docker", "_docker_unconfined", arrived) is not shared
    assert role_kit.value("docker", "_docker_unconfined", inputs) is False, "without the role packages nothing came"
    facts["packages"] |= {"apparmor": "3"}
    assert role_kit.value("docker", "_docker_unconfined", arrived) is False


@pytest.mark.parametrize(
    ("confinable", "confining", "confined", "shared", "engine", "loose"),
    [
        (True, False, False, False, True, ["prep-1"]),  # the last run ended before it started the engine anew
        (True, True, False, False, False, ["prep-1"]),  # or before it started the containers anew
        (True, True, True, False, False, []),
        (False, True, False, False, False, []),  # a kernel without AppArmor
        (True, False, False, True, False, []),
    ],
)
def test_what_an_interrupted_run_left_unconfined_is_confined_by_the_next(
    confinable: bool, confining: bool, confined: bool, shared: bool, engine: bool, loose: list[str]
) -> None:
    containers = {
        name: {"state": state, "confined": confined} for name, state in (("prep-1", "running"), ("x", "exited"))
    }
    seen = {"containers": containers, "confinable": confinable, "confining": confining}
    facts = {"packages": {"apparmor": "3"}, "distribution_release": "bookworm", "current_state": seen}
    inputs = {"ansible_facts": facts, "kernel_shared": shared, "ansible_check_mode": False}
    assert role_kit.value("docker", "_docker_unconfined", inputs) is engine
    assert role_kit.value("docker", "_docker_loose", inputs) == loose
    del facts["packages"]["apparmor"]
    assert role_kit.value("docker", "_docker_loose", inputs) == [], "a restart would change nothing"


@pytest.mark.parametrize(
    ("enabled", "said", "confinable", "confining"),
    [
        ("Y", {"SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin"]}, True, True),
        ("Y", {"SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"]}, True, False),
        ("Y", {"SecurityOptions": None}, True, True),
        ("Y", {}, True, True),  # the engine does not run, and will look when it starts
        ("N", {"SecurityOptions": ["name=seccomp"]}, False, True),
        (None, {}, False, True),
    ],
)
def test_an_engine_that_started_before_apparmor_came_is_known(
    enabled: str | None,
    said: dict[str, Any],
    confinable: bool,
    confining: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    probe = load("module_utils/probe/engine.py")
    monkeypatch.setattr(probe, "APPARMOR", str(tmp_path))
    monkeypatch.setattr(probe, "ENABLED", str(tmp_path / "enabled"))
    if enabled:
        (tmp_path / "enabled").write_text(f"{enabled}\n")
    assert probe.confinement(SimpleNamespace(info=said)) == {"confinable": confinable, "confining": confining}


def test_apparmor_stays_with_an_engine_that_stays() -> None:
    """Without it the containers that somebody has put there since would run unconfined from the next boot on."""
    facts = {"distribution_release": "bookworm"}
    for theirs, kept in ((["datos"], ["docker.io", "apparmor"]), ([], [])):
        inputs = {"ansible_facts": facts, "kernel_shared": False, "_docker_theirs": [theirs]}
        assert role_kit.value("docker", "docker_kept", inputs) == kept


@pytest.mark.parametrize(
    ("check", "others", "left", "kept"),
    [
        (True, ["ajeno"], {"skipped": True}, True),
        (True, [], {"skipped": True}, False),
        (False, ["ajeno"], {"containers": [], "images": [], "volumes": []}, False),
        (False, [], {"containers": [], "images": [], "volumes": ["ajeno"]}, True),
        (False, [], {"containers": [{"Names": ["/prep-1"]}, {"Names": ["/suyo"]}], "images": [], "volumes": []}, True),
        (False, [], {"containers": [{"Names": ["/prep-1"]}], "images": [{"Id": "sha256:1"}], "volumes": []}, False),
    ],
)
def test_what_others_have_put_into_the_engine_is_looked_at_again_before_it_leaves(
    check: bool, others: list[str], left: dict[str, Any], kept: bool
) -> None:
    """A preview believes the first look; in a real run somebody may have brought something since."""
    facts = {
        "distribution_release": "bookworm", "packages": {"docker.io": "1", "python3-requests": "1"},
        "docker_others": others, "current_state": {"containers": {"prep-1": {}}, "images": {"x": "sha256:1"}},
    }  # fmt: skip
    inputs = {"ansible_check_mode": check, "ansible_facts": facts, "kernel_shared": True, "__docker_left": left}
    assert role_kit.value("docker", "docker_kept", inputs) == (["docker.io"] if kept else [])


def test_a_preview_knows_a_roles_images_from_the_first_look() -> None:
    images = {"prep-difusor/waf:1": "sha256:1", "prep-difusor/waf:2": "sha256:1", "prep-difusor/prep:1": "sha256:3"}
    inputs = {
        "ansible_facts": {"current_state": {"images": images}},
        "docker_withdrawn": "waf",
        "__docker_images": {"images": [{"Id": "sha256:9"}]},
    }
    for check, found in ((True, ["sha256:1"]), (False, ["sha256:9"])):
        assert role_kit.value("docker", "_docker_withdrawn_images", {**inputs, "ansible_check_mode": check}) == found


@pytest.mark.parametrize("kept", ["/usr/bin/dockerd", "/usr/sbin/dockerd", ""])
def test_an_engine_that_stays_keeps_its_group_and_key(kept: str) -> None:
    """Debian has its program in another folder than Ubuntu; docker.socket does not start without its group."""
    look, leave = yaml.safe_load((role_kit.ROLES / "docker/tasks/leftovers.yml").read_text())
    found = [{"stat": {"exists": path == kept}} for path in look["loop"]]
    inputs = {look["register"]: {"results": found}, "ansible_facts": {"packages": {"docker.io": "1"}}}
    assert role_kit.value("docker", leave["when"], {**inputs, "ansible_check_mode": False}) is (kept == "")
    skipped = {**inputs, "ansible_check_mode": True, look["register"]: {"results": [{"skipped": True}]}}
    assert role_kit.value("docker", f"{look['when']}, {leave['when']}", skipped) == [False, False]
    names = [task["name"] for task in leave["block"]]
    assert "Delete the engine's key" in names and "Delete the engine's group, unless somebody is in it" in names


@pytest.mark.parametrize(
    ("added", "group", "unneeded"),
    [
        (["docker"], ["x", "104", ""], True),
        ([], ["x", "104", ""], False),  # it was there before the project
        (["docker"], None, False),  # it is gone already
        (["docker"], ["x", "104", "ana"], False),  # the outlet has put somebody in it since
        (["docker"], ["x", "1000", ""], False),  # it is the own group of ana
    ],
)
def test_the_group_of_an_engine_that_left_goes_unless_somebody_has_it(
    added: list[str], group: list[str] | None, unneeded: bool
) -> None:
    facts = {
        "getent_group": {"docker": group},
        "getent_passwd": {"root": ["x", "0", "0", "", "", ""], "ana": ["x", "1000", "1000", "", "", ""]},
    }
    inputs = {"ansible_facts": facts, "rollback_found": {"groups": {"added": added}}}
    assert role_kit.value("docker", "_docker_group_unneeded", inputs) is unneeded


@pytest.mark.parametrize(
    ("changed", "state", "reached", "translates", "stale"),
    [
        (False, "running", True, True, False),
        (True, "running", True, True, True),
        (False, "running", False, True, True),  # somebody has emptied the kernel's tables, and Docker's rules with them
        (False, "running", True, False, True),  # the same, and the engine has a proxy besides its rules
        (False, "paused", False, True, False),
    ],
)
def test_an_engine_starts_anew_when_its_options_changed_or_its_rules_are_gone(
    changed: bool, state: str, reached: bool, translates: bool, stale: bool
) -> None:
    container = {"state": state, "healthy": True, "reached": reached, "networks": ["prep"]}
    seen = {"containers": {"prep-1": container}, "translates": translates}
    files = ["/etc/docker/daemon.json"] if changed else []
    inputs = {"ansible_facts": {"current_state": seen}, "__docker_tree": {"changed": changed, "changed_files": files}}
    assert role_kit.value("docker", "_docker_stale", inputs) is stale
    assert role_kit.value("docker", "docker_healthy", inputs) == ([] if stale else ["prep-1"])


def test_a_drop_in_of_the_engine_is_read_without_starting_it_anew() -> None:
    """It says when to start and to start again, which a reload of systemd puts in force."""
    files = [f"/etc/systemd/system/{name}.service.d/prep-difusor.conf" for name in ("docker", "containerd")]
    inputs = {
        "ansible_facts": {"current_state": {"containers": {}, "translates": True}},
        "__docker_tree": {"changed": True, "changed_files": files},
    }
    assert role_kit.value("docker", "_docker_stale", inputs) is False
    assert role_kit.value("docker", "_docker_drop_ins", inputs) == files
    service = "/etc/systemd/system/prep-containers.service"
    inputs["__docker_tree"]["changed_files"] = [*files, service]
    assert role_kit.value("docker", "_docker_stale", inputs) is True, "what it runs by starts anew with the engine"


def test_containers_that_have_just_been_confined_are_waited_for() -> None:
    container = {"state": "running", "healthy": True, "reached": True, "networks": ["prep"]}
    seen = {"containers": {"prep-1": container}, "translates": True}
    inputs = {"ansible_facts": {"current_state": seen}, "__docker_confined": {"changed": True}}
    assert role_kit.value("docker", "docker_healthy", inputs) == []


def test_no_engine_starts_anew_for_a_container_that_is_off_its_network() -> None:
    container = {"state": "running", "healthy": True, "reached": False, "networks": []}
    inputs = {"ansible_facts": {"current_state": {"containers": {"prep-1": container}, "translates": True}}}
    assert role_kit.value("docker", "_docker_stale", inputs) is False


def test_no_engine_starts_anew_on_a_server_without_containers() -> None:
    inputs = {"ansible_facts": {"current_state": {"containers": {}, "translates": False}}}
    assert role_kit.value("docker", "_docker_stale", inputs) is False


def test_the_network_of_the_containers_has_addresses_of_its_own() -> None:
    """Docker's own choice may be the campus's, whose citizens would get no answer; a network that is there stays."""
    look, task = yaml.safe_load((role_kit.ROLES / "docker/tasks/network.yml").read_text())
    made = task["community.docker.docker_network"]
    assert made["ipam_config"] == [{"subnet": "{{ docker_subnet }}"}]
    options = role_kit.value("docker", "_docker_network_options", {})
    for networks, found, is_made in (
        ({}, None, True),
        ({}, {"Options": {}}, True),
        ({}, {"Options": options}, False),  # its engine did not run when the role preflight looked
        ({"prep": options}, None, False),
    ):
        inputs = {"ansible_facts": {"current_state": {"networks": networks}}, "docker_ready": True}
        assert role_kit.value("docker", look["when"], inputs) is not bool(networks)
        inputs["__docker_network"] = {"skipped": True} if networks else {"network": found}
        assert role_kit.value("docker", task["when"], inputs) is is_made


def test_an_image_is_copied_also_where_the_record_of_how_the_server_was_found_is_gone(tmp_path: Path) -> None:
    """The copy makes the folder that it needs, and no other: without one, `managed_files` begins a new record."""
    archive, folders = tmp_path / "image.tar", tmp_path / "lib"
    archive.write_text("image")
    folders.mkdir()
    play = tmp_path / "play.yml"
    inputs = {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "docker_image": {"archive": str(archive), "sha256": "0" * 64},
        "rollback_record": str(folders / "record"),
        "_docker_archives": str(folders / "archives"),
    }
    bring = {"name": "docker", "tasks_from": "image_archive", "rolespec_validate": False}
    tasks = [{"ansible.builtin.include_role": bring}]
    play.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = ansible("playbook", "-i", "localhost,", "-c", "local", "-e", json.dumps(inputs), play)
    assert "tiene SHA-256" in done.stdout
    assert [str(path.relative_to(folders)) for path in sorted(folders.rglob("*"))] == ["archives", "archives/image.tar"]
    assert (folders / "archives").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("registro.mx/prep:1.4", "registro.mx/prep"),
        ("registro.mx:5000/prep:1.4", "registro.mx:5000/prep"),
        ("registro.mx:5000/prep", "registro.mx:5000/prep"),
        ("prep:1.4", "prep"),
    ],
)
def test_an_image_with_tag_and_digest_is_asked_for_as_the_engine_keeps_it(name: str, kept: str) -> None:
    """Registries show both, and an engine keeps the digest: the tasks did not find what they had pulled."""
    digest = f"@sha256:{'0' * 64}"
    tasks = yaml.safe_load((role_kit.ROLES / "docker/tasks/image_registry.yml").read_text(encoding="utf-8"))
    for task in tasks:
        (asked,) = [each["name"] for module, each in task.items() if module.startswith("community.docker.")]
        found = role_kit.text("docker", asked, {"docker_image": {"reference": f"{name}{digest}"}})
        assert found == f"{kept}{digest}"


@pytest.mark.parametrize("empty", [{}, {"archive": None, "sha256": None}])
def test_an_image_is_pulled_where_the_inventory_leaves_the_archive_empty(empty: dict[str, None]) -> None:
    """A line without a value is none: a run looked for an archive of that name on the operator's machine."""
    image = {**empty, "reference": f"registro.test/prep@sha256:{'ab' * 32}"}
    bring = yaml.safe_load((role_kit.ROLES / "docker/tasks/image.yml").read_text())[-1]
    assert role_kit.text("docker", bring["ansible.builtin.include_tasks"], {"docker_image": image}).endswith(
        "registry.yml"
    )
    listed, pulled = yaml.safe_load((role_kit.ROLES / "prep/tasks/files.yml").read_text())
    inputs = {"prep_image": image, "docker_ready": True}
    assert [role_kit.value("prep", each["when"], inputs) for each in (listed, pulled)] == [False, True]
    for role in ("prep", "waf"):
        assert role_kit.value(role, f"_{role}_digest", {f"{role}_image": image}) == "ab" * 6
    assert suite_kit.load("pinned.py").archive(image) is None
    packed = {"prep_image": {"archive": "/a.tar", "sha256": "cd" * 32, "reference": None}, "docker_ready": True}
    assert [role_kit.value("prep", each["when"], packed) for each in (listed, pulled)] == [True, False]
    assert role_kit.value("prep", "_prep_digest", packed) == "cd" * 6


def test_empty_folders_of_an_engine_that_left_are_deleted_from_within() -> None:
    """`rmdir` leaves a folder with another one in it, without a word, and the outer one stayed on the server."""
    _, leave = yaml.safe_load((role_kit.ROLES / "docker/tasks/leftovers.yml").read_text())
    loop = leave["block"][-1]["loop"].strip("{ }")
    given = {"rollback_found": {"etc": {"added": ["/etc/cni", "/etc/cni/net.d", "/etc/docker"]}}}
    assert role_kit.value("docker", loop, given) == ["/etc/docker", "/etc/cni/net.d", "/etc/cni"]


@pytest.fixture
def engine_of_0_1_0(tmp_path: Path) -> Callable[..., tuple[Any, bool]]:
    """Return a function that says what the owner's options are, and whether he has changed them since, on a server.

    His engine ran before. `paths`: what the record says that runs wrote; `later`: whether a file of a later version is
    there.
    """

    def look(before: str, now: str, paths: Sequence[str], later: bool = False) -> tuple[Any, bool]:
        found, present = tmp_path / "record/found", tmp_path / "daemon.json"
        for path, text in {
            "var/lib/dpkg/status": "Package: docker.io\nStatus: install ok installed\n",
            "etc/docker/daemon.json": before,
        }.items():
            (found / path).parent.mkdir(parents=True, exist_ok=True)
            (found / path).write_text(text)
        (found.parent / "paths").write_text("".join(f"{path}\n" for path in paths))
        present.write_text(now)
        drop_in = tmp_path / "prep-difusor.conf"
        if later:
            drop_in.touch()
        said = load("module_utils/probe/engine.py").facts(lambda *_: [], str(found), str(present), str(drop_in))
        return said["docker_daemon"], said["docker_daemon_since"]

    return look


CLOSED: dict[str, Any] = load("module_utils/probe/engine.py").WRITTEN
DAEMON, DROP_IN = "/etc/docker/daemon.json", "/etc/systemd/system/docker.service.d/prep-difusor.conf"


def test_what_version_0_1_0_wrote_into_the_outlets_options_is_not_the_outlets(
    engine_of_0_1_0: Callable[..., tuple[Any, bool]],
) -> None:
    """It cut his containers off from each other for ever, and a removal handed it to him as his own."""
    his = {"icc": True, "bip": "10.0.0.1/24"}
    assert engine_of_0_1_0(json.dumps(his), json.dumps({**his, **CLOSED}), [DAEMON]) == (his, False)
    assert engine_of_0_1_0("{}", json.dumps(CLOSED), [DAEMON]) == ({}, False)
    later = {**his, **CLOSED, "icc": False, "ip": "192.0.2.7", "data-root": "/datos"}
    kept = {**his, "ip": "192.0.2.7", "data-root": "/datos"}
    assert engine_of_0_1_0(json.dumps(his), json.dumps(later), [DAEMON]) == (kept, True), "what he changed since is his"
    assert engine_of_0_1_0(json.dumps(CLOSED), json.dumps(CLOSED), [DAEMON]) == (CLOSED, False), "he had it before"


@pytest.mark.parametrize(
    ("paths", "later"),
    [([], False), (["/etc/ufw/ufw.conf"], False), ([DAEMON, DROP_IN], False), ([DAEMON], True)],
    ids=["no run", "not of Docker", "a later version", "a later version, in a damaged record"],
)
def test_an_outlet_may_want_the_same_options_by_itself(
    engine_of_0_1_0: Callable[..., tuple[Any, bool]], paths: list[str], later: bool
) -> None:
    options, since = engine_of_0_1_0("{}", json.dumps(CLOSED), paths, later)
    assert options == {name: value for name, value in CLOSED.items() if name != "live-restore"} and since
