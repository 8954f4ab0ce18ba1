"""What the owner's server does by itself, at boot and by the clock, that ends its packet filter or its work."""

from __future__ import annotations

import glob
import os
import re
import time

from ansible.module_utils.probe import OURS, read_plain

UNITS = "/etc/systemd/system/"
AT_BOOT = (
    "/etc/rc.local", "/etc/rc[S2-5].d/S*", "/etc/network/interfaces", "/etc/network/interfaces.d/*",
    "/etc/network/if-*up.d/*", "/etc/networkd-dispatcher/*/*", "/etc/NetworkManager/dispatcher.d/*",
    "/etc/NetworkManager/dispatcher.d/*.d/*", UNITS + "*.service", UNITS + "*.service.d/*.conf",
    "/etc/wireguard/*.conf", "/etc/openvpn/*.conf", "/etc/openvpn/server/*.conf",
    "/etc/openvpn/client/*.conf",
)  # fmt: skip
# The folders of tunnels, and the unit of each file: of a tunnel home.conf, openvpn-client@home.
TUNNELS = {
    "/etc/wireguard": "wg-quick@", "/etc/openvpn": "openvpn@", "/etc/openvpn/server": "openvpn-server@",
    "/etc/openvpn/client": "openvpn-client@",
}  # fmt: skip
OPENVPN = "/etc/default/openvpn"
# The lines by which a tunnel that begins, or one of its clients, starts something.
TUNNEL = re.compile(r"(?:pre|post)up\s*=|(?:up|route-up|client-connect|learn-address)\s", re.IGNORECASE)
AT_JOBS = "/var/spool/cron/atjobs/"
BY_THE_CLOCK = (
    "/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/root", "/etc/cron.hourly/*", "/etc/cron.daily/*",
    "/etc/cron.weekly/*", "/etc/cron.monthly/*", AT_JOBS + "*",
)  # fmt: skip
# What certbot keeps of each certificate, and the scripts that it runs around a renewal, some day twice a day.
RENEWALS = "/etc/letsencrypt/renewal/"
HOOKS = "/etc/letsencrypt/renewal-hooks/*/*"
CRONTABS = ("/etc/crontab", "/etc/cron.d/", "/var/spool/cron/crontabs/")  # whose lines begin with when
# Of long lines that are no command's the words between are few, or a job of a megabyte would take minutes.
RESTART = re.compile(
    r"(?:^|[\s/;&|=])(?:(?:reboot|poweroff|halt|shutdown)(?![\w-])|(?:tel)?init [06]\b)"
    r"""|(?:^|[\s/;&|="'`(])(?:"""
    r"systemctl\s(?:[^;&|]{0,80}\s)?(?:try-)?(?:stop|restart|kill)\s(?:[^;&|]{0,80}\s)?(?:nginx|docker)(?![\w@-])(?!\.[^s])"
    r"|(?:(?:service|invoke-rc\.d)\s+|init\.d/)(?:nginx|docker)\s+(?:stop|restart)\b|nginx\s+-s\s*(?:stop|quit)\b)"
)
# Upgrades, at which packages start their services anew and Docker all containers; and what ends programs by their name,
# or all containers that run, as in `docker restart $(docker ps -q)`. Not what only looks, or only fetches packages.
UPGRADE = re.compile(
    r"""(?:^|[\s;&|="'`(/])(?:"""
    r"(?:apt|apt-get|aptitude)\s(?!(?:[^;&|]{0,160}\s)?(?:-[a-z]*[sd][a-z]*|--simulate|--dry-run|--download-only)(?:\s|$))"
    r"(?:[^;&|]{0,80}\s)?(?:(?:dist|full|safe)-)?upgrade(?![\w.-])"
    r"|unattended-upgrades?(?![\w./-])(?!\s[^;&|]{0,80}--dry-run)"
    r"|needrestart\s(?:[^;&|]{0,80}\s)?-\w*r\s*a\b"
    r"|(?:killall|pkill)\s(?:[^;&|]{0,80}\s)?(?:nginx|dockerd|containerd)(?![\w-])"
    r"|docker\s+(?:container\s+)?(?:restart|stop|kill|rm)\s(?:[^;&|]{0,40}\s)?(?:\$\(|`)\s*docker\s+(?:container\s+)?(?:ps|ls)\b"
    r"(?![^)`]{0,120}\s(?:-\w*f|--filter)\b)"
    r"|xargs\s(?:[^;&|]{0,80}\s)?docker\s+(?:container\s+)?(?:restart|stop|kill|rm)\b)"
)
# A command, its name also in a variable as in "$IPTABLES" -F, and its words.
COMMAND = re.compile(
    r"""(?:^|[\s;&|(/`"'=@!+-])(ip6?tables(?:-legacy|-nft)?(?:-restore)?|\$\{?ip6?t\w*\}?|ufw|systemctl)"?"""
    r"""(?=[\s<]|$)([^;&|]*)""",
    re.IGNORECASE,
)
ASKED_FOR = re.compile(r"""(?:\s-[efvx]|which|type|hash|netns exec .*|docker exec .*)\s+["/\w]*$""")
NFT = re.compile(
    r"\b(?:flush\s+ruleset|(?:flush|delete)\s+table\s+ip6?\s+(?:filter|nat)\b|flush\s+chain\s+ip6?\s+filter\s+INPUT\b)"
)
PATH = re.compile(r"""(?<![\w.~$}])/[^\s"'`;&|<>(){}$=,:]+""")
# What packages bring, what is no script, and disks of other machines, which may not answer.
PACKAGED = re.compile("/(?:usr/(?:s?bin|lib|libexec|share)|s?bin|lib|dev(?!/shm/)|proc|sys|var/log|mnt|media|net)/")
# What stands before the name of a file that is run although its mode does not say so.
RUNS = re.compile(r"""(?:^|[\s;&|(/])(?:(?:ba|da|k|z)?sh|\.|source|nft\s+-f)\s+(?:-[a-z]+\s+)*["']?$""")
DEEPEST = 10  # scripts that call one another


def begun_with(path):
    """Return the lines of a file by which it starts something; `path` tells what kind of file it is."""
    found = [line.strip() for line in read_plain(path).replace("\\\n", " ").splitlines()]
    if path.startswith(UNITS):
        return [line for line in found if re.match(r"Exec(Start|Condition)", line)]
    if os.path.dirname(path) in TUNNELS:
        return [line for line in found if TUNNEL.match(line)]
    if path.startswith(RENEWALS):
        return [line for line in found if re.match(r"(?:pre|post|renew)_hook\s*=", line)]
    if path.startswith("/etc/network/interfaces"):
        return [line for line in found if not re.match(r"(pre-|post-)?down\b", line)]
    return found


def running(path, begun, seen=None, depth=0):
    """Yield (file, line) for lines of a file, then for those of the owner's scripts that they name, and so on."""
    seen = {path} if seen is None else seen
    for line in (line for line in begun if line and line[0] != "#"):
        yield path, line
        said = re.sub(r">+\s*\S+", "", line)  # not what it writes, as a log
        for match in PATH.finditer(said):
            named = os.path.normpath("/" + match[0].lstrip("/"))
            if named not in seen and depth < DEEPEST and is_script(named, RUNS.search(said[: match.start()])):
                seen.add(named)
                yield from running(named, begun_with(named), seen, depth + 1)


def is_script(path, is_called=None):
    """Tell whether a file is somebody's script: text that may be run or `is_called` so, and not the project's.

    What a job only reads is none: strangers write what is in a web server's log.
    """
    if PACKAGED.match(path) or PACKAGED.match(os.path.realpath(path)):
        return False
    text = read_plain(path)
    if not text or "\0" in text or OURS in text[:200]:
        return False
    return bool(is_called) or text.startswith("#!") or os.access(path, os.X_OK)


def emptying(lines, owns, patterns=AT_BOOT + BY_THE_CLOCK):
    """Return [{path, command, starter}] for what takes UFW's rules from the kernel, each file once.

    `owns(path)` tells whether a file is the owner's; `starter` is the file in which the server finds what it runs.
    """
    found = {}
    for starter in owners_files(owns, patterns):
        for path, line in running(starter, begun_with(starter)):
            command = emptied_by(line)
            if command and path not in found and starts(lines, starter):
                found[path] = {"path": path, "command": command, "starter": starter}
    return list(found.values())


def owners_files(owns, patterns):
    """Return the owner's files of these patterns, each once, although several links lead to it."""
    paths = {os.path.realpath(path): path for each in patterns for path in sorted(glob.glob(each))}
    theirs = (path for real, path in paths.items() if not PACKAGED.match(real) and is_roots(real) and owns(real))
    return sorted(theirs)


def is_roots(path):
    """Tell whether root runs a file: of `at` only its own jobs; any account may put others there, of any size."""
    try:
        return not path.startswith(AT_JOBS) or os.stat(path).st_uid == 0
    except OSError:  # it has just run
        return False


def starts(lines, path):
    """Tell whether the server starts what a file says: a script that may be run, a unit that is not switched off."""
    if path.startswith(UNITS):
        unit = path[len(UNITS) :].partition("/")[0]
        unit = unit[:-2] if unit.endswith(".d") else unit
        return not {"disabled", "masked", "linked"} & set(lines("systemctl", "is-enabled", unit))
    folder, name = os.path.split(path)
    if TUNNELS.get(folder) == "openvpn@":  # which its service starts, by a list of names; without one, all
        named = re.findall(r"^\s*AUTOSTART=(.*)", read_plain(OPENVPN), re.MULTILINE)
        return not named or bool({"all", name[: -len(".conf")]} & set(re.findall(r"[^\s\"']+", named[-1])))
    if folder in TUNNELS:
        unit = TUNNELS[folder] + name[: -len(".conf")] + ".service"
        return bool({"enabled", "enabled-runtime"} & set(lines("systemctl", "is-enabled", unit)))
    return path.startswith((*CRONTABS, RENEWALS, "/etc/network/interfaces")) or os.access(path, os.X_OK)


def emptied_by(line):
    """Return the command in a line that empties chains which UFW's rules are in, or ends UFW; "" when there is none."""
    for match in COMMAND.finditer(line):
        name, words = match[1].lower(), re.sub("[\"'`)]", " ", match[2]).split()
        if ASKED_FOR.search(line[: match.start(1)]) or words[:1] == ["]"]:
            continue
        if "restore" in name:
            ends = not {"-n", "--noflush", "-t", "--test"} & set(words)
        elif name == "ufw":
            ends = bool({"disable", "reset"} & set(words))
        elif name == "systemctl":
            ends = bool({"stop", "disable", "mask"} & set(words)) and bool({"ufw", "ufw.service"} & set(words))
        else:
            ends = flushes(words)
        if ends:
            return " ".join((match[1] + match[2]).split()).strip("\"'`) ")
    said = NFT.search(line)
    return said[0] if said else ""


def flushes(words):
    """Tell whether iptables with these words empties all chains of a table, or the one that leads to UFW's."""
    table = "".join(words[words.index("-t") + 1 :][:1]) if "-t" in words else "filter"
    for place, word in enumerate(words):
        if word in ("-F", "--flush") and (table in ("filter", "nat") or table[:1] == "$"):
            chain = "".join(words[place + 1 : place + 2])
            return chain == "INPUT" or not re.match(r"[$A-Za-z_]", chain)
    return False


def restarting(lines, owns, patterns=(*BY_THE_CLOCK, RENEWALS + "*.conf", HOOKS), timers=UNITS + "*.timer"):
    """Return when jobs restart or end the server, nginx or Docker, or upgrade, as "/etc/crontab: 0 3 * * 1".

    Of a script its path.

    Of a job of `at` the instant is in its name. Not what they run, which may name a password.
    """
    found = []
    for path in owners_files(owns, patterns):
        for line in begun_with(path):
            if restarts(path, [line]) and starts(lines, path):
                words = line.split()
                when = ": " + " ".join(words[: 1 if words[0][0] == "@" else 5])
                found.append(path + (when if path.startswith(CRONTABS) else at(path)))
    for path in owners_files(owns, [timers]):
        said = dict(line.strip().partition("=")[::2] for line in read_plain(path).splitlines())
        service = os.path.join(os.path.dirname(path), said.get("Unit", os.path.basename(path)[:-6] + ".service"))
        if restarts(service, begun_with(service)) and starts(lines, path):
            found.append("%s: %s" % (path, said.get("OnCalendar", "")))
    return list(dict.fromkeys(found))


def at(path):
    """Return when a job of `at` runs, as ": 2027-06-06 08:00Z"; "" of any other file."""
    minutes = re.fullmatch(re.escape(AT_JOBS) + "[a-z=][0-9a-f]{5}([0-9a-f]{8})", path, re.IGNORECASE)
    return time.strftime(": %Y-%m-%d %H:%MZ", time.gmtime(int(minutes[1], 16) * 60)) if minutes else ""


def restarts(path, begun):
    """Tell whether any of these lines of a file, or of a script that they name, ends what the page needs."""
    return any(RESTART.search(line) or UPGRADE.search(line) for _, line in running(path, begun))


def standalone(pattern=RENEWALS + "*.conf"):
    """Return the certificates for whose renewal certbot itself has to have port 80, by their names.

    Not those that another port is for, or before whose renewal nginx is stopped, of which `restarting` tells.
    """
    found = []
    for path in sorted(glob.glob(pattern)):
        said = dict(re.findall(r"^\s*(\w+)\s*=\s*(.*?)\s*$", read_plain(path), re.MULTILINE))
        gets_it = said.get("http01_port", "80") == "80" and not RESTART.search(said.get("pre_hook", ""))
        if said.get("authenticator") == "standalone" and gets_it:
            found.append(os.path.basename(path)[: -len(".conf")])
    return found
