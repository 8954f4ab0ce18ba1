"""How much of the disk the journal may take without the project."""

from __future__ import annotations

import glob
import os
import re

from ansible.module_utils.probe import OURS, read

MAIN = ("/etc/systemd/journald.conf", "/run/systemd/journald.conf", "/usr/lib/systemd/journald.conf")
# A file hides those of its name in the folders before.
FOLDERS = ("/usr/lib/systemd/journald.conf.d", "/run/systemd/journald.conf.d", "/etc/systemd/journald.conf.d")
PLACES = ("/var/log/journal", "/var/log", "/")
UNITS = "KMGTPE"
SHARE, MOST = 10, 4 << 30
"""What systemd takes where nobody says anything: a tenth of the file system, but not more than this many bytes."""


def room(main=MAIN, folders=FOLDERS, places=PLACES):
    """Return the bytes that the journal may use by what the owner's files say, or by itself: the larger of the two."""
    disk = os.statvfs(next(each for each in places if os.path.isdir(each)))
    return max(owners(main, folders), min(disk.f_blocks * disk.f_frsize // SHARE, MOST))


def owners(main=MAIN, folders=FOLDERS):
    """Return the bytes that files which are not the project's allow the journal, 0 where they say nothing."""
    files = {os.path.basename(path): path for each in folders for path in glob.glob(each + "/*.conf")}
    texts = [next(filter(None, map(read, main)), ""), *(read(files[name]) for name in sorted(files))]
    found = ""
    for text in texts:
        for value in re.findall(r"^\s*SystemMaxUse\s*=(.*)$", "" if OURS in text[:200] else text, re.MULTILINE):
            found = value.strip()
    match = re.match(r"([\d.]+)\s*([%s]?)(?:i?B)?$" % UNITS, found)
    try:
        return int(float(match[1]) * 1024 ** (UNITS.find(match[2]) + 1 if match[2] else 0)) if match else 0
    except ValueError:  # which systemd passes over
        return 0
