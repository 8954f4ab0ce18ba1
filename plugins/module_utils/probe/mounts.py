"""On which disks a server's folders may be: the units of systemd that mount them."""

from __future__ import annotations

import os
import re

PLAIN = re.compile(r"[A-Za-z0-9:_.]")
STORES = ("/var/lib/docker", "/var/lib/containerd")


def of_docker(options):
    """Return the units of every disk on which Docker may keep its images and containers, by its `options` too."""
    named = options.get("data-root")
    stores = [*STORES, *([named] if isinstance(named, str) and named.startswith("/") else [])]
    return units([*stores, *map(os.path.realpath, stores)])


def units(folders):
    """Return the units that would mount these folders, or one above them, as var.mount and var-lib.mount."""
    found = set()
    for folder in folders:
        parts = os.path.normpath(folder).strip("/").split("/")
        found.update(escaped("/".join(parts[:end])) + ".mount" for end in range(1, len(parts) + 1) if parts[0])
    return sorted(found)


def escaped(path):
    """Return a path without its first slash as it is in the name of a unit; the same as systemd-escape --path."""
    text = "".join(
        character if PLAIN.match(character) else "-" if character == "/" else "\\x%02x" % byte
        for byte, character in ((byte, chr(byte)) for byte in path.encode("utf-8", "surrogateescape"))
    )
    return "\\x2e" + text[1:] if text.startswith(".") else text
