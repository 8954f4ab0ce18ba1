"""Reads whether a server is ready for the night; changes nothing (standard library, Python 3.9, root).

Sent to the server as text: `python3 -c "$(cat look.py)"` prints one line of JSON, the fields of `seen.Server`. What
cannot be read is null. ASCII only: for anything else testinfra would first ask the server for its encoding.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

WRITERS = {
    "/srv/prep/entrada": "prep-entrada",
    "/srv/prep/almacen": "prep-corte",
    "/srv/prep/publico": "prep-corte",
}
"""Whose folder is what arrives, what is kept, and what is shown."""
READER, SHOWN = "www-data", "/srv/prep/publico/actual/"
"""As whom nginx reads, and the files of the corte that it shows, when there is one."""
FOLDERS = ("/", *WRITERS, "/var/lib/docker", "/var/lib/containerd", "/var/log", "/tmp")
"""Where a night writes: besides these, containers (in containerd's folder where it keeps the images) and logs."""
DAEMON = Path("/etc/docker/daemon.json")
"""Docker's options, which may name another folder than its own for them."""
UNITS = (
    "prep-corte-gate.service", "prep-corte-intake.path", "rsync.service", "nginx.service", "docker.service",
    "prep-containers.service", "chrony.service", "prep-clock.service", "prep-logrotate.timer",
)  # fmt: skip
BESIDE = ("fail2ban.service", "certbot.timer", "prep-certificate.service", "ssh.service", "ssh.socket")
"""Units that a night can begin without, that not every server has, or of which one of two is enough."""
PLACES = {"prep-corte-gate.service": "/srv/prep", "rsync.service": "/srv/prep/entrada"}
"""The folders that services see by a mount of their own, which is the only place where they can write."""
PROCESSES = "/proc"
FIREWALL, UFW = "ufw.service", Path("/etc/ufw/ufw.conf")
"""What puts the firewall in force when the server starts, and whether it shall."""
TESTS = {
    "nginx": ("nginx", "-t"),
    "sshd": ("sshd", "-t"),
    "chronyd": ("chronyd", "-p", "-f", "/etc/chrony/chrony.conf"),
    "dockerd": ("dockerd", "--validate"),
}
"""How daemons test the configuration with which they would start again: one that runs may not be able to."""
HARMLESS = (
    "[warn]",
    "syntax is ok",
    "Deprecated option",
    "Unsupported option",
    "Missing privilege separation directory",
    "chronyd version",
    "unknown flag: --validate",
    "See 'dockerd --help'",
)
"""What they say besides: sshd's folder is made when it starts, and an engine before Docker 23 has no such test."""
CONFIG, STATUS = Path("/etc/prep-corte/server.json"), Path("/srv/prep/estado/estado.json")
REVOKED, RSYNC = Path("/etc/prep-corte/revoked"), Path("/etc/rsyncd.conf")
EDGE, DUE = Path("/etc/nginx/snippets/prep-headers.conf"), Path("/usr/local/sbin/prep-updates-due")
"""Where it is seen whether nginx shows a rehearsal, and when apt waits: what runs of the whole site wrote."""
RESTART, KERNELS = Path("/run/reboot-required"), Path("/boot")
"""What packages leave that need a restart (their names in a file beside it), and where kernels are."""
FAMILIES = {"iptables": "ufw", "ip6tables": "ufw6"}
"""How UFW's chains begin in each address family."""
CONTAINER = (
    '{{index .Config.Labels "prep-difusor.role"}} {{.Config.Image}} {{.State.Status}} '
    "{{with .State.Health}}{{.Status}}{{end}}"
    "{{range .HostConfig.PortBindings}}{{range .}} {{.HostIp}}:{{.HostPort}}{{end}}{{end}}"
)
"""What is asked of each container: role, image, state, health ("" without a check of it), where it is published."""
PROPERTIES = "Id,LoadState,ActiveState,UnitFileState,MainPID"
"""What is asked of each unit."""
SECONDS = 8
"""How long one program may take: a Docker engine that hangs must not hide what the others say."""


def disks(folders: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the file systems that hold these folders, each once, by where it is mounted; sizes in bytes."""
    found: dict[int, tuple[str, dict[str, Any]]] = {}
    for folder in filter(os.path.isdir, map(os.path.realpath, folders)):
        device, volume = os.stat(folder).st_dev, os.statvfs(folder)
        described = {
            "size": volume.f_blocks * volume.f_frsize,
            "free": volume.f_bavail * volume.f_frsize,
            "files": volume.f_files,
            "free_files": volume.f_favail,
            "read_only": bool(volume.f_flag & os.ST_RDONLY),
        }
        while not os.path.ismount(folder):
            folder = os.path.dirname(folder)
        found.setdefault(device, (folder, described))
    return dict(found.values())


def stores(options: Any) -> tuple[str, ...]:
    """Return the folder in which Docker's options have it keep its containers; none when they say none."""
    named = options.get("data-root") if isinstance(options, dict) else None
    return (named,) if isinstance(named, str) and named.startswith("/") else ()


def unwritable(writers: dict[str, str]) -> dict[str, str]:
    """Return the folders in which their users cannot write, each with its user; "" for one that is missing."""
    return {
        folder: user if os.path.isdir(folder) else ""
        for folder, user in writers.items()
        if not may(user, "-w", folder + "/.")  # which also asks whether the folder may be entered
    }


def may(user: str, how: str, path: str) -> bool:
    """Tell whether a user of the server may read (-r) or write (-w) at a path; no user may whom it does not have."""
    try:
        return not _run_as(user, "test", how, path).returncode
    except (KeyError, OSError, subprocess.SubprocessError):
        return False


def may_read_all(user: str, folder: str) -> bool | None:
    """Tell whether a user may read all that is in a folder; None when there is none, or a slow disk does not tell."""
    if not os.path.isdir(folder):
        return None
    try:
        # Twice, because the tree may be exchanged for another one meanwhile.
        asked = (_run_as(user, "find", folder, "!", "-readable", "-print", "-quit") for _ in range(2))
        return any(not (found.returncode or found.stdout) for found in asked)
    except subprocess.TimeoutExpired:
        return None
    except (KeyError, OSError, subprocess.SubprocessError):
        return False


def _run_as(user: str, *command: str) -> subprocess.CompletedProcess[bytes]:
    account = pwd.getpwnam(user)
    groups = os.getgrouplist(user, account.pw_gid)
    return subprocess.run(
        command, user=account.pw_uid, group=account.pw_gid, extra_groups=groups, cwd="/", capture_output=True,
        timeout=SECONDS,
    )  # fmt: skip


def described(listing: str) -> dict[str, dict[str, str]]:
    """Return the properties of each unit, out of what `systemctl show` says of them."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines()) for block in listing.split("\n\n"))
    return {block["Id"]: block for block in blocks if "Id" in block}


def units(found: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the state of each unit (active, inactive, not-found)."""
    return {
        unit: "not-found" if said["LoadState"] == "not-found" else said["ActiveState"]
        for unit, said in found.items()
        if unit != FIREWALL  # whose rules are read; its unit has only loaded them
    }


def at_boot(found: dict[str, dict[str, str]], config: str) -> dict[str, str]:
    """Return by unit what systemd does with it when the server starts (enabled, disabled, masked).

    UFW's unit puts nothing in force unless `config`, the text of ufw.conf, says ENABLED=yes.
    """
    states = {unit: said.get("UnitFileState", "") for unit, said in found.items()}
    switch = re.search(r"(?m)^ENABLED=[\"']?(\w*)", config)
    if states.get(FIREWALL) == "enabled" and (not switch or switch.group(1).lower() != "yes"):
        states[FIREWALL] = "ENABLED=no"
    return states


def elsewhere(found: dict[str, dict[str, str]]) -> list[str]:
    """Return the services whose folder is no longer the server's: a disk was mounted over it, or it was moved.

    They keep the mount that they have until they start again. What may not be looked into is not told.
    """
    roots = {unit: f"{PROCESSES}/{found.get(unit, {}).get('MainPID')}/root" for unit in PLACES}
    return [
        unit
        for unit, folder in PLACES.items()
        if os.path.isdir(folder) and os.path.isdir(roots[unit]) and _place(folder) != _place(roots[unit] + folder)
    ]


def _place(folder: str) -> tuple[int, int, int] | None:
    """Return which folder this is, and whether it is read-only, as everything but that mount is to the service."""
    try:
        status = os.stat(folder)
        return status.st_dev, status.st_ino, os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return None


def admitted(listing: str, chain: str = "INPUT", ports: str = "", source: str = "") -> list[list[str]]:
    """Return [ports, source] of each rule of the kernel that lets somebody open TCP connections to the server.

    Ports are as in a rule ("22", "80,443", "1:1000"), "" is all; source "" is everybody. Chains that INPUT leads to are
    followed, whoever made them: what a rule that leads there asks for (ports, source) holds inside too.
    """
    rules = listing.splitlines()
    found = []
    for rule in rules:
        target = re.search(r" -[jg] (\S+)", rule)
        if not target or not rule.startswith("-A " + chain + " ") or not _opens(rule):
            continue
        named = [_asked(rule, r"--dports?") or ports, _asked(rule, "-s") or source]
        if target.group(1) == "ACCEPT":
            found.append(named)
        elif "-N " + target.group(1) in rules:
            found += admitted(listing, target.group(1), *named)
    return found


def _opens(rule: str) -> bool:
    """Tell whether a rule may concern a new TCP connection that comes over the network."""
    states = _asked(rule, "--(?:ct)?state")
    return (
        _asked(rule, "-p") in ("", "tcp")
        and _asked(rule, "-i") != "lo"
        and (not states or not {"RELATED", "ESTABLISHED"}.issuperset(states.split(",")))
    )


def _asked(rule: str, option: str) -> str:
    """Return the value of a rule's option; "" without it, and of one that excludes (`! -s`), which limits little."""
    said = re.search(r"(?<!!) " + option + r" (\S+)", rule)
    return said.group(1) if said else ""


def denies(listing: str, prefix: str) -> bool:
    """Tell whether the chain INPUT drops what UFW's chains do not admit; `prefix`: how the names of these begin."""
    rules = listing.splitlines()
    return "-P INPUT DROP" in rules and f"-A INPUT -j {prefix}-before-input" in rules


def allowed(config: str) -> list[str] | None:
    """Return whom the rsync daemon's `hosts allow` names; None without that line."""
    line = re.search(r"(?m)^hosts allow = (.*)$", config)
    return line.group(1).split() if line else None


def held(script: str) -> list[int] | None:
    """Return from when to when automatic updates wait, in Unix time; None without a line that says so."""
    line = re.search(r'(?m)^\[ "\$now" -ge (\d+) \] && \[ "\$now" -lt (\d+) \]', script)
    return [int(each) for each in line.groups()] if line else None


def newer(running: str, kernels: list[str]) -> str:
    """Return the newest of some kernels, if it is newer than the one that runs and of its kind (-amd64); or ""."""
    kind = running.lstrip("0123456789.-")
    alike = [each for each in kernels if each.lstrip("0123456789.-") == kind]
    versions = {each: re.findall(r"\d+", each[: len(each) - len(kind)]) for each in (running, *alike)}
    newest = max(versions, key=lambda each: [int(part) for part in versions[each]])
    return "" if newest == running else newest


def containers(listing: str) -> list[dict[str, Any]]:
    """Return what is told of each of the project's containers, out of lines in the form CONTAINER."""
    found = []
    for line in listing.splitlines():
        role, image, state, health, *places = line.split(" ")
        reached = state == "running" and all(map(_answers, places))
        found.append({"role": role, "image": image, "state": state, "health": health, "reached": reached})
    return found


def _answers(place: str) -> bool:
    """Tell whether something answers by HTTP at ADDRESS:PORT; Docker listens there even when its rules are gone."""
    address, _, port = place.rpartition(":")
    try:
        with socket.create_connection((address, int(port)), SECONDS / 2) as link:
            link.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return bool(link.recv(1))
    except OSError:
        return False


def _said(*command: str) -> str | None:
    """Return what a program prints; None when it fails, is missing, or does not end in time."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _refused() -> dict[str, str]:
    """Return what each daemon of TESTS says first of a configuration with which it would not start again."""
    found = {}
    for name, command in TESTS.items():
        try:
            done = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=SECONDS
            )
        except (OSError, subprocess.SubprocessError):
            continue
        faults = [line for line in done.stderr.splitlines() if not any(each in line for each in HARMLESS)]
        if done.returncode and faults:
            found[name] = faults[0]
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _json(path: Path) -> Any:
    try:
        return json.loads(_read(path) or "null")
    except ValueError:
        return None


def _restart() -> dict[str, Any]:
    """Return since when packages want a restart (null: they do not), which, and the kernel of the next one."""
    asked = RESTART.exists()
    running = os.uname().release
    return {
        "restart_since": RESTART.stat().st_mtime if asked else None,
        "restart_for": sorted({*(_read(Path(f"{RESTART}.pkgs")) or "").split()}) if asked else [],
        "kernel": running,
        "next_kernel": newer(running, [each.name[8:] for each in KERNELS.glob("vmlinuz-*")]),
    }


def _containers() -> list[dict[str, Any]] | None:
    names = _said("docker", "ps", "--all", "--quiet", "--filter", "label=prep-difusor.role")
    if not names:
        return None if names is None else []
    said = _said("docker", "inspect", "--format", CONTAINER, *names.split())
    return None if said is None else containers(said)


def _firewall() -> dict[str, Any]:
    """Return whether the firewall denies, and whom it admits; null where the rules cannot be read."""
    said = {prefix: _said(command, "-S") for command, prefix in FAMILIES.items()}
    if None in said.values():
        return {"denies": None, "admitted": None}
    return {
        "denies": all(denies(listing or "", prefix) for prefix, listing in said.items()),
        "admitted": [rule for listing in said.values() for rule in admitted(listing or "")],
    }


def main() -> None:
    """Print what was seen as one line of JSON."""
    config, edge = _read(RSYNC), _read(EDGE)
    found = described(_said("systemctl", "show", f"--property={PROPERTIES}", *UNITS, *BESIDE, FIREWALL) or "")
    seen = {
        "now": time.time(),
        "disks": disks((*FOLDERS, *stores(_json(DAEMON)))),
        "unwritable": unwritable(WRITERS),
        "readable": may_read_all(READER, SHOWN),
        "units": units(found),
        "at_boot": at_boot(found, _read(UFW) or ""),
        "elsewhere": elsewhere(found),
        "refused": _refused(),
        "containers": _containers(),
        **_firewall(),
        "allowed": None if config is None else allowed(config),
        "revoked": _read(REVOKED),
        "config": _json(CONFIG),
        "status": _json(STATUS),
        "rehearsal": None if edge is None else "X-Robots-Tag" in edge,
        "held": held(_read(DUE) or ""),
        **_restart(),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
