#!/usr/bin/python
"""Module `server_probe`: what the facts do not say of a server, read in one call; changes nothing.

`package_facts` would tell the packages too, but needs python3-apt, which a minimal server does not have.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import pwd
import re

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
---
module: server_probe
short_description: What is installed on a server, what runs there, whom its firewall admits, and what it has left
description: Reads what the preflight needs beyond Ansible's facts. Changes nothing.
options:
  paths:
    description: Folders whose free space is asked; one that does not exist yet stands for its nearest parent.
    type: list
    elements: path
    default: []
author: IMPEPAC UTSIC
"""
EXAMPLES = """
- name: Look at what the facts do not say
  server_probe:
    paths: [/var/lib/docker]
  become: true
"""
RETURN = """
ansible_facts:
  description: "The installed packages, in the form of package_facts, the accounts, {name: comment}, the options of
    the owner's own Docker, as daemon.json says them, whether IPv6 comes by router advertisements, and whether dpkg was
    cut off in the middle of its work."
  returned: always
  type: dict
free:
  description: Bytes that are free for each of the paths.
  returned: always
  type: dict
listeners:
  description: TCP listeners as {address, port, process}; the process is empty when nobody may know it.
  returned: always
  type: list
sites:
  description: Files of nginx's sites that are neither the project's nor the packaged sample, as {path, default_ports}.
  returned: always
  type: list
rules:
  description: Rules of UFW, as its files say them, that admit something and are not the project's.
  returned: always
  type: list
containers:
  description: Docker's running containers that are not the project's, each with the ports it publishes.
  returned: always
  type: list
snaps:
  description: Names of the installed snaps.
  returned: always
  type: list
mhz:
  description: The fastest clock of the first processor, in MHz; 0 when the machine does not say.
  returned: always
  type: int
"""

DPKG_JOURNAL = "/var/lib/dpkg/updates/[0-9]*"  # what dpkg has not yet entered into its database
DAEMON = "/etc/docker/daemon.json"
FOUND = "/var/lib/prep-difusor/found"  # the server as it was, kept by `tree` before its first change
RULES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")
OURS = " comment=" + b"prep-difusor:".hex()
SITES = ("/etc/nginx/sites-enabled/*", "/etc/nginx/conf.d/*.conf")


def packages(lines):
    """Return {name: [{name, version, arch, source}]} out of the lines of `dpkg-query` (see main)."""
    found = {}
    for line in lines:
        status, name, version, arch = line.split("\t")
        if status[1] == "i":  # wanted or not, it is installed
            found.setdefault(name, []).append({"name": name, "version": version, "arch": arch, "source": "apt"})
    return found


def free(path):
    """Return the free bytes of the file system that holds `path` or its nearest existing parent."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def listeners(lines):
    """Return [{address, port, process}] out of the lines of `ss -Hltnp`."""
    found = []
    for line in lines:
        address, _, port = line.split()[3].rpartition(":")
        process = re.search(r'users:\(\("([^"]+)"', line)
        found.append(
            {
                "address": address.strip("[]").partition("%")[0],
                "port": int(port),
                "process": process.group(1) if process else "",
            }
        )
    return found


def advertised(routes, addresses):
    """Tell whether IPv6 comes by router advertisements, out of the lines of `ip -6 route` and of dynamic addresses."""
    return bool(addresses) or any(re.search(r"\bproto (kernel_)?ra\b", route) for route in routes)


def rules(text):
    """Return what the rules in the text of one of UFW's files admit, without those of the project."""
    found = []
    for line in re.findall(r"^### tuple ### (.*)$", text, re.MULTILINE):
        rule = line.partition(" comment=")[0]
        if OURS not in line and re.match(r"(route:)?(allow|limit)", rule) and not rule.split()[-1].startswith("out"):
            found.append(rule)
    return found


def sites(paths, packaged):
    """Return [{path, default_ports}] of nginx's files that are somebody's own; `packaged` are lines of "path md5"."""
    found = []
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        sample = "%s %s" % (os.path.realpath(path), hashlib.md5(content).hexdigest())
        if not os.path.basename(path).startswith("prep") and sample not in packaged:
            claims = re.findall(
                rb"(?:^|[{;])\s*listen\s+(?:\S*:)?(\d+)\b[^;#]*\bdefault_server\b", content, re.MULTILINE
            )
            found.append({"path": path, "default_ports": sorted({int(port) for port in claims})})
    return found


def daemon_options(found, present=DAEMON):
    """Return the options of the owner's Docker: what was `found` before the first run, or is there before it."""
    try:
        with open(found + DAEMON if os.path.isdir(found) else present, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def mhz(read):
    """Return the processor's clock in MHz (0: unknown), out of `read(path) -> text or ""`.

    What the maker states, else the fastest the kernel knows, else the fastest seen now.
    """
    cpuinfo = read("/proc/cpuinfo")
    stated = re.search(r"^model name.*@ ([\d.]+)GHz", cpuinfo, re.MULTILINE)
    if stated:
        return round(float(stated.group(1)) * 1000)
    khz = read("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    if khz:
        return int(khz) // 1000
    return round(max(map(float, re.findall(r"^cpu MHz\s*: ([\d.]+)", cpuinfo, re.MULTILINE)), default=0))


def read(path):
    """Return the text of a file, or nothing when there is none."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def main():
    """Answer Ansible."""
    module = AnsibleModule(
        argument_spec={"paths": {"type": "list", "elements": "path", "default": []}}, supports_check_mode=True
    )

    def lines(*command):
        program = module.get_bin_path(command[0])
        return module.run_command([program, *command[1:]])[1].splitlines() if program else []

    paths = sorted(path for pattern in SITES for path in glob.glob(pattern) if os.path.isfile(path))
    packaged = {line.strip() for line in lines("dpkg-query", "--show", "--showformat", "${Conffiles}", "nginx-common")}
    running = ("docker", "ps", "--format", '{{if not (.Label "prep-difusor.role")}}{{.Names}} {{.Ports}}{{end}}')
    form = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n"
    module.exit_json(
        changed=False,
        ansible_facts={
            "packages": packages(lines("dpkg-query", "--show", "--showformat", form)),
            "accounts": {account.pw_name: account.pw_gecos for account in pwd.getpwall()},
            "docker_daemon": daemon_options(FOUND),
            "dpkg_interrupted": bool(glob.glob(DPKG_JOURNAL)),
            "ipv6_advertised": advertised(
                lines("ip", "-6", "route", "show"),
                lines("ip", "-6", "-oneline", "address", "show", "scope", "global", "dynamic"),
            ),
        },
        free={path: free(path) for path in module.params["paths"]},
        listeners=listeners(lines("ss", "-Hltnp")),
        sites=sites(paths, packaged),
        rules=[rule for path in RULES for rule in rules(read(path))],
        containers=[line.strip() for line in lines(*running) if line.strip()],
        snaps=sorted(os.path.basename(os.path.dirname(path)) for path in glob.glob("/snap/*/current")),
        mhz=mhz(read),
    )


if __name__ == "__main__":
    main()
