"""The parts of the module `server_probe`, which Ansible sends to the server with it; they change nothing there."""

from __future__ import annotations

import os
import re
import stat
import subprocess

OURS = "Managed by prep-difusor"  # in the first lines of every file that `managed_files` renders
LISTS = ("allowusers", "denyusers", "allowgroups", "denygroups")  # SSH's access lists
LARGEST = 1_000_000  # bytes of a file that somebody wrote by hand
KERNELS = re.compile("/(?:proc|sys|dev(?!/shm))/")  # folders of files that the kernel writes while they are read


def read(path):
    """Return the text of a file; "" when there is no file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def read_plain(path):
    """Return the text of a file that any account may have put there; "" when it is no plain file of usual size.

    A pipe, or a link to a file of the kernel's, would keep the reader waiting for ever.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST or KERNELS.match(os.path.realpath(path)):
            return ""
    except (OSError, ValueError):
        return ""
    return read(path)


def content(path):
    """Return the bytes of a file; None when it cannot be read, as on a damaged disk."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def looking(module):
    """Return the function `lines(*command)`: the lines that a program prints, none where it is not installed."""

    def lines(*command):
        program = module.get_bin_path(command[0])
        return _printed([program, *command[1:]]).splitlines() if program else []

    return lines


def listening(line):
    """Return (address, port), both text, of the socket in a line of `ss`: an address without brackets and zone.

    `ss` writes the zone of a link-local address behind the brackets: [fe80::1]%eth0:123.
    """
    address, _, port = line.split()[3].rpartition(":")
    return address.partition("%")[0].strip("[]"), port


def _printed(command):
    """Return what a program prints; `surrogateescape` keeps bytes that are not UTF-8.

    Not by `run_command` of Ansible, which copies this process, with all its memory, for each of forty programs.
    """
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return done.stdout.decode("utf-8", "surrogateescape")


def sendable(value):
    """Return a value with U+FFFD for each byte that is not UTF-8, as in an old name: Ansible would refuse it."""
    if isinstance(value, dict):
        return {sendable(name): sendable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [sendable(each) for each in value]
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else value
