"""Kernel parameters that the server's owner has set."""

from __future__ import annotations

import glob
import os
import re

from ansible.module_utils.probe import OURS, read

# A file hides those of its name in the folders before.
FOLDERS = ("/usr/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d")
PTRACE = "/proc/sys/kernel/yama/ptrace_scope"
FOR_GOOD = "3"  # a value that only a restart of the machine takes back
OWNERS = "/etc/sysctl.d"
UFW = "/etc/default/ufw"  # names one more file, which UFW reads whenever it starts


def owners(folders=FOLDERS, ptrace=PTRACE):
    """Return {name: value} of what files that are not the project's set at boot: the last one by name decides."""
    files = {os.path.basename(path): path for each in folders for path in sorted(glob.glob(each + "/*.conf"))}
    found = {}
    for text in (read(files[name]) for name in sorted(files)):
        found.update(settings(text))
    if read(ptrace).strip() == FOR_GOOD:
        found["kernel.yama.ptrace_scope"] = FOR_GOOD
    return found


def settings(text):
    """Return {name: value} of what the text of a file sets; nothing of one that is the project's."""
    found = {}
    for line in [] if OURS in text[:200] else text.splitlines():
        name, equals, value = line.strip().lstrip("-").partition("=")
        if equals and name[:1] not in ("#", ";"):
            found[name.strip().replace("/", ".")] = " ".join(value.split())
    return found


def written(owns, folder=OWNERS, ufw=UFW):
    """Return [{path, name, value, lost}] of what files set that `owns(path)` tells to be the owner's, in their order.

    `lost`: whether only UFW reads the file, which it will not any more.
    """
    found = []
    named = re.findall(r"""^IPT_SYSCTL=["']?(/[^\s"'#]+)""", read(ufw), re.MULTILINE)
    paths = [(each, False) for each in sorted(glob.glob(folder + "/*.conf"))] + [(each, True) for each in named]
    for path, is_lost in paths:
        real = os.path.realpath(path)
        pairs = settings(read(real)) if owns(real) else {}
        found += [{"path": real, "name": name, "value": value, "lost": is_lost} for name, value in pairs.items()]
    return found
