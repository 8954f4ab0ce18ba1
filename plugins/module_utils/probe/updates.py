"""What the owner's files of apt say of updates without anybody, which the project's files replace."""

from __future__ import annotations

import glob
import os
import re

from ansible.module_utils.probe import OURS, read

FOLDER = "/etc/apt/apt.conf.d"
# The project's files: the one clears what is read before it, the other has the last word (roles/packages).
ORIGINS, SWITCH = "60prep-difusor", "zz-prep-difusor"
# By which systemd starts apt's work, whatever apt's files say.
TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
COMMENT = re.compile(r"""/\*.*?\*/|(?<!:)//[^\n]*|#(?!clear\b)[^\n]*""", re.DOTALL)
NAMED = re.compile(
    r"Unattended-Upgrade::(?:Allowed-Origins|Origins-Pattern)"
    r"""(?:\s*\{((?:[^}"]|"[^"]*")*)\}|(?:::)?\s*("[^"]*"))\s*;""",
    re.IGNORECASE,
)
SWITCHED = re.compile(r'APT::Periodic::Unattended-Upgrade\s+"(\w*)"\s*;', re.IGNORECASE)
# Of the distribution: what it releases, and its security updates, which go on.
OF_THE_DISTRIBUTION = re.compile(
    r"(?:\$\{distro_id\}|Debian|Ubuntu)\w*:\S*?(?<!-updates)(?<!-proposed)(?<!-backports)"
    r"|(?:origin|o)=(?:\$\{distro_id\}|Debian|Ubuntu)(?!.*-(?:updates|proposed|backports)).*"
)


def look(lines, is_owners, folder=FOLDER):
    """Return C(origins), of which the server installs updates today, and C(off), what says no to all: files and timers.

    `is_owners(path)` tells whether a file is neither a package's nor the project's.
    """
    states = lines("systemctl", "is-enabled", *TIMERS)
    timers = [timer for place, timer in enumerate(TIMERS) if states[place : place + 1] == ["disabled"]]
    origins, off = [], []
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        name, text = os.path.basename(path), COMMENT.sub("", read(path))
        if OURS in read(path)[:200] or name >= SWITCH or not os.path.isfile(path):
            continue
        for value in SWITCHED.findall(text):
            off = [path] if value == "0" else []
        if name < ORIGINS and is_owners(path):
            named = (each for block in NAMED.findall(text) for each in re.findall(r'"([^"]*)"', "".join(block)))
            origins += [each for each in named if not OF_THE_DISTRIBUTION.fullmatch(each)]
    return {"origins": origins, "off": off + timers}
