"""Which jails of the owner's fail2ban shut out an address from the ports of the page."""

from __future__ import annotations

import configparser
import glob
import os
import re

from ansible.module_utils.probe import OURS, read

FOLDER = "/etc/fail2ban"
FILES = ("jail.conf", "jail.d/*.conf", "jail.local", "jail.d/*.local")  # in the order in which fail2ban reads them
NAMES = {"http": 80, "https": 443}
OWN = ("INCLUDES", "sshd")  # no jail, and the one of which the project's files say how it bans
EVERY_PORT = "0:65535"  # what fail2ban's own jail.conf says where a jail names none


def look(ports, folder=FOLDER):
    """Return the names of the owner's enabled jails that ban from one of the TCP `ports`.

    Also while fail2ban is stopped, because the project starts it. A file that is no configuration is passed over.
    """
    found = configparser.ConfigParser(
        strict=False, interpolation=None, comment_prefixes="#;", inline_comment_prefixes=";"
    )
    for pattern in FILES:
        for path in sorted(glob.glob(os.path.join(folder, pattern))):
            text = read(path)
            try:
                found.read_string("" if OURS in text[:200] else text)
            except configparser.Error:
                continue
    return sorted(name for name in found.sections() if name not in OWN and _bans(found[name], ports))


def _bans(jail, ports):
    if jail.get("enabled", "").strip().lower() not in ("true", "yes", "on", "1"):
        return False
    action = jail.get("banaction", "") + jail.get("action", "")
    return "allports" in action or any(
        _includes(each, ports) for each in re.split(r"[\s,]+", jail.get("port", EVERY_PORT))
    )


def _includes(named, ports):
    """Tell whether a port, a range such as 1:1024, or a name is one of `ports`; what only fail2ban resolves may be."""
    first, _, last = named.partition(":")
    numbers = [NAMES.get(each, int(each) if each.isdecimal() else 0) for each in (first, last or first)]
    return named.startswith("%(") or any(numbers[0] <= port <= numbers[1] for port in ports)
