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
PASSING = ("/proc", "/sys", "/run", "/dev", "/tmp", "/var/lib/docker", "/snap", "/var/snap")
"""Where programs mount things for a while, or for as long as a version of theirs lasts."""
ROTATED = re.compile(r"(\.\d+|-\d{8})?(\.(gz|xz|zst|bz2))?$")
"""What logrotate appends to the name of a log."""
TRANSIENT = re.compile(r"user@|session-|run-|snap[.-]|.*@\d+-")
"""Units that last as long as a login, a connection or one command."""
PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
BAN = re.compile(r"-A f2b-\S+ -s ")
"""A rule with which fail2ban bans an address for a while."""
CONTAINER = re.compile(r"\b\d+\.\d+\.\d+\.\d+/32\b")
"""The address of a container in a rule of Docker's, which it draws anew at each start."""


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
    """Return the entries of some folders; a log and those that were rotated from it are one."""
    there = [top for top in FOLDERS if os.path.isdir(top)]
    names = {os.path.join(top, name) for top in there for name in os.listdir(top)}
    return {ROTATED.sub("", name) if name.startswith("/var/log/") else name: "" for name in names}


def services() -> dict[str, str]:
    """Return the units that start by themselves, and those that run or listen now."""
    kinds = "--type=service,socket,timer,path"
    return units(
        _said("systemctl", "list-unit-files", "--no-legend", "--plain", kinds),
        _said("systemctl", "list-units", "--no-legend", "--plain", kinds),
    )


def units(installed: str, loaded: str) -> dict[str, str]:
    """Return the units of systemctl's two listings, without what passes by itself.

    A static service runs while another unit or a program wants it, such as that which tells the host's name, and a
    timer is "running" while its service is.
    """
    lines = [line.split() for line in installed.splitlines()]
    found = {words[0]: words[1] for words in lines if len(words) > 1 and words[1] != "transient"}
    for line in loaded.splitlines():
        name, _, active, sub = line.split()[:4]
        comes_and_goes = name.endswith(".service") and found.get(name) == "static" and active != "failed"
        if sub in ("running", "listening", "waiting", "failed") and not (TRANSIENT.match(name) or comes_and_goes):
            state = (
                "active" if name.endswith((".timer", ".socket", ".path")) and active == "active" else f"{active} {sub}"
            )
            found[name] = f"{found.get(name, '')} {state}".strip()
    return found


def failed() -> dict[str, str]:
    """Return the units that have failed."""
    listing = _said("systemctl", "list-units", "--no-legend", "--plain", "--state=failed")
    return {line.split()[0]: "" for line in listing.splitlines() if line.split()}


def ports() -> dict[str, str]:
    """Return the sockets on which programs of this server listen; a port that the kernel drew has no number."""
    lowest, highest = map(int, PORTS.read_text().split())
    found = {}
    for parts in (line.split() for line in _said("ss", "-H", "-lntu").splitlines()):
        if len(parts) > 4:
            address, _, port = parts[4].rpartition(":")
            drawn = port.isdigit() and lowest <= int(port) <= highest
            found[f"{parts[0]} {address}:{'efímero' if drawn else port}"] = ""
    return found


def firewall() -> dict[str, str]:
    """Return the rules of iptables in the kernel, each with how often it stands there."""
    rules: Counter[str] = Counter()
    for program in ("iptables", "ip6tables"):
        rules.update(f"{program} {line}" for line in lasting_rules(_said(program, "-w", "-S")))
    return {rule: str(times) for rule, times in rules.items()}


def lasting_rules(listing: str) -> list[str]:
    """Return the rules of a listing, without the bans of fail2ban and the addresses that Docker draws."""
    rules = [line for line in listing.splitlines() if not BAN.match(line)]
    return [CONTAINER.sub("N", line) if line.startswith("-A DOCKER") else line for line in rules]


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
