"""What the owner's rules of UFW admit, deny and limit."""

from __future__ import annotations

import operator
import re
import shlex

from ansible.module_utils.probe import read

RULES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")
TUPLE = re.compile(r"\S+ \S+ (?:any|\d+(?:[:,]\d+)*) \S+ \S+ \S+(?: \S+)* (?:in|out)")
BEFORE = {"/etc/ufw/before.rules": "ufw-before-input", "/etc/ufw/before6.rules": "ufw6-before-input"}
MARKER = b"prep-difusor:"  # how the comments of the project's rules begin


def is_ours(comment):
    """Tell whether a rule's comment, hexadecimal as UFW writes it, is the project's; one character may be damaged."""
    ours = MARKER.hex()
    return len(comment) >= len(ours) and sum(map(operator.ne, comment, ours)) <= 1


def rules(text):
    """Return what the rules in the text of one of UFW's files admit, without the project's own rules."""
    found = []
    for line in re.findall(r"^### tuple ### (.*)$", text, re.MULTILINE):
        rule, _, comment = line.partition(" comment=")
        if (
            not is_ours(comment)
            and re.match(r"(route:)?(allow|limit)", rule)
            and not rule.split()[-1].startswith("out")
        ):
            found.append(rule)
    return found


def denials(text):
    """Return the rules in the text of one of UFW's files that deny one of the page's ports to everybody."""
    return [rule for action, rule in about_the_page(text) if action in ("deny", "reject")]


def limits(text):
    """Return those that limit one of them: each address gets six connections in half a minute."""
    return [rule for action, rule in about_the_page(text) if action == "limit"]


def about_the_page(text, ports=(80, 443), everybody=("0.0.0.0/0", "::/0")):
    """Yield (action, rule) for the rules about the page and everybody, of whom none before has admitted all.

    UFW takes the first rule that fits, and the project's rules for everybody come after the owner's.
    """
    admitted = set()
    for line in re.findall(r"^### tuple ### (.*)$", text, re.MULTILINE):
        rule = line.partition(" comment=")[0]
        if not TUPLE.match(rule):  # as after a disk's damage; UFW passes over it too
            continue
        action, protocol, named, to, _, source, *rest = rule.split()
        bounds = [list(map(int, each.split(":"))) for each in named.split(",")] if named != "any" else [[0, 65535]]
        about = {port for port in ports if any(low[0] <= port <= low[-1] for low in bounds)} - admitted
        is_for_all = to in everybody and source in everybody and rest[-1].startswith("in")
        if not about or protocol not in ("tcp", "any") or not is_for_all:
            continue
        yield action.partition("_")[0], rule
        if action.startswith(("allow", "limit")) and rest[-1] == "in":
            admitted |= about


def before(paths=BEFORE):
    """Yield (the rules as `iptables -S` has them, the chain that comes first) of the files in which owners add some.

    UFW may be off, and its chains not be there.
    """
    for path, chain in paths.items():
        lines = [line for line in map(str.strip, read(path).splitlines()) if line.startswith("-A ") and is_whole(line)]
        yield lines, chain


def is_whole(line):
    """Tell whether the quotes of a line end; iptables does not take it otherwise."""
    try:
        return bool(shlex.split(line))
    except ValueError:
        return False


def look():
    """Return those parts of what RETURN of `server_probe` describes as `files` that are about UFW."""
    texts = [read(path) for path in RULES]
    return {
        "rules": [rule for text in texts for rule in rules(text)],
        "denials": [rule for text in texts for rule in denials(text)],
        "limits": [rule for text in texts for rule in limits(text)],
    }
