"""Kernel parameters that the server's owner has set."""

from __future__ import annotations

import glob
import os

from ansible.module_utils.probe import OURS, read

# A file hides those of its name in the folders before.
FOLDERS = ("/usr/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d")
PTRACE = "/proc/sys/kernel/yama/ptrace_scope"
FOR_GOOD = "3"  # a value that only a restart of the machine takes back


def owners(folders=FOLDERS, ptrace=PTRACE):
    """Return {name: value} of what files that are not the project's set at boot: the last one by name decides."""
    files = {os.path.basename(path): path for each in folders for path in sorted(glob.glob(each + "/*.conf"))}
    found = {}
    for text in (read(files[name]) for name in sorted(files)):
        for line in [] if OURS in text[:200] else text.splitlines():
            name, equals, value = line.strip().lstrip("-").partition("=")
            if equals and name[:1] not in ("#", ";"):
                found[name.strip().replace("/", ".")] = " ".join(value.split())
    if read(ptrace).strip() == FOR_GOOD:
        found["kernel.yama.ptrace_scope"] = FOR_GOOD
    return found
