"""Reads whether a server is ready for the night; changes nothing (standard library, Python 3.9, root).

Sent to the server as text: `python3 -c "$(cat look.py)"` prints one line of JSON, the fields of `seen.Server`. What
cannot be read is null. ASCII only: for anything else testinfra would first ask the server for its encoding.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

FOLDERS = ("/", "/srv/prep/entrada", "/srv/prep/almacen", "/srv/prep/publico", "/var/lib/docker", "/var/log")
"""Where a night writes: what arrives, what is kept and shown, containers, logs."""
UNITS = (
    "prep-corte-gate.service", "prep-corte-intake.path", "rsync.service", "nginx.service", "docker.service",
    "prep-containers.service", "chrony.service",
)  # fmt: skip
TESTS = {"nginx": ("nginx", "-t"), "sshd": ("sshd", "-t")}
"""How daemons test the configuration with which they would start again: one that runs may not be able to."""
HARMLESS = (
    "[warn]",
    "syntax is ok",
    "Deprecated option",
    "Unsupported option",
    "Missing privilege separation directory",
)
"""What they say besides: sshd's folder, for instance, is made when it starts."""
CONFIG, STATUS = Path("/etc/prep-corte/server.json"), Path("/srv/prep/estado/estado.json")
REVOKED, RSYNC = Path("/etc/prep-corte/revoked"), Path("/etc/rsyncd.conf")
FAMILIES = {"iptables": "ufw", "ip6tables": "ufw6"}
"""How UFW's chains begin in each address family."""
CONTAINER = (
    '{{index .Config.Labels "prep-difusor.role"}} {{.Config.Image}} {{.State.Status}} '
    "{{with .State.Health}}{{.Status}}{{end}}"
    "{{range .HostConfig.PortBindings}}{{range .}} {{.HostIp}}:{{.HostPort}}{{end}}{{end}}"
)
"""What is asked of each container: role, image, state, health ("" without a check of it), where it is published."""
SECONDS = 8
"""How long one program may take: a Docker engine that hangs must not hide what the others say."""


def disks(folders: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the file systems that hold these folders, each once, by where it is mounted; sizes in bytes."""
    found: dict[int, tuple[str, dict[str, Any]]] = {}
    for folder in filter(os.path.isdir, folders):
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


def units(listing: str) -> dict[str, str]:
    """Return the state of each unit (active, inactive, not-found), out of what `systemctl show` says of them."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines()) for block in listing.split("\n\n"))
    return {
        block["Id"]: "not-found" if block["LoadState"] == "not-found" else block["ActiveState"]
        for block in blocks
        if "Id" in block
    }


def admitted(listing: str) -> list[list[str]]:
    """Return [port, source] of each rule of the kernel that admits somebody to a TCP port; source "" is everybody."""
    found = []
    for line in listing.splitlines():
        ports = re.search(r"-p tcp .*--dports? (\S+)", line)
        if ports and line.endswith("-j ACCEPT"):
            source = re.search(r"-s (\S+)", line)
            found += [[port, source.group(1) if source else ""] for port in ports.group(1).split(",")]
    return found


def denies(listing: str, prefix: str) -> bool:
    """Tell whether the chain INPUT drops what UFW's chains do not admit; `prefix`: how the names of these begin."""
    rules = listing.splitlines()
    return "-P INPUT DROP" in rules and f"-A INPUT -j {prefix}-before-input" in rules


def allowed(config: str) -> list[str] | None:
    """Return whom the rsync daemon's `hosts allow` names; None without that line."""
    line = re.search(r"(?m)^hosts allow = (.*)$", config)
    return line.group(1).split() if line else None


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
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError):
            continue
        faults = [line for line in done.stdout.splitlines() if not any(each in line for each in HARMLESS)]
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


def _containers() -> list[dict[str, Any]] | None:
    names = _said("docker", "ps", "--all", "--quiet", "--filter", "label=prep-difusor.role")
    if not names:
        return None if names is None else []
    said = _said("docker", "inspect", "--format", CONTAINER, *names.split())
    return None if said is None else containers(said)


def _admitted() -> list[list[str]] | None:
    said = [_said(command, "-S", prefix + "-user-input") for command, prefix in FAMILIES.items()]
    return None if None in said else [rule for listing in said for rule in admitted(listing or "")]


def _denies() -> bool | None:
    said = {prefix: _said(command, "-S", "INPUT") for command, prefix in FAMILIES.items()}
    return None if None in said.values() else all(denies(listing or "", prefix) for prefix, listing in said.items())


def main() -> None:
    """Print what was seen as one line of JSON."""
    config = _read(RSYNC)
    seen = {
        "now": time.time(),
        "disks": disks(FOLDERS),
        "units": units(_said("systemctl", "show", "--property=Id,LoadState,ActiveState", *UNITS) or ""),
        "refused": _refused(),
        "containers": _containers(),
        "denies": _denies(),
        "admitted": _admitted(),
        "allowed": None if config is None else allowed(config),
        "revoked": _read(REVOKED),
        "config": _json(CONFIG),
        "status": _json(STATUS),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
