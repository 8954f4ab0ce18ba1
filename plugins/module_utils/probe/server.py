"""What Ansible's facts do not tell of a server.

`package_facts` would read the packages too, but needs python3-apt, which a minimal server does not have.
"""

from __future__ import annotations

import glob
import grp
import hashlib
import os
import pwd
import re
import socket

from ansible.module_utils.probe import OURS, content, docker_api, dpkg, engine, journal, listening, parameters, read
from ansible.module_utils.probe.queues import unshared
from ansible.module_utils.probe.written import describe, strayed

UPLINK = "/usr/local/sbin/prep-uplink"
ANSWER = 3.0  # seconds that a container on this server may take to answer
RESOLVERS = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")  # of the second the first may know nothing
DOCKER_DATA = "/var/lib/docker"  # where an engine keeps its images, unless its options name another folder
RECORD = "/var/lib/prep-difusor"  # kept by `managed_files`: the paths it has touched, and the server as it was before
FOUND = RECORD + "/found"
LINGERING = "/run/prep-difusor.sessions"  # in which the role accounts notes whose sessions it is about to end
SETTINGS = (  # settings of a container that the action plugin `container` compares
    "Binds", "CapDrop", "CpuShares", "Dns", "LogConfig", "Memory", "MemorySwap", "Mounts", "NetworkMode",
    "PidsLimit", "PortBindings", "ReadonlyRootfs", "RestartPolicy", "SecurityOpt", "Tmpfs", "VolumesFrom",
)  # fmt: skip
# Where the kernel tells the processor's clock, the nominal ones first, and how many of its units are 1 MHz.
CLOCKS = (
    ("/sys/devices/system/cpu/cpu0/cpufreq/base_frequency", 1000),
    ("/sys/devices/system/cpu/cpu0/acpi_cppc/nominal_freq", 1),
    ("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", 1000),
)
SU = "/etc/pam.d/su"
SITES = ("/etc/nginx/sites-enabled/*", "/etc/nginx/conf.d/*.conf")


def free(path):
    """Return the free bytes of the file system that holds `path` or its nearest existing parent."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def free_files(path):
    """Return how many more files that file system takes; -1 where there is no limit, as on btrfs."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return found.f_favail if found.f_files else -1


def kind(path, mounts="/proc/self/mounts"):
    """Return the kind of the file system that holds a path, such as ext4; "" when it is unknown."""
    found = ("", "")
    for line in read(mounts).splitlines():
        _, point, name = line.split(" ")[:3]
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal.group(1), 8)), point)
        if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(found[0]):  # the last one is on top
            found = (point, name)
    return found[1]


def unit_of(cgroups):
    """Return the unit of systemd, such as nginx.service, out of the text of a process's /proc/<id>/cgroup."""
    named = re.search(r"^(?:0:|\d+:name=systemd):(.*)$", cgroups, re.MULTILINE)
    return next((name for name in reversed(named[1].split("/")) if "." in name), "") if named else ""


def listeners(lines, cgroups_of):
    """Return [{address, port, process, unit}] out of the lines of `ss -Hltnp`; `cgroups_of` reads a process's."""
    found = []
    for line in lines:
        address, port = listening(line)
        process = re.search(r'users:\(\("([^"]+)",pid=(\d+)', line)
        found.append(
            {
                "address": address,
                "port": int(port),
                "process": process.group(1) if process else "",
                "unit": unit_of(cgroups_of(process.group(2))) if process else "",
            }
        )
    return found


def advertised(routes, addresses):
    """Tell whether router advertisements configure IPv6, from the lines of `ip -6 route` and of dynamic addresses."""
    return bool(addresses) or any(re.search(r"\bproto (kernel_)?ra\b", route) for route in routes)


def reached(routes, *resolvers):
    """Return the networks of the lines of `ip -4 route`, and the name servers of the texts of resolv.conf (IPv4)."""
    networks = [re.match(r"(?:[a-z]+ )?(\d[\d./]*)", line) for line in routes]
    servers = re.findall(r"^\s*nameserver\s+(\d[\d.]*)\s*$", "\n".join(resolvers), re.MULTILINE)
    return sorted({network.group(1) for network in networks if network} | set(servers))


def avoided(routes, *resolvers):
    """Return those of the same that a Docker engine avoids by itself: networks on link, and name servers."""
    return reached([line for line in routes if "scope link" in line], *resolvers)


def sites(paths, packaged):
    """Return those of nginx's files that the owner wrote, or that cannot be read; `packaged`: lines of "path md5"."""
    found = []
    for path in paths:
        written = content(path)
        sample = "%s %s" % (os.path.realpath(path), hashlib.md5(written or b"").hexdigest())
        if written is None or (OURS.encode() not in written[:200] and sample not in packaged):
            found.append(path)
    return found


def real(path, options):
    """Return where a folder is in truth: without links, and Docker's where its options say."""
    named = options.get("data-root")
    return os.path.realpath(named if path == DOCKER_DATA and isinstance(named, str) else path)


def accounts_before(found, present="/etc/passwd"):
    """Return the names of the accounts that were there when the server was `found`, or, before the first run, are."""
    listed = read(found + "/etc/passwd" if os.path.isdir(found) else present)
    return [line.partition(":")[0] for line in listed.splitlines()]


def admins(key, group="sudo", shadow="/etc/shadow"):
    """Return {name: digest} for the members of a group; the digest changes when their way to log in changes.

    It is the HMAC-SHA-256 under `key` (bytes) of these lines: the password's hash, its maximum age in days, the day on
    which the account ends, home, shell, comment, owner and mode of ~/.ssh and of the authorized keys, and these keys in
    the order of their characters, with single spaces.
    """
    fields = (line.split(":") for line in read(shadow).splitlines())
    terms = {each[0]: each for each in fields if len(each) > 7}  # fewer after a disk's damage
    found = {}
    for account in pwd.getpwall():
        if account.pw_name in terms and account.pw_name in members(group):
            folder = os.path.join(account.pw_dir, ".ssh")
            keys = os.path.join(folder, "authorized_keys")
            seen = [(describe(path, key) or "").split()[:4] for path in (folder, keys)]
            lines = [terms[account.pw_name][place] for place in (1, 4, 7)]
            lines += [account.pw_dir, account.pw_shell, account.pw_gecos, *map(" ".join, seen)]
            lines += sorted(filter(None, (" ".join(line.split()) for line in read(keys).splitlines())))
            found[account.pw_name] = hashlib.sha256(
                key + "\n".join(lines).encode("utf-8", "surrogateescape")
            ).hexdigest()
    return found


def passwords(key, group="sudo", shadow="/etc/shadow"):
    """Return {name: SHA-256 under `key` (bytes) of the password's hash} for the members of a group."""
    fields = (line.split(":") for line in read(shadow).splitlines())
    hashes = {each[0]: each[1].encode("utf-8", "surrogateescape") for each in fields if len(each) > 1}
    return {name: hashlib.sha256(key + hashes[name]).hexdigest() for name in members(group) if name in hashes}


def lingering():
    """Return the names of the accounts that lost a key in a run which ended before it ended their sessions."""
    return read(LINGERING).split()


def members(group):
    """Return the names of a group's members; empty when there is no such group."""
    try:
        return grp.getgrnam(group).gr_mem
    except KeyError:
        return []


def folders(paths):
    """Return {folder: names in it} for every folder above one of `paths` and the drop-in folders (*.d) beside them.

    So a path whose name is not listed in its folder is known not to exist. Of a folder that cannot be read nothing is
    known, and it is left out.
    """
    above = {path[:end] for path in paths for end, character in enumerate(path) if end and character == "/"}
    found = {}
    for folder in sorted(above.union(*(glob.glob(folder + "/*.d") for folder in above))):
        try:
            found[folder] = sorted(os.listdir(folder))
        except OSError:
            continue
    return found


def units(lines):
    """Return {unit: whether it runs, starts at boot and its files have not changed} from lines of `systemctl show`."""
    found = {}
    for block in "\n".join(lines).split("\n\n"):
        unit = dict(line.partition("=")[::2] for line in block.splitlines())
        if unit.get("LoadState") == "loaded":
            state = (unit["ActiveState"], unit["UnitFileState"], unit["NeedDaemonReload"])
            found[unit["Id"]] = state == ("active", "enabled", "no")
    return found


def images(listed):
    """Return {name: id} out of the engine's list of images."""
    return {name: each["Id"] for each in listed for name in each["RepoTags"] or []}


def answers(bindings):
    """Tell whether something answers by HTTP where a container is published (`HostConfig.PortBindings`).

    The engine listens there itself, so a connection that opens proves nothing: its rules of nat may be gone.
    """
    for bound in (bindings or {}).values():
        for each in bound:
            try:
                with socket.create_connection((each["HostIp"], int(each["HostPort"])), ANSWER) as link:
                    link.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                    if not link.recv(1):
                        return False
            except OSError:
                return False
    return True


def containers(described):
    """Return {name: {state, healthy, reached, confined, networks, image, settings}} of the engine's descriptions.

    `settings` are what `container` compares. The profile of AppArmor is that of the last start, "" without one.
    """
    found = {}
    for each in filter(None, described):  # of one that has just been removed nothing is known
        settings = {name: each["HostConfig"].get(name) for name in SETTINGS}
        found[each["Name"].lstrip("/")] = {
            "state": each["State"]["Status"],
            "healthy": (each["State"].get("Health") or {}).get("Status") == "healthy",
            "reached": each["State"]["Status"] == "running" and answers(settings["PortBindings"]),
            "confined": bool(each.get("AppArmorProfile")),
            "networks": sorted(each["NetworkSettings"]["Networks"]),
            "image": each["Image"],
            "settings": dict(settings, RestartPolicy=settings["RestartPolicy"]["Name"]),
        }
    return found


def translates(lines, options):
    """Tell whether the kernel has the chain in which Docker enters published ports, or Docker needs none.

    Without it no container starts, and those that run are reached only where the engine has a proxy besides. `options`:
    those of its daemon.json.
    """
    if options.get("iptables") is False or options.get("firewall-backend") == "nftables":
        return True
    return bool(lines("iptables", "--wait", "10", "--table", "nat", "--list-rules", "DOCKER"))


def networks(listed):
    """Return {name: options} out of the engine's list of networks."""
    return {each["Name"]: each["Options"] or {} for each in listed}


def mistaken(lines):
    """Return what systemd-sysctl does not accept of the server's files of kernel parameters, once it has failed.

    Not by its unit: of a program that has ended already the journal may not know it.
    """
    if lines("systemctl", "is-failed", "systemd-sysctl.service") != ["failed"]:
        return []
    said = ("--identifier=systemd-sysctl", "--priority=warning", "--output=cat", "--lines=20")
    return list(dict.fromkeys(lines("journalctl", "--quiet", "--boot", *said)))


def current_state(lines, docker, ours, options, key, pending):
    """Return the state of what the roles manage (see RETURN).

    `ours`: ids of the project's containers; `options`: those of Docker that the server's owner wrote.
    """
    record = read(os.path.join(RECORD, "paths"))
    touched = [path.rstrip("/") for path in record.splitlines() if path.startswith("/") and "\0" not in path]
    described = {path: describe(path, key) for path in touched}
    shown = "--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload"
    return {
        "paths": {path: line for path, line in described.items() if line},
        "folders": folders(touched),
        "units": units(lines("systemctl", "show", shown, "*.service", "*.timer", "*.path")),
        "images": images(docker.ask(list, "/images/json", reference=["prep-difusor/*"])),
        "networks": networks(docker.ask(list, "/networks", driver=["bridge"])),
        "containers": containers(docker.ask(dict, "/containers/%s/json" % each) for each in ours),
        **engine.confinement(docker),
        "translates": not ours or translates(lines, options),
        "strayed": parameters.strayed(),
        "unshared": unshared(lines) if os.path.exists(UPLINK) else [],
        "admins": admins(key),
        "passwords": passwords(key),
        "lingering": lingering(),
        "pending": pending,
        "misrecorded": strayed(RECORD, touched),
        "unapplied": [line.partition(" ")[2] for line in read(os.path.join(RECORD, "unapplied")).splitlines()],
    }


def mhz(read):
    """Return the processor's clock in MHz (0: unknown); `read(path)` returns a file's text or "".

    It is the clock in the model's name, else the nominal one that the kernel knows, else the fastest that it knows (of
    one core for a moment, perhaps), else the fastest at present.
    """
    cpuinfo = read("/proc/cpuinfo")
    stated = re.search(r"^model name.*@ ([\d.]+)GHz", cpuinfo, re.MULTILINE)
    if stated:
        return round(float(stated.group(1)) * 1000)
    for path, unit in CLOCKS:
        value = read(path).strip()
        if value.isdigit() and int(value):
            return int(value) // unit
    return round(max(map(float, re.findall(r"^cpu MHz\s*: ([\d.]+)", cpuinfo, re.MULTILINE)), default=0))


def look(lines, docker, folders, key, pending):
    """Return (facts, the rest) of what RETURN of `server_probe` describes.

    `docker`: the Engine; `folders`: those whose free space is read; `key` (bytes): of the digests; `pending`: whether
    the guard waits.
    """
    paths = sorted(path for pattern in SITES for path in glob.glob(pattern) if os.path.isfile(path))
    packaged = {line.strip() for line in lines("dpkg-query", "--show", "--showformat", "${Conffiles}", "nginx-common")}
    listed = docker.ask(list, "/containers/json?all=1")
    ours = [each["Id"] for each in listed if docker_api.is_ours(each)]
    installed = engine.facts(lines, FOUND)
    options = installed["docker_daemon"]
    places = {path: real(path, options) for path in folders}
    state = current_state(lines, docker, ours, options, key, pending)
    images_and_volumes = docker.ask(list, "/images/json"), docker.ask(dict, "/volumes").get("Volumes") or []
    network = (lines("ip", "-4", "route", "show"), *map(read, RESOLVERS))
    listening_programs = listeners(lines("ss", "-Hltnp"), lambda process: read("/proc/%s/cgroup" % process))
    facts = {
        **installed,
        **dpkg.facts(lines),
        "docker_others": docker_api.others(listed, *images_and_volumes, state["images"].values()),
        "recorded": os.path.isdir(FOUND),
        "accounts": {
            account.pw_name: {"comment": account.pw_gecos, "home": account.pw_dir, "shell": account.pw_shell}
            for account in pwd.getpwall()
        },
        "accounts_before": accounts_before(FOUND),
        "sites": sites(paths, packaged),
        "reached": reached(*network),
        "avoided": avoided(*network),
        "ipv6_advertised": advertised(
            lines("ip", "-6", "route", "show"),
            lines("ip", "-6", "-oneline", "address", "show", "scope", "global", "dynamic"),
        ),
        "su_stack": read(SU),
        "owners_parameters": parameters.owners(),
        "journal_room": journal.room(),
        "dual_stack_ports": sorted({each["port"] for each in listening_programs if each["address"] == "*"}),
        "current_state": state,
    }
    return facts, {
        "free": {path: free(place) for path, place in places.items()},
        "free_files": {path: free_files(place) for path, place in places.items()},
        "kinds": {path: kind(place) for path, place in places.items()},  # after a look that mounts what waits for one
        "listeners": listening_programs,
        "containers": docker_api.owners(listed),
        "snaps": sorted(os.path.basename(os.path.dirname(path)) for path in glob.glob("/snap/*/current")),
        "mhz": mhz(read),
        "ipv6": os.path.exists("/proc/sys/net/ipv6"),
        "real": places,
        "mistaken": mistaken(lines),
    }
