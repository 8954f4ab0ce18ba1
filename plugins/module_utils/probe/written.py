"""How `managed_files` left each path: its record, by which a later look tells what somebody has changed since.

It is the file `written` in the module's record, JSON for root alone: {path: line}, see `describe`. `difusor countdown`
compares the server with it (scripts/difusor/countdown/own.py, which has to describe a path in the same words).
"""

from __future__ import annotations

import grp
import hashlib
import hmac
import json
import os
import pwd
import stat
import tempfile

from ansible.module_utils.probe import read

NAME = "written"


def describe(path, key=None):
    """Return a path's state in one line, in the form of `managed_files`; None when it cannot be read, as a socket.

    "file OWNER GROUP MODE DIGEST", "directory OWNER GROUP MODE", "link TARGET" or "absent". The digest is the SHA-256
    of the content, under `key` (bytes) if there is one: by a plain digest in a log one could check guesses of a secret.
    """
    if not os.path.lexists(path):
        return "absent"
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return "link " + os.readlink(path)
    kind = "directory" if stat.S_ISDIR(status.st_mode) else "file"
    mode = stat.S_IMODE(status.st_mode)
    line = "%s %s %s 0%o" % (kind, owner(pwd.getpwuid, status.st_uid), owner(grp.getgrgid, status.st_gid), mode)
    if kind == "directory":
        return line
    if not stat.S_ISREG(status.st_mode):
        return None
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None  # the module that writes it will report the disk's error
    digest = hashlib.sha256(content) if key is None else hmac.new(key, content, hashlib.sha256)
    return "%s %s" % (line, digest.hexdigest())


def owner(look_up, number):
    """Return the name of a user or group, or its number when it has none."""
    try:
        return look_up(number)[0]
    except KeyError:
        return str(number)


def lines(record):
    """Return {path: line} of this record; empty where there is none, as after a run of an earlier version."""
    try:
        found = json.loads(read(os.path.join(record, NAME)) or "{}")
    except ValueError:  # damaged; the next run writes it anew
        return {}
    return found if isinstance(found, dict) else {}


def strayed(record, paths):
    """Return those of some paths that are not as the record says; what it does not know counts as absent."""
    known = lines(record)
    return [path for path in paths if describe(path) != known.get(path, "absent")]


def note(record, paths):
    """Record how these paths are now; of those that are absent nothing is recorded."""
    now = {path: describe(path) for path in paths}
    _write(record, {path: line for path, line in {**lines(record), **now}.items() if line not in (None, "absent")})


def forget(record, paths):
    """Take paths off the record that are no longer the project's."""
    _write(record, {path: line for path, line in lines(record).items() if path not in paths})


def _write(record, wanted):
    if wanted == lines(record):
        return
    handle, temporary = tempfile.mkstemp(dir=record, prefix=".prep-new-")  # for its owner alone
    with os.fdopen(handle, "w") as file:
        json.dump(wanted, file, indent=0, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, os.path.join(record, NAME))
