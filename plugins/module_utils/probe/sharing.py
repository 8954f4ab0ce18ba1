"""What runs as the account of nginx's workers, and so may signal them and see the files that only they have."""

from __future__ import annotations

import glob
import grp
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
    described = described_pools(paths, program)
    return sorted({"php-fpm: pool " + name for name, said in described if said.get("user") == account})


def closed_pools(account=ACCOUNT, groups=None, paths=POOLS, program=PHP):
    """Return the pools whose sockets the account may not open, as "diario (nginx:nginx 0660)".

    `groups` are the account's, those that the server knows where None is given.
    """
    own = set(groups_of(account) if groups is None else groups)
    found = set()
    for name, said in described_pools(paths, program):
        who, group = said.get("listen.owner", "root"), said.get("listen.group", "root")
        mode = said.get("listen.mode", "0660")
        listed = {each.strip() for each in said.get("listen.acl_users", "").split(",")}
        is_open = account in (who, *listed) or group in own or mode[-1:] in ("2", "3", "6", "7")
        if said.get("listen", "").startswith("/") and not is_open:
            found.add("%s (%s:%s %s)" % (name, who, group, mode))
    return sorted(found)


def described_pools(paths, program):
    """Yield (name, {option: value}) for the pools of the installed versions of PHP-FPM."""
    for path in sorted(glob.glob(paths)):
        said, name = {}, ""
        for line in read(path).splitlines() if os.path.exists(program + path.split(os.sep)[-4]) else []:
            section = re.match(r"\s*\[([^]]+)\]", line)
            option = re.match(r"\s*([\w.]+)\s*=\s*[\"']?([^\"';]*?)[\"']?\s*(?:;|$)", line)
            if section:
                name = section.group(1)
            elif option:
                said.setdefault(name, {})[option.group(1)] = option.group(2)
        yield from ((each, said[each]) for each in said)


def groups_of(account):
    """Return the names of an account's groups; its own name where the server does not know it yet."""
    try:
        first = grp.getgrgid(pwd.getpwnam(account).pw_gid).gr_name
    except KeyError:
        first = account
    return {first} | {each.gr_name for each in grp.getgrall() if account in each.gr_mem}


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
