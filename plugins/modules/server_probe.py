#!/usr/bin/python
"""Module `server_probe`: reads in one call what a run needs to know of a server; changes nothing.

What it reads is in the files of `plugins/module_utils/probe/`: one call, because to start a module costs more than most
of the reading.
"""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.probe import dpkg, expiry, files, ground, looking, neighbours, sendable, server
from ansible.module_utils.probe.docker_api import Engine

DOCUMENTATION = """
---
module: server_probe
short_description: Read a server's packages, services, containers, free disk space, and what its owner has set up
description: Reads what the preflight needs beyond Ansible's facts. Changes nothing.
options:
  paths:
    description: Folders whose free space is read; for a missing folder, that of its nearest existing parent.
    type: list
    elements: path
    default: []
  key:
    description: Key of the digests of files' contents, so that only somebody who has the key can check a content.
    type: str
    required: true
  guard:
    description: The program that undoes unconfirmed changes of SSH and the firewall; asked whether one is pending.
    type: path
  beside:
    description: What to read of that which stays beside the project, or is replaced by it; nothing when left out.
    type: dict
    suboptions:
      account:
        description: The institute's account, whose way in by SSH and present keys are looked at; none when empty.
        type: str
        default: ""
      origins:
        description: Addresses and networks from which that account comes.
        type: list
        elements: str
        default: []
      shape:
        description: Whether to look for queues of the owner's where the project will install its own.
        type: bool
        default: false
      units:
        description: Units of systemd of which to tell those that are masked.
        type: list
        elements: str
        default: []
      residents:
        description: Units of systemd of which to tell those that run.
        type: list
        elements: str
        default: []
      ports:
        description: TCP ports that have to be reached from anywhere; what shuts them is told.
        type: list
        elements: int
        default: []
      operator:
        description: The operator's SSH_CONNECTION, which a program run by sudo does not see; empty without one.
        type: str
        default: ""
      user:
        description: The operator's account on the server, whose session works; empty when unknown.
        type: str
        default: ""
      replaced:
        description: Whole files that the roles install, whose changes by the owner are told.
        type: list
        elements: path
        default: []
author: prep-difusor
"""
EXAMPLES = """
- name: Read what Ansible's facts do not tell of the server
  server_probe:
    paths: [/var/lib/docker]
    key: "{{ preflight_key }}"
  become: true

- name: Read also what the server's owner has set up
  server_probe:
    key: "{{ preflight_key }}"
    beside: {account: instituto, origins: [192.0.2.10, "2001:db8::/48"], replaced: [/etc/chrony/chrony.conf]}
  become: true
"""
RETURN = """
ansible_facts:
  description: Facts beyond those of C(setup).
  returned: always
  type: dict
  contains:
    packages: {description: "The installed packages, as {name: version}.", type: dict}
    accounts: {description: "The accounts, as {name: {comment, home, shell}}.", type: dict}
    accounts_before: {description: Names of the accounts that were there before the first run., type: list}
    docker_daemon: {description: "The options in the daemon.json that the server's owner wrote for Docker.", type: dict}
    docker_daemon_mode: {description: "The mode of that file, or the one that it shall have, such as 0644.", type: str}
    docker_daemon_since: {description: Whether the owner has changed these options since the first run., type: bool}
    docker_flags:
      description: The options that the role docker writes into daemon.json and the engine's command line has too.
      type: list
      elements: str
    docker_others:
      description: The containers, images (by id) and volumes of the Docker engine that are not the project's.
      type: list
      elements: str
    docker_mounts: {description: The units that mount the disks of Docker's folders., type: list, elements: str}
    docker_before: {description: Whether the server's owner ran a Docker engine before the first run., type: bool}
    dpkg_interrupted: {description: Whether dpkg was interrupted before it had finished., type: bool}
    packages_half_way:
      description: "The packages that are half-way, as {name: version}, also while another program is installing them."
      type: dict
    packages_unfinished:
      description: Packages that dpkg left half-way; none while another program is installing some.
      type: list
      elements: str
    recorded: {description: Whether an earlier run has begun to change this server., type: bool}
    units_read:
      description: >-
        Whether systemd has read its units' files in this run: false here, also where Ansible keeps facts between runs.
      type: bool
    sites: {description: Files of nginx's sites but the project's and the packaged sample., type: list, elements: str}
    su_stack: {description: "The text of /etc/pam.d/su, which says who may become whom by su.", type: str}
    owners_parameters:
      description: The kernel parameters that files of the owner's set, and those that cannot be set back, by name.
      type: dict
    journal_room:
      description: Bytes of the disk that the journal may use without the project, by the owner's files or by itself.
      type: int
    dual_stack_ports:
      description: TCP ports at which one socket takes the connections of both IPv4 and IPv6.
      type: list
      elements: int
    reached: {description: "The networks of the server's routes, and its name servers, IPv4 only.", type: list}
    avoided: {description: "Those of them that a Docker engine avoids: on link, and name servers.", type: list}
    ipv6_advertised: {description: Whether IPv6 is configured by router advertisements., type: bool}
    current_state:
      description: The state of what the roles manage; a role skips what is already as wanted.
      type: dict
      contains:
        paths: {description: "Paths that C(managed_files) ever touched, as {path: line}; see describe.", type: dict}
        folders: {description: "The folders around those paths, as {folder: names in it}.", type: dict}
        units:
          description: The loaded systemd units; true for one that runs, starts at boot and matches its files.
          type: dict
        images: {description: "The project's Docker images, as {name: id}.", type: dict}
        networks: {description: "Docker's bridge networks, as {name: options}.", type: dict}
        containers:
          description: >-
            The project's containers, as {name: {state, healthy, reached, confined, networks, image, settings}};
            C(confined) tells whether it was started with a profile of AppArmor.
          type: dict
        confinable: {description: Whether the kernel has AppArmor., type: bool}
        confining: {description: "Whether the Docker engine that runs knows of it, or does not answer", type: bool}
        translates: {description: "Whether the kernel has Docker's chain of published ports, or needs none", type: bool}
        strayed:
          description: Kernel parameters that do not have the value that an earlier run has given them.
          type: list
          elements: str
        unshared:
          description: Interfaces with a default route that have lost the queue of the role C(tc).
          type: list
          elements: str
        admins: {description: "Who may use sudo, as {name: digest}; see C(admins) in server.py.", type: dict}
        passwords: {description: "The passwords of those, as {name: digest of its hash}.", type: dict}
        lingering:
          description: Accounts that lost a key in a run which ended before their sessions.
          type: list
          elements: str
        pending: {description: Whether the guard waits for the confirmation of a change., type: bool}
        misrecorded:
          description: Those of C(paths) that are not as C(managed_files) recorded them, and those of which it has not.
          type: list
          elements: str
        unapplied: {description: Paths that a run changed without coming to its end., type: list, elements: str}
free: {description: "Free bytes by path.", returned: always, type: dict}
free_files: {description: "How many more files fit, by path; -1 for any number.", returned: always, type: dict}
kinds: {description: "Kinds of the file systems that hold these folders, by path.", returned: always, type: dict}
listeners:
  description: TCP listeners as {address, port, process, unit}; process and unit of systemd are empty when unknown.
  returned: always
  type: list
containers:
  description: Docker's running containers that are not the project's, each with the ports it publishes.
  returned: always
  type: list
snaps: {description: "Names of the installed snaps.", returned: always, type: list}
ipv6: {description: Whether the kernel has IPv6., returned: always, type: bool}
shut: {description: "The first day on which an account lets nobody in any more, by name.", returned: always, type: dict}
days_without_updates: {description: Days since apt's timers last did their work., returned: always, type: int}
real: {description: "Where these folders are in truth, by path.", returned: always, type: dict}
mistaken:
  description: What systemd-sysctl does not accept of the server's kernel parameters, where its service has failed.
  returned: always
  type: list
mhz:
  description: The nominal clock of the first processor, else its fastest one, in MHz; 0 when unknown.
  returned: always
  type: int
neighbours:
  description: The owner's ports and packet filter rules, and who may enter by SSH.
  returned: when C(beside) is given
  type: dict
  contains:
    datagrams:
      description: UDP listeners as {address, port, process}; the process is empty when it is unknown.
      type: list
    raw:
      description: Programs that wait for a protocol of IP, such as keepalived for VRRP, as {protocol, process}.
      type: list
    published:
      description: Ports beyond loopback that Docker publishes for containers and services of the owner, as 8080/tcp.
      type: list
    accepting:
      description: The owner's rules of iptables that admit new connections from outside, as C(iptables -S) prints them.
      type: list
    shutting:
      description: The owner's rules and tables that deny C(ports), ahead of UFW, to everybody.
      type: list
    limiting:
      description: The owner's rules that limit what all visitors together get of C(ports), each with what denies more.
      type: list
    limiting_each:
      description: Those that limit what each source gets of them.
      type: list
    diverting:
      description: The owner's rules that lead a port elsewhere before any program here gets it, as {rule, ports}.
      type: list
    tables:
      description: The owner's tables of nftables that filter what comes in.
      type: list
    shaped:
      description: Interfaces with a default route that have a queue of the owner's, such as "eth0 (tbf 8001:)".
      type: list
    routed:
      description: >-
        Interfaces of virtual machines and tunnels for which the server forwards whatever no rule denies, and bridges of
        virtual machines that no rule is about.
      type: list
    detour:
      description: The interfaces by which the operator comes in and is answered, where these differ.
      type: list
    tunnel:
      description: >-
        The ports at which the tunnel that the operator comes in by waits to be begun, where it ends on the server, as
        {name, kind, port, protocol}; C(name) is its interface.
      type: list
    uplinks:
      description: The interfaces with a default route for IPv4, where there is more than one.
      type: list
    masked:
      description: Those of C(units) that are masked, so that nothing can start them.
      type: list
    running:
      description: Those of C(residents) that run, or wait for their time.
      type: list
    jails:
      description: The owner's jails of fail2ban that shut out an address from one of the C(ports).
      type: list
    swarm:
      description: Whether the Docker engine belongs to a swarm.
      type: bool
    sharing:
      description: Programs that run as the account of nginx's workers; a pool of PHP-FPM with its name.
      type: list
    closed_pools:
      description: Pools of PHP-FPM whose sockets that account may not open, as "diario (nginx:nginx 0660)".
      type: list
    doors:
      description: >-
        SSH's access lists in force for the account, as {origin, address, allowusers, denyusers, ..., matched, general,
        broken}; C(matched) has what only a Match block says of its sessions, C(general) what is said for everybody,
        C(broken) tells whether sshd ends there.
      type: list
    ssh:
      description: >-
        What the owner's files of SSH say for everybody, as {overriding, methods, places}; C(overriding) has settings of
        which sshd takes the last value, C(places) the lines of settings, by their names in small letters.
      type: dict
    entered:
      description: >-
        Who has logged in by SSH in the last two weeks, as the journal says, as {user, method, address, key}; C(key) is
        the RSA key, as type and text.
      type: list
    groups:
      description: The groups of the account; empty while it does not exist.
      type: list
ground:
  description: What a run builds on, and the owner may have taken away.
  returned: when C(beside) is given
  type: dict
  contains:
    fixed:
      description: >-
        Files and folders that the roles change, C(replaced) among them, and that have an attribute of chattr by which
        nobody may.
      type: list
    python: {description: Where /usr/bin/python3 leads; empty without one., type: str}
    forbidden: {description: Modules of the kernel that Docker needs and that modprobe shall not load., type: list}
    closed: {description: Whether the kernel loads no module any more until it starts again., type: bool}
    home: {description: The kind of file system of the home folder of the account, or of where it will be., type: str}
    home_writable: {description: Whether root may write there., type: bool}
files:
  description: What the owner's files of nginx, SSH, rsync and firewalls say, and which would be replaced.
  returned: when C(beside) is given
  type: dict
  contains:
    settings:
      description: >-
        What the owner's files of nginx say outside of any block, and the addresses and names of their sites, as
        {path, line, words, within}; C(within) names the blocks around it, such as http/server. Also what their sites
        write where the project's nginx cannot, with links in that path followed.
      type: list
    others_ports:
      description: What servers of nginx's listen on that are outside of http, for streams and mail, in the same form.
      type: list
    samples:
      description: Files of nginx's sites that are as a package has brought them.
      type: list
    writable:
      description: Files that nginx reads, or folders above them, that others than root may write.
      type: list
    refused:
      description: >-
        What is wrong in files of the owner's with which nginx or sshd would not start again, by their own tests, as
        {program, place, reason}; C(place) is a path, with a line where the program names it.
      type: list
    lists:
      description: "The files of SSH's configuration that have access lists, as {allowusers: [path], ...}."
      type: dict
    rules: {description: "Rules in UFW's files that admit something, not the project's own", type: list}
    denials: {description: "Rules in UFW's files that deny the page to everybody", type: list}
    limits: {description: "Rules in UFW's files that limit what each address gets of the page", type: list}
    keys:
      description: The public keys that open the institute's account now, each as type and key.
      type: list
    keyed:
      description: The members of the group sudo, and whom another rule of sudo lets become root, who have a key.
      type: list
    has_password:
      description: Whether that account has a password that it can log in with.
      type: bool
    uid:
      description: The user id of that account, 0 when there is none.
      type: int
    mirror_of:
      description: The names of the page for which an earlier run has set up this server; empty before the first.
      type: list
    unrecorded:
      description: Whether an earlier run has set up this server and the record of how it was found before is gone.
      type: bool
    main:
      description: >-
        The same of a nginx.conf that the owner has changed, or with which nginx does not run as www-data, of which only
        the outer two levels are read.
      type: list
    changed_files:
      description: Those of C(replaced) that the owner has written or changed.
      type: list
    modules:
      description: The modules in the rsyncd.conf that the owner wrote; its path where it has none.
      type: list
    excepted:
      description: What the owner's Match blocks of SSH say of ways to log in, as {path, match, setting}.
      type: list
    ssh_included:
      description: Whether SSH's main file includes the folder of its drop-ins, outside of a Match block.
      type: bool
    parameters:
      description: >-
        The kernel parameters that files of the owner's set, as {path, name, value, lost}; C(lost) tells whether only
        UFW reads that file.
      type: list
    halting:
      description: The settings of auditd, such as "disk_full_action = halt", that stop the server when its log is full.
      type: list
    audit_waits:
      description: Whether the kernel takes audit rules only after a restart, and has none of the project's by now.
      type: bool
    restarting:
      description: >-
        When jobs of cron, timers or certbot's hooks restart or end the server, nginx or Docker, as "/etc/crontab: 0 3
        * * 1".
      type: list
    updates:
      description: >-
        What the owner's files of apt say of updates without anybody, as {origins, off}: from where they come besides
        the distribution's own, and the file and timers by which there are none.
      type: dict
    wrapped: {description: "What hosts.allow and hosts.deny say of sshd, as {allow, deny} with lines.", type: dict}
    choosing: {description: Lines of PAM by which only some accounts log in by SSH., type: list}
    standalone: {description: Certificates for whose renewal certbot itself has to have port 80., type: list}
    emptying:
      description: >-
        Commands that the owner's server runs at boot or by the clock and that empty the chains of UFW, as {path,
        command, starter}; C(starter) is the file that says when.
      type: list
    flushing:
      description: Whether a service that runs at boot empties all rules of the kernel's packet filter.
      type: bool
"""


def awaits_proof(module):
    """Tell whether a change of SSH or the firewall still waits for its confirmation."""
    guard = module.params["guard"]
    return bool(guard and os.path.exists(guard) and module.run_command([guard, "pending"])[0] == 0)


def main():
    """Run the module."""
    beside = {
        "account": {"type": "str", "default": ""},
        "origins": {"type": "list", "elements": "str", "default": []},
        "shape": {"type": "bool", "default": False},
        "units": {"type": "list", "elements": "str", "default": []},
        "residents": {"type": "list", "elements": "str", "default": []},
        "ports": {"type": "list", "elements": "int", "default": []},
        "operator": {"type": "str", "default": ""},
        "user": {"type": "str", "default": ""},
        "replaced": {"type": "list", "elements": "path", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "default": []},
            "key": {"type": "str", "required": True, "no_log": True},
            "guard": {"type": "path"},
            "beside": {"type": "dict", "options": beside},
        },
        supports_check_mode=True,
    )
    lines, docker, key = looking(module), Engine(), module.params["key"].encode()
    facts, found = server.look(lines, docker, module.params["paths"], key, awaits_proof(module))
    found.update(shut=expiry.days(), days_without_updates=dpkg.days_without_updates())
    asked = module.params["beside"]
    if asked is not None:
        replaced = asked.pop("replaced")
        found["neighbours"] = neighbours.look(lines, docker, found["containers"], **asked)
        found["files"] = files.look(lines, asked["account"], replaced)
        found["ground"] = ground.look(lines, asked["account"], replaced)
    facts["units_read"] = False
    module.exit_json(changed=False, ansible_facts=sendable(facts), **sendable(found))


if __name__ == "__main__":
    main()
