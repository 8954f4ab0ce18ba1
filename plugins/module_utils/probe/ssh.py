"""What the files of SSH's configuration say."""

from __future__ import annotations

import glob
import os
import re
import shlex

from ansible.module_utils.probe import LISTS, OURS, read

SSHD = "/etc/ssh/sshd_config"
DROP_INS = "/etc/ssh/sshd_config.d/00-prep-difusor.conf"
WAYS_IN = (
    "permitrootlogin", "passwordauthentication", "kbdinteractiveauthentication", "challengeresponseauthentication",
    "permitemptypasswords", "hostbasedauthentication",
)  # fmt: skip
# Settings of SSH without which nobody gets a session by his key; of these, what a session may run.
SESSION = ("pubkeyauthentication", "authenticationmethods", "authorizedkeysfile", "forcecommand", "chrootdirectory")
COMMANDS = ("forcecommand", "chrootdirectory")
# Settings of which sshd, up to some version, takes the last value and not the first; each with one that nobody writes.
LAST = {"maxstartups": "31:31:97", "persourcenetblocksize": "31:97"}


def configuration(path=SSHD, folder="/etc/ssh"):
    """Yield every file of SSH's configuration with its text: `path`, and what it includes."""
    text = read(path)
    if text:
        yield path, text
    for included in re.findall(r"^\s*Include\s+(.*)$", text, re.MULTILINE | re.IGNORECASE):
        for pattern in included_paths(included):
            for each in sorted(glob.glob(os.path.join(folder, pattern))):
                yield from configuration(each, folder)


def included_paths(text):
    """Return the patterns that an Include names; with a quote that does not end, which sshd refuses, its words."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def settings(path=SSHD, folder="/etc/ssh", match=""):
    """Yield (path, line number, Match line, words) of what the owner's files of SSH say, in the order of sshd.

    `match`: the block that includes this file; "" is what is said for everybody.
    """
    text = read(path)
    for number, line in enumerate([] if OURS in text[:200] else map(str.strip, text.splitlines()), 1):
        keyword, *rest = re.split(r"[\s=]+", line, maxsplit=1)
        if keyword.lower() == "match":
            match = " ".join(line.split())
        elif keyword.lower() == "include":
            patterns = [os.path.join(folder, each) for each in included_paths("".join(rest))]
            for each in (each for pattern in patterns for each in sorted(glob.glob(pattern))):
                yield from settings(each, folder, match)
        elif rest:
            yield path, number, match, (keyword, rest[0].split("#")[0].strip())


def excepted(path=SSHD, folder="/etc/ssh"):
    """Return [{path, match, setting}] of what the owner's Match blocks say of ways to log in.

    It holds before what is said for everybody, in whatever file.
    """
    return [
        {"path": file, "match": match, "setting": " ".join(words)}
        for file, _, match, words in settings(path, folder)
        if match and words[0].lower() in WAYS_IN
    ]


def places(path=SSHD, folder="/etc/ssh"):
    """Return {name: ["path:line"]} of what the owner's files say for everybody of the session, and of those of LAST."""
    found = {}
    for file, number, match, (keyword, _) in settings(path, folder):
        if not match and keyword.lower() in (*SESSION, *LAST):
            found.setdefault(keyword.lower(), []).append("%s:%s" % (file, number))
    return found


def look(lines):
    """Return {overriding, methods, places}; `methods` is what sshd says of AuthenticationMethods for everybody.

    `overriding`: {name: value} of those of LAST of which sshd takes a file's value although another was said before, as
    the project's will be. Asked of sshd itself, because newer ones take the first.
    """
    found, methods = {}, ""
    for name, unlikely in LAST.items():
        said = dict(line.partition(" ")[::2] for line in lines("sshd", "-T", "-o", "%s=%s" % (name, unlikely)))
        methods = said.get("authenticationmethods", methods)
        if said.get(name, unlikely) != unlikely:
            found[name] = said[name]
    return {"overriding": found, "methods": methods, "places": places()}


def with_lists(files):
    """Return {list: [path]} of the files that have an access list."""
    found = {name: [] for name in LISTS}
    for path, text in files:
        for name in LISTS:
            if re.search(r"^\s*%s\b" % name, text, re.MULTILINE | re.IGNORECASE) and path not in found[name]:
                found[name].append(path)
    return found


def includes_drop_ins(text, folder="/etc/ssh", wanted=DROP_INS):
    """Tell whether a text of sshd_config includes the drop-ins for everybody: before any Match block."""
    for line in text.splitlines():
        keyword, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if keyword.lower() == "match":
            return False
        if keyword.lower() == "include":
            patterns = [os.path.join(folder, each) for each in included_paths(rest)]
            if any(os.path.dirname(each) == os.path.dirname(wanted) and glob_fits(each, wanted) for each in patterns):
                return True
    return False


def glob_fits(pattern, path):
    """Tell whether a pattern of shell names takes the file of this path, which need not exist yet."""
    parts = {"*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(parts.get(each, re.escape(each)) for each in pattern), path) is not None
