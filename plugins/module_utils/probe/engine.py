"""The Docker engine of a server's owner: whether there was one before the project, and its options."""

from __future__ import annotations

import json
import os
import re
import stat

from ansible.module_utils.probe import mounts, read

DAEMON = "/etc/docker/daemon.json"
# What the kernel shows of AppArmor where it is in force.
APPARMOR, ENABLED = "/sys/kernel/security/apparmor", "/sys/module/apparmor/parameters/enabled"
# The engine's options that the role docker sets; of an engine that ran before, and of one that the project brought.
SHARED_OPTIONS = ("live-restore",)
OPTIONS = ("icc", "ip", "live-restore", "log-driver", "log-opts", "no-new-privileges", "userland-proxy")
# What version 0.1.0 wrote, also for an engine that ran before.
WRITTEN = {
    "icc": False,
    "ip": "127.0.0.1",
    "live-restore": True,
    "log-driver": "local",
    "log-opts": {"max-file": "3", "max-size": "10m"},
    "no-new-privileges": True,
    "userland-proxy": False,
}
# A file that later versions write after daemon.json, always.
LATER = "/etc/systemd/system/docker.service.d/prep-difusor.conf"


def engine_before(found, present="/var/lib/dpkg/status"):
    """Tell whether an engine was installed when the server was `found`, or, before the first run, is at present."""
    status = read(found + present if os.path.isdir(found) else present)
    installed = r"^Package: (?:docker\.io|docker-ce)\nStatus: \S+ \S+ installed$"
    return re.search(installed, status, re.MULTILINE) is not None


def written_options(path):
    """Return the options that a daemon.json says; None where there is none, or Docker does not start with it."""
    try:
        with open(path, encoding="utf-8") as file:
            options = json.load(file)
    except (OSError, ValueError):
        return None
    return options if isinstance(options, dict) else None


def daemon_mode(found, present=DAEMON):
    """Return the mode that daemon.json has to have: none may read the owner's proxies and passwords who could not.

    Earlier versions made it readable for all, so that its mode from before counts too.
    """
    there = [path for path in (found + DAEMON, present) if os.path.isfile(path)]
    mode = 0o644
    for path in there:
        mode &= stat.S_IMODE(os.stat(path).st_mode)
    return "0%o" % mode


def daemon_options(found, ours=OPTIONS, present=DAEMON):
    """Return the owner's options for Docker: the present ones, but of `ours` those `found` before the first run.

    When the present file is gone or broken, all those found: what the owner has added since is not known.
    """
    before, now = written_options(found + DAEMON), written_options(present)
    if not os.path.isdir(found):
        return now or {}
    if now is None:
        return before or {}
    kept = {name: value for name, value in (before or {}).items() if name in ours}
    return dict({name: value for name, value in now.items() if name not in ours}, **kept)


def left_over(found, present=DAEMON, later=LATER):
    """Return the options that are in a daemon.json as version 0.1.0 wrote them, and so are not the owner's.

    He may want the same by himself. So the record has to say that a run wrote that file, and nothing that a later
    version has been here: that one took them back, and what the file says since is his.
    """
    paths = read(os.path.join(os.path.dirname(found), "paths")).splitlines()
    if DAEMON not in paths or LATER in paths or os.path.lexists(later):
        return ()
    now = written_options(present) or {}
    return tuple(name for name, value in WRITTEN.items() if name in now and now[name] == value)


def command_line(lines, look=read):
    """Return the words of the engine's command line: of the one that runs, and of its unit for the next start."""
    process = look("/run/docker.pid").strip()
    running = look("/proc/%s/cmdline" % process).split("\0") if process else []
    unit = " ".join(lines("systemctl", "show", "--property=ExecStart", "--value", "docker.service"))
    default = re.findall(r"^\s*DOCKER_OPTS=(.*)$", look("/etc/default/docker"), re.MULTILINE)
    return [*running, *unit.split(), *" ".join(default if "DOCKER_OPTS" in unit else []).split()]


def flags(words, ours):
    """Return those of the options `ours` that are among the words of a command line, as --log-opt.

    Docker does not start with an option that is both there and in its daemon.json, even if both say the same.
    """
    named = {name.replace("log-opts", "log-opt") for name in ours}
    given = {re.sub("=.*", "", word.strip("\"'"), flags=re.DOTALL) for word in words}
    return sorted({"--" + name for name in named} & given)


def confinement(docker):
    """Return {confinable, confining}: whether the kernel has AppArmor, and whether the engine that runs knows of it.

    An engine looks for AppArmor once, when it starts. One that does not answer counts as knowing.
    """
    confinable = os.path.exists(APPARMOR) and read(ENABLED).strip() == "Y"
    said = " ".join(docker.info.get("SecurityOptions") or []) if confinable else ""
    return {"confinable": confinable, "confining": "name=apparmor" in said or "name=" not in said}


def facts(lines, found, present=DAEMON, later=LATER):
    """Return what RETURN of `server_probe` says of the engine; `found`: the folder of the server as it was found."""
    before = engine_before(found)
    ours = SHARED_OPTIONS if before else OPTIONS
    options = daemon_options(found, ours + left_over(found, present, later), present)
    return {
        "docker_before": before,
        "docker_daemon": options,
        "docker_daemon_mode": daemon_mode(found, present),
        "docker_daemon_since": os.path.isdir(found) and options != (written_options(found + DAEMON) or {}),
        "docker_mounts": mounts.of_docker(options),
        "docker_flags": flags(command_line(lines), ours),
    }
