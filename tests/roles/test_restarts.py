"""What receives and shows cortes, bans, or lets operators in starts again by itself, however often it has ended."""

from __future__ import annotations

import re

import pytest
import role_kit
import yaml

NEEDED = [
    ("chrony", "chrony.service.d/prep-difusor.conf", "the gate opens only by a synchronised clock"),
    ("chrony", "prep-clock.service", "it has chrony ask again after a power cut"),
    ("corte", "prep-corte-gate.service", "it opens and closes"),
    ("docker", "docker.service.d/prep-difusor.conf", "it starts containers that ended again"),
    ("docker", "prep-containers.service", "it brings back containers that the engine leaves away"),
    ("fail2ban", "fail2ban.service.d/prep-difusor.conf", "it bans"),
    ("nginx", "nginx.service.d/prep.conf", "it answers citizens"),
    ("rsync", "rsync.service.d/prep.conf", "it receives cortes"),
    ("ssh", "ssh.service.d/prep-difusor.conf", "it lets operators in"),
]


INPUTS = {
    **dict.fromkeys(("corte_incoming_dir", "nginx_app_socket", "rsync_path"), "/x"),
    "ansible_facts": {"docker_mounts": []},
}


def sections(role: str, path: str, **inputs: bool) -> dict[str, list[str]]:
    """Return the lines of each section of a unit, or of a drop-in of one."""
    unit = role_kit.render(role, f"etc/systemd/system/{path}", {**INPUTS, **inputs})
    return {name: body.splitlines() for name, body in (part.split("]\n", 1) for part in unit.split("\n[")[1:])}


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("role", "path", "why"), NEEDED, ids=lambda each: str(each)[:6])
def test_no_end_is_the_last(role: str, path: str, why: str, shared: bool) -> None:
    """systemd gives up after five starts in ten seconds, and of some packages' units after the first end."""
    unit = sections(role, path, kernel_shared=shared)
    assert "StartLimitIntervalSec=0" in unit["Unit"], why
    restarts = {line for line in unit["Service"] if line.startswith("Restart")}
    assert "Restart=always" in restarts, f"{why}, also after it has been ended in order, as by pkill"
    assert any(line.startswith("RestartSec=") for line in restarts)


@pytest.mark.parametrize("role", ["nginx", "rsync", "ssh"])
def test_one_process_that_is_killed_for_memory_ends_alone(role: str) -> None:
    """systemd would stop them all: for one worker, which its master replaces, everybody's connections and the cache."""
    (path,) = (path for of, path, _ in NEEDED if of == role)
    assert "OOMPolicy=continue" in sections(role, path, kernel_shared=False)["Service"]


UNIT = r"[\w@-]+\.(?:service|path|socket|timer)"
STARTS = re.compile(rf"systemctl\b[^\n;|]*?\b(?:start|(?:re|try-re|reload-or-re)start)\b[^\n;|]*?({UNIT})")
FOLLOWS = re.compile(rf"^On(?:Failure|Success)=({UNIT})", re.MULTILINE)


def started_by_others() -> set[str]:
    """Return the units that a hook, a script, a path or another unit of the roles starts, as often as it likes.

    Not what only a timer starts: the fastest comes every two minutes.
    """
    paths = [path for path in sorted(role_kit.ROLES.glob("*/templates/**/*")) if path.is_file()]
    texts = [path.read_text() for path in paths]
    units = {unit for text in texts for found in (STARTS, FOLLOWS) for unit in found.findall(text)}
    watching = {path.name.removesuffix(".j2") for path in paths if re.search(r"\.path(\.j2)?$", path.name)}
    return units | watching | {name.replace(".path", ".service") for name in watching}


def test_what_others_start_is_never_started_too_often() -> None:
    """After five starts in ten seconds systemd refuses the next, and what it was started for is not done.

    dpkg starts AIDE's authorisation after each step of an upgrade: without the last one the new files are an intrusion.
    """
    units = started_by_others()
    assert {"aiderenew.service", "prep-corte-intake.service", "prep-intake-recovery.service", "ssh.service"} <= units
    for unit in sorted(units):
        files = [*role_kit.ROLES.glob(f"*/templates/etc/systemd/system/{unit}.j2")]
        files += role_kit.ROLES.glob(f"*/templates/etc/systemd/system/{unit}.d/*.j2")
        text = "".join(path.read_text() for path in files)
        assert "\nStartLimitIntervalSec=0\n" in text.partition("[Unit]")[2].partition("\n[")[0], unit


@pytest.mark.parametrize(
    ("role", "handler", "tree", "changed", "runs"),
    [
        ("corte", "Compile prep-corte", "__corte_tree", "/usr/local/lib/prep-corte/corte/server/gate.py", True),
        ("corte", "Compile prep-corte", "__corte_tree", "/etc/prep-corte/server.json", False),
        ("nginx", "Apply nginx's kernel parameters", "__nginx_tree", "/etc/sysctl.d/60-nginx.conf", True),
        ("nginx", "Apply nginx's kernel parameters", "__nginx_tree", "/etc/nginx/sites-available/prep", False),
    ],
)
def test_a_late_change_does_again_only_what_it_concerns(
    role: str, handler: str, tree: str, changed: str, runs: bool
) -> None:
    """Another list of addresses had the code compiled and the kernel's parameters set anew."""
    handlers = yaml.safe_load((role_kit.ROLES / role / "handlers/main.yml").read_text())
    (conditions,) = (each["when"] for each in handlers if each["name"] == handler)
    inputs = {tree: {"changed_files": [changed]}, "ansible_check_mode": False}
    found = [role_kit.value(role, f"({each})", inputs) for each in conditions]
    assert all(found) is runs
