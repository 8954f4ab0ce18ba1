"""What a run builds on, and the owner may have taken away: files to change, Python, modules of the kernel, homes."""

from __future__ import annotations

import os
import re

from ansible.module_utils.probe import fixed, read
from ansible.module_utils.probe.server import kind

# What accounts, packages and roles change, besides the files that they replace (`replaced`).
CHANGED = (
    "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/crontab",
    "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/x", "/etc/sudoers.d/x", "/etc/pam.d/su", "/etc/pam.d/common-auth",
    "/etc/nginx/nginx.conf", "/etc/nginx/conf.d/x", "/etc/nginx/sites-enabled/x", "/etc/docker/daemon.json",
    "/etc/rsyncd.conf", "/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/apt/apt.conf.d/x", "/etc/sysctl.d/x",
    "/etc/systemd/system/x", "/usr/local/sbin/x", "/usr/local/lib/x", "/usr/sbin/x", "/var/lib/dpkg/status",
)  # fmt: skip
PYTHON = "/usr/bin/python3"
# Without these there is no container, or none that anybody reaches.
NEEDED = ("overlay", "bridge", "veth", "br_netfilter", "nf_conntrack", "nf_tables", "ip_tables")
CLOSED = "/proc/sys/kernel/modules_disabled"


def forbidden(lines):
    """Return those of the modules that the kernel shall not load, from the lines of `modprobe --showconfig`."""
    named = (re.match(r"install\s+(\S+)\s+(?:/usr)?/bin/(?:false|true)\b", line) for line in lines)
    return sorted({each[1].replace("-", "_") for each in named if each} & set(NEEDED))


def home(account, homes="/home", mounts="/proc/self/mounts"):
    """Return (kind of file system, whether root may write) of the account's home folder, or where it will be made."""
    own = os.path.join(homes, account)
    place = own if account and os.path.isdir(own) else homes  # which mounts what waits for somebody to look at it
    return kind(os.path.realpath(place), mounts), not os.path.isdir(place) or os.access(place, os.W_OK)


def look(lines, account, replaced):
    """Return what RETURN of `server_probe` describes as `ground`."""
    place, is_writable = home(account)
    return {
        "fixed": fixed.of([*CHANGED, *replaced]),
        "python": os.path.realpath(PYTHON) if os.path.exists(PYTHON) else "",
        "forbidden": forbidden(lines("modprobe", "--showconfig")),
        "closed": read(CLOSED).strip() == "1",
        "home": place,
        "home_writable": is_writable,
    }
