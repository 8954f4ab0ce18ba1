"""Describes what baseline/look.py leaves out of a server; changes nothing (standard library, Python 3.9, root).

Sent to the server as text: `python3 -c "$(cat survey.py)" NAME...` prints a mapping of kinds to mappings of names to
values, as JSON. The arguments are the names of the kernel parameters to read.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

FOLDERS = (
    "/",
    "/home",
    "/opt",
    "/root",
    "/srv",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/var/lib",
    "/var/log",
    "/var/spool",
)
"""The folders whose entries are listed; look.py reads /etc and others whole."""
CRONTABS = Path("/var/spool/cron/crontabs")
DENIED = re.compile(r'apparmor="DENIED" operation="([^"]*)".*? profile="([^"]*)"(?: name="([^"]*)")?')
SECCOMP = re.compile(r'type=(?:1326|SECCOMP) .*?exe="([^"]*)".*? syscall=(\d+)')
AUDIT_LOG = Path("/var/log/audit/audit.log")
AUDITED = re.compile(r"msg=audit\((\d+)\.")
NUMBER = re.compile(r"\d+")
PASSING = ("/proc", "/sys", "/run", "/dev", "/tmp", "/var/lib/docker")
"""Where programs mount things for a while."""


def accounts() -> dict[str, str]:
    """Return accounts and groups, without anything of their passwords."""
    people = {
        f"cuenta {each.pw_name}": f"{each.pw_uid}:{each.pw_gid} {each.pw_dir} {each.pw_shell}"
        for each in pwd.getpwall()
    }
    return {
        **people,
        **{f"grupo {each.gr_name}": f"{each.gr_gid} {','.join(sorted(each.gr_mem))}" for each in grp.getgrall()},
    }


def crontabs() -> dict[str, str]:
    """Return the accounts that have a crontab of their own."""
    return {path.name: "" for path in CRONTABS.iterdir()} if CRONTABS.is_dir() else {}


def folders() -> dict[str, str]:
    """Return the entries of some folders."""
    there = [top for top in FOLDERS if os.path.isdir(top)]
    return {os.path.join(top, name): "" for top in there for name in os.listdir(top)}


def services() -> dict[str, str]:
    """Return the units that start by themselves, and those that run or listen now."""
    listing = _said("systemctl", "list-unit-files", "--no-legend", "--plain", "--type=service,socket,timer,path")
    found = {line.split()[0]: line.split()[1] for line in listing.splitlines() if len(line.split()) > 1}
    kinds = "--type=service,socket,timer,path"
    for line in _said("systemctl", "list-units", "--no-legend", "--plain", kinds).splitlines():
        name, _, active, sub = line.split()[:4]
        if sub in ("running", "listening", "waiting", "failed") and not name.startswith(("user@", "session-")):
            found[name] = f"{found.get(name, '')} {active} {sub}".strip()
    return found


def failed() -> dict[str, str]:
    """Return the units that have failed."""
    listing = _said("systemctl", "list-units", "--no-legend", "--plain", "--state=failed")
    return {line.split()[0]: "" for line in listing.splitlines() if line.split()}


def ports() -> dict[str, str]:
    """Return the sockets on which programs of this server listen."""
    lines = [line.split() for line in _said("ss", "-H", "-lntu").splitlines()]
    return {f"{parts[0]} {parts[4]}": "" for parts in lines if len(parts) > 4}


def firewall() -> dict[str, str]:
    """Return the rules of iptables in the kernel, each with how often it stands there."""
    rules: Counter[str] = Counter()
    for program in ("iptables", "ip6tables"):
        rules.update(f"{program} {line}" for line in _said(program, "-w", "-S").splitlines())
    return {rule: str(times) for rule, times in rules.items()}


def kernel(names: list[str]) -> dict[str, str]:
    """Return the values of some kernel parameters; those that this kernel lacks are left out."""
    found = {}
    for name in names:
        path = Path("/proc/sys", name.replace(".", "/"))
        try:
            found[name] = " ".join(path.read_text().split())
        except OSError:
            continue
    return found


def mounts() -> dict[str, str]:
    """Return what is mounted, with its options."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return {point: f"{kind} {options}" for _, point, kind, options, *_ in lines if not point.startswith(PASSING)}


def denials(journal: str) -> dict[str, str]:
    """Return what AppArmor and seccomp denied since the boot; numbers in names, such as process ids, are left out."""
    found = [(match[2], match[1], NUMBER.sub("N", match[3] or "")) for match in DENIED.finditer(journal)]
    found += [("seccomp", match[1], f"syscall {match[2]}") for match in SECCOMP.finditer(journal)]
    return {" ".join(each).strip(): "" for each in found}


def audited(since: int) -> str:
    """Return the lines of auditd's log since an instant: while auditd runs, the kernel's log has no denials."""
    if not AUDIT_LOG.exists():
        return ""
    with AUDIT_LOG.open(errors="replace") as file:
        lines = [line for line in file if "DENIED" in line or "SECCOMP" in line]
    return "".join(line for line in lines if (found := AUDITED.search(line)) and int(found[1]) >= since)


def booted() -> int:
    """Return the instant of the boot, in seconds since 1970."""
    return next(
        int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
    )


def system(journal: str) -> dict[str, str]:
    """Return what says which boot this is, and what cannot be seen from in here."""
    container = _said("systemd-detect-virt", "--container").strip()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {
        "container": "" if container == "none" else container,
        "boot": boot,
        "kernel": os.uname().release,
        # A container sees no kernel's log, or that of the machine on which it runs.
        "kernel_log": "yes" if journal and container in ("", "none") else "",
    }


def main(names: list[str]) -> None:
    """Print the description of this server as JSON."""
    journal = _said("journalctl", "--boot", "--dmesg", "--quiet", "--no-pager", "--output=cat")
    found = {
        "accounts": accounts(), "crontabs": crontabs(), "folders": folders(), "services": services(),
        "failed": failed(), "ports": ports(), "firewall": firewall(), "kernel": kernel(names), "mounts": mounts(),
        "denials": denials(journal + audited(booted())), "system": system(journal),
    }  # fmt: skip
    print(json.dumps(found, sort_keys=True))


def _said(*command: str) -> str:
    """Return what a program prints; "" when the server does not have it, or it has nothing to say."""
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode(errors="replace")


if __name__ == "__main__":
    main(sys.argv[1:])
