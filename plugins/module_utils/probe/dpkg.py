"""The packages of a server, and what dpkg has left half-way."""

from __future__ import annotations

import glob
import os
import time

from ansible.module_utils.probe import read

JOURNAL = "/var/lib/dpkg/updates/[0-9]*"  # updates that dpkg has not yet entered in its database
LOCK = "/var/lib/dpkg/lock-frontend"
# Touched by apt's timers when they have fetched the lists of packages, and when they have installed from them.
STAMPS = ("/var/lib/apt/periodic/update-stamp", "/var/lib/apt/periodic/upgrade-stamp")
FORM = "${db:Status-Abbrev}\t${Package}\t${Version}\n"
HALF_WAY = "FHUW"  # half-configured, half-installed, unpacked, waiting for a trigger


def packages(lines):
    """Return {name: version} of the installed packages, from the lines of `dpkg-query` (see FORM)."""
    fields = (line.split("\t") for line in lines)
    return {name: version for status, name, version in fields if status[1] == "i"}


def half_way(lines):
    """Return {name: version} of the packages that are half-way, from the same lines."""
    fields = (line.split("\t") for line in lines)
    return {name: version for status, name, version in fields if status[1] in HALF_WAY}


def is_installing(lock=LOCK, locks="/proc/locks"):
    """Tell whether a program is installing packages at this moment: then some of them are half-way for a while."""
    try:
        inode = str(os.stat(lock).st_ino)
    except OSError:
        return False
    held = (line.split() for line in read(locks).splitlines())
    return any(len(words) > 5 and words[5].rpartition(":")[2] == inode for words in held)


def days_without_updates(stamps=STAMPS):
    """Return how many days ago apt's timers last did both parts of their work; 0 when they never did, as at first."""
    try:
        return max(0, int(time.time() - min(os.stat(path).st_mtime for path in stamps)) // 86400)
    except OSError:
        return 0


def facts(lines):
    """Return what RETURN of `server_probe` says of dpkg and its packages."""
    listed = lines("dpkg-query", "--show", "--showformat", FORM)
    begun = half_way(listed)
    return {
        "packages": packages(listed),
        "packages_half_way": begun,
        "packages_unfinished": [] if is_installing() else sorted(begun),
        "dpkg_interrupted": bool(glob.glob(JOURNAL)),
    }
