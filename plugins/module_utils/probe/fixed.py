"""Files that nobody may change, root neither, until somebody has taken an attribute of the file system off them."""

from __future__ import annotations

import fcntl
import os
import stat
import sys

GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS, of a system of 64 bits
FIXED = {0x10: "i", 0x20: "a"}  # by their letters in chattr: neither changed nor renamed, and only longer


def attributes(path):
    """Return the letters of those attributes that a file or folder has; "" where nobody can tell."""
    try:
        if not (stat.S_ISREG(os.stat(path).st_mode) or stat.S_ISDIR(os.stat(path).st_mode)):
            return ""
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            flags = fcntl.ioctl(handle, GET_FLAGS, bytes(8))
        finally:
            os.close(handle)
    except OSError:  # as of a file system that has no attributes
        return ""
    number = int.from_bytes(flags[:4], sys.byteorder)
    return "".join(letter for bit, letter in FIXED.items() if number & bit)


def of(paths):
    """Return those of the paths, and of the folders that they are in, that are fixed; a link's is what it leads to."""
    real = {os.path.realpath(path) for path in paths}
    return sorted(path for path in real | {os.path.dirname(path) for path in real} if attributes(path))
