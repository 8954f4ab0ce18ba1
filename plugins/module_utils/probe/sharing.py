"""What runs as the account of nginx's workers, and so may signal them and see the files that only they have."""

from __future__ import annotations

import glob
import os
import pwd
import re

from ansible.module_utils.probe import read

ACCOUNT = "www-data"
PROCESSES = "/proc"
POOLS = "/etc/php/*/fpm/pool.d/*.conf"
PHP = "/usr/sbin/php-fpm"


def programs(uid, processes=PROCESSES):
    """Return the names of the programs, nginx aside, that a user id runs; PHP's pools as "php-fpm: pool www".

    Not those of containers, which see no process of the server's.
    """
    found, own = set(), _namespace(os.path.join(processes, "1"))
    for folder in glob.glob(os.path.join(processes, "[0-9]*")):
        user = re.search(r"^Uid:\s+(\d+)", read(folder + "/status"), re.MULTILINE)
        if user and int(user.group(1)) == uid and _namespace(folder) in (own, ""):
            pool = re.match(r"php-fpm: pool [^\0\s]+", read(folder + "/cmdline"))
            found.add(pool.group() if pool else read(folder + "/comm").strip())
    return sorted(found - {"nginx", ""})


def pools(account, paths=POOLS, program=PHP):
    """Return the pools of the installed versions of PHP-FPM that have this account, whether one works now or not."""
    found = set()
    for path in glob.glob(paths):
        version = path.split(os.sep)[-4]
        name = ""
        for line in read(path).splitlines() if os.path.exists(program + version) else []:
            section = re.match(r"\s*\[([^]]+)\]", line)
            name = section.group(1) if section else name
            if re.match(r"\s*user\s*=\s*[\"']?%s[\"']?\s*(?:;|$)" % re.escape(account), line):
                found.add("php-fpm: pool " + name)
    return sorted(found)


def look(account=ACCOUNT):
    """Return the programs that run, or will run, as the account; none where the server has no such account."""
    try:
        uid = pwd.getpwnam(account).pw_uid
    except KeyError:
        return []
    return sorted({*programs(uid), *pools(account)})


def _namespace(folder):
    """Return which processes a process sees; "" where that cannot be read, as by a root without all powers."""
    try:
        return os.readlink(folder + "/ns/pid")
    except OSError:
        return ""
