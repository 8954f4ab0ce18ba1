"""Who may become root by sudo, as the rules of the server say."""

from __future__ import annotations

import glob
import os
import re

from ansible.module_utils.probe import read_plain
from ansible.module_utils.probe.server import members

SUDOERS = "/etc/sudoers"
DEEPEST = 10  # files that include one another
INCLUDE = re.compile(r"[@#]include(dir)?\s+(.+)")
# Who, on which hosts, as whom and what: ana, %adm ALL = (ALL : ALL) NOPASSWD: ALL
RULE = re.compile(r"([^=]*[^\s=,])\s+[^\s=]+\s*=\s*(.*)")
AS_WHOM = re.compile(r"\(\s*([^):]*)[^)]*\)")
TAG = re.compile(r"[A-Z_]+\s*:\s*")


def to_root(path=SUDOERS):
    """Return the names of the accounts that may run anything as root, by a rule of their own or one of a group."""
    said = list(_lines(path))
    aliases = {}
    for line in said:
        if re.match(r"User_Alias\s", line):
            named = (each.partition("=") for each in line.split(None, 1)[1].split(":"))
            aliases.update({name.strip(): _words(users) for name, _, users in named})
    found = set()
    for line in said:
        rule = RULE.match(line)
        if rule and not re.match(r"Defaults|\w+_Alias\s", line) and _becomes_root(rule[2]):
            for user in _words(rule[1]):
                for each in aliases.get(user, [user]):
                    found.update(members(each[1:]) if each[:1] == "%" else [each])
    return sorted(found - {"ALL", "root"})


def _words(text):
    return [word.strip().strip('"') for word in text.split(",") if word.strip()]


def _lines(path, depth=0):
    """Yield the lines of a file of sudo, and of those that it includes in their place."""
    for line in read_plain(path).replace("\\\n", " ").splitlines() if depth < DEEPEST else ():
        included = INCLUDE.match(line.strip())
        if included:
            place = os.path.join(os.path.dirname(path), included[2].strip().strip('"'))
            inside = sorted(glob.glob(glob.escape(place) + "/*")) if included[1] else [place]
            for each in inside:
                if not included[1] or not re.search(r"\.|~$", os.path.basename(each)):  # which sudo leaves out
                    yield from _lines(each, depth + 1)
        else:
            yield re.sub(r"(^|\s)#(?!\d).*", "", line).strip()


def _becomes_root(said):
    """Tell whether the right side of a rule lets run every command as root; without a name it is as root."""
    as_root = True
    for command in said.split(","):
        named = AS_WHOM.search(command)
        if named:
            as_root = bool({"ALL", "root", "#0"} & set(named[1].split()))
        if as_root and TAG.sub("", AS_WHOM.sub("", command)).strip() == "ALL":
            return True
    return False
