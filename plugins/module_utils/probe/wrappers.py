"""What the files of libwrap say, which Debian's and Ubuntu's sshd asks too before it lets anybody log in."""

from __future__ import annotations

import re

from ansible.module_utils.probe import read

FILES = {"allow": "/etc/hosts.allow", "deny": "/etc/hosts.deny"}  # in the order in which it reads them


def rules(text):
    """Return those lines in the text of one of these files that are about sshd; one may go on in the next."""
    lines = (" ".join(line.split()) for line in re.sub(r"\\\n", " ", text).splitlines())
    return [line for line in lines if not line.startswith("#") and _is_about_sshd(line.partition(":")[0])]


def _is_about_sshd(daemons):
    named, _, but = (re.split(r"[\s,]+", each.strip().lower()) for each in (daemons + " EXCEPT ").partition("EXCEPT"))
    return bool({"sshd", "all"} & {*named}) and "sshd" not in but


def look(files=FILES):
    """Return the rules about sshd, by C(allow) and C(deny)."""
    return {name: rules(read(path)) for name, path in files.items()}
