"""Whether PAM asks, of whoever logs in by SSH, more than the distribution has it ask."""

from __future__ import annotations

import os
import re

from ansible.module_utils.probe import read

FOLDER = "/etc/pam.d"
# Modules that admit some accounts and refuse others; a login by key runs the account stack, and not the auth stack.
CHOOSING = re.compile(r"-?account\s+(?:\[[^]]*\]|\S+)\s+\S*pam_(?:access|listfile|succeed_if|time|exec)\.so\b")
INCLUDES = re.compile(r"(?:@include|-?account\s+(?:include|substack))\s+([\w.-]+)")
DEEPEST = 5  # of stacks that include one another


def choosing(service="sshd", folder=FOLDER, depth=0):
    """Return the lines of a service's stack that admit some accounts only, as "/etc/pam.d/sshd: account required …"."""
    path, found = os.path.join(folder, service), []
    for line in (" ".join(each.split()) for each in read(path).replace("\\\n", " ").splitlines()):
        included = INCLUDES.match(line)
        if included and depth < DEEPEST:
            found += choosing(included[1], folder, depth + 1)
        elif CHOOSING.match(line):
            found.append("%s: %s" % (path, line))
    return list(dict.fromkeys(found))
