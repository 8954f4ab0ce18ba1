#!/usr/bin/python
"""Applies a whole UFW policy in one call: adds missing rules first, then removes those no longer wanted."""

from __future__ import annotations

import ipaddress
import os
import re
import time
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.runs import refuse_older
from ansible.module_utils.ufw_files import (
    LOADED,
    MARKER,
    SAMPLES,
    TUPLE,
    VERSIONS,
    admits_line,
    comment,
    complaint,
    is_kept,
    restored,
)

DOCUMENTATION = r"""
module: ufw_policy
short_description: Apply a whole UFW policy in one call
description:
  - Compares the wanted rules with UFW's own files, so that C(ufw) is not called at all when nothing changes.
  - Rules are added first, then UFW is enabled (or reloaded), then rules are removed. A run that stops half-way leaves
    the server more open than wanted, never closed to its operator.
  - Rules of this module carry the comment C(prep-difusor:<name>). One that is no longer wanted is deleted, and
    connections that only it admitted are closed. Rules without that comment belong to the server's owner; they are
    returned as C(unmanaged) and never touched.
  - Default policies are not changed here; they are in C(/etc/default/ufw). The module also makes sure that the running
    firewall is the one that UFW's files describe.
  - What a disk has damaged in these files would show only when the server starts. A file that is gone or empty becomes
    the package's again, and UFW writes its rules anew where they are not those that it keeps. A file that the owner may
    have changed, and that would not load, stays as it is, with a warning.
options:
  rules:
    description: The connections to admit.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Becomes the comment of the rule., type: str, required: true}
      port: {description: Destination port., type: int, required: true}
      proto: {description: Protocol., type: str, choices: [tcp, udp], default: tcp}
      from:
        description: C(any), the name of one of O(groups), or a list of addresses and networks.
        type: raw
        required: true
  groups: {description: Lists of addresses and networks by name., type: dict, default: {}}
  operator:
    description:
      - The address from which Ansible connects, and the port it connects to. A policy that does not admit this
        connection is refused before anything is touched.
    type: dict
    suboptions:
      address: {description: Address as the server sees it., type: str, required: true}
      port: {description: TCP port of SSH., type: int, default: 22}
  logging:
    description: UFW's log level.
    type: str
    choices: ["off", low, medium, high, full]
    default: low
  enabled: {description: "Whether the firewall is active, now and at boot.", type: bool, default: true}
  stamp:
    description: File whose time UFW's C(after.init) updates whenever the firewall starts.
    type: path
  files:
    description: Files that the firewall reads at its start; it is reloaded when one of them is newer than O(stamp).
    type: list
    elements: path
    default: []
  after_init:
    description:
      - UFW's C(after.init), which replaces its own chains whenever it runs. When nothing but it is newer than O(stamp),
        it alone is run, because a reload takes seconds and rebuilds all chains.
    type: path
  guard:
    description: A program that undoes a change not confirmed in time; run with C(arm) before the first change.
    type: path
  found:
    description:
      - For a removal, the folder in which the server was recorded as it was found. UFW then stays enabled, whatever
        O(enabled) says, where it was there before, its owner has written rules since, and these admit O(operator), who
        need not be admitted by O(rules).
    type: path
  run:
    description: The word of this run; when a later run has left its own on the server, nothing is changed.
    type: str
    default: ""
author: [prep-difusor]
"""

EXAMPLES = r"""
- name: Apply the firewall's policy
  ufw_policy:
    rules:
      - {name: ssh, port: 22, from: trusted}
      - {name: https, port: 443, from: any}
    groups: {trusted: [192.0.2.10, "2001:db8::/64"]}
    operator: {address: 192.0.2.10}
"""

RETURN = r"""
added: {description: Rules that were missing., type: list, returned: always}
changes: {description: "What was done, or would be, as sentences.", type: list, returned: always}
removed: {description: The project's rules that were no longer wanted., type: list, returned: always}
unmanaged: {description: "Rules of the server's owner, left alone.", type: list, returned: always}
since: {description: "With O(found), the owner's rules since, where UFW is to be off.", type: list, returned: always}
stays: {description: Whether UFW stays enabled because of them., type: bool, returned: always}
was_enabled: {description: Whether UFW was enabled before., type: bool, returned: always}
armed: {description: Whether the guard waits for the confirmation of a change., type: bool, returned: always}
"""

ANY = {4: "0.0.0.0/0", 6: "::/0"}
RULES = {4: "/etc/ufw/user.rules", 6: "/etc/ufw/user6.rules"}
COMMANDS = {4: "iptables", 6: "ip6tables"}
CONFIGURATION = "/etc/ufw/ufw.conf"
UNREADABLE = "/[^[:print:][:space:]]/d"
"""For sed: what UFW, which writes ASCII, ends with an error at."""
LOCK = "/run/ufw.lock"
PARTS = ("before-logging", "before", "after", "after-logging", "reject", "track")
"""UFW's chains of each built-in one, in the order in which that one calls them."""


class Key(NamedTuple):
    """What makes two rules of UFW the same rule: IP version, protocol, port and source in canonical form."""

    version: int
    proto: str
    port: str
    source: str


class Rule(NamedTuple):
    """One rule in UFW's files; `key` is None when it says more than a protocol, a port and a source.

    `below` is the line after it, which is what the firewall loads.
    """

    action: str
    key: Key | None
    comment: str
    text: str
    below: str


def network(text):
    """Return an address or network as an ip_network; ValueError says in one sentence what is wrong with it."""
    try:
        found = ipaddress.ip_network(str(text).strip())
    except ValueError:
        like = "escriba una como 10.1.2.3 o 10.1.2.0/24"
        raise ValueError(f"«{text}» no es una dirección ni una red; {like}") from None
    if found.prefixlen == 0:
        raise ValueError(f"«{text}» es cualquier origen; una lista de direcciones no puede contenerla")
    return found


def source(net):
    """Write a network the way UFW's files do: an address alone without its prefix length."""
    return str(net.network_address) if net.prefixlen == net.max_prefixlen else str(net)


def sources(rule, groups):
    """Return the (IP version, source) pairs of a rule; ValueError when they are empty, unknown or malformed."""
    origin = rule["from"]
    if origin == "any":
        return [(version, ANY[version]) for version in ANY]
    if isinstance(origin, str):
        if origin not in groups:
            raise ValueError(f"regla '{rule['name']}': ningún grupo se llama '{origin}'")
        origin = groups[origin]
    if not isinstance(origin, list) or not origin:
        raise ValueError(f"regla '{rule['name']}': su lista ({rule['from']}) está vacía, nadie podría entrar")
    return [(net.version, source(net)) for net in map(network, origin)]


def wanted_rules(rules, groups):
    """Return {Key: name} for a list of rules, in order; ValueError says in one sentence what is wrong."""
    wanted = {}
    for rule in rules:
        if not re.fullmatch(r"[a-z0-9-]+", rule["name"]):
            raise ValueError(f"regla '{rule['name']}': un nombre lleva solo minúsculas, cifras y guiones")
        if not 0 < rule["port"] < 65536:
            raise ValueError(f"regla '{rule['name']}': {rule['port']} no es un puerto")
        for version, origin in sources(rule, groups):
            wanted[Key(version, rule["proto"], str(rule["port"]), origin)] = rule["name"]
    return wanted


def admits(keys, address, port):
    """Tell whether some key lets a TCP connection from `address` (an ip_address) reach `port`."""
    return any(
        key.proto == "tcp" and key.port == str(port) and address in ipaddress.ip_network(key.source) for key in keys
    )


def lets_in(rules, address, port):
    """Tell whether the first of the Rules about a TCP connection from `address` (an ip_address) to `port` admits it."""
    for rule in rules:
        action, proto, ports, dest, source_port, origin, *rest = rule.text.split()
        spans = [list(map(int, each.split(":"))) for each in ports.split(",")] if ports != "any" else [[0, 65535]]
        if (
            (rest[-1], source_port) == ("in", "any")
            and dest in ANY.values()
            and proto in ("tcp", "any")
            and any(span[0] <= port <= span[-1] for span in spans)
            and address in ipaddress.ip_network(origin, strict=False)
            and not action.startswith("route:")
        ):
            return action.startswith(("allow", "limit"))
    return False


def plain_address(text):
    """Return an ip_address from what SSH reports: no zone, and IPv4 even when it came mapped into IPv6."""
    found = ipaddress.ip_address(text.split("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


def parse_rules(text, version):
    """Return the Rules in the text of one of UFW's rule files (of IP version 4 or 6), without those that UFW skips."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        rule, _, encoded = line[len(TUPLE) :].partition(" comment=")
        said = comment(encoded)
        if not line.startswith(TUPLE) or not is_kept(rule, said.startswith(MARKER)):
            continue
        below = "".join(lines[number : number + 1])
        fields = rule.split()
        action, proto, port, dest, source_port, origin, *_, direction = fields
        simple = len(fields) == 7 and (dest, source_port, direction) == (ANY[version], "any", "in")
        found.append(Rule(action, Key(version, proto, port, origin) if simple else None, said, " ".join(fields), below))
    return found


def is_mangled(text, version):
    """Tell whether the text of a rule file is not as UFW writes it: a rule is damaged, or what is loaded for ours."""
    rules = parse_rules(text, version)
    ours = [rule for rule in rules if rule.key and rule.comment.startswith(MARKER) and rule.action == "allow"]
    return (
        not text.isascii()
        or len(rules) != sum(line.startswith(TUPLE) for line in text.splitlines())
        or not all(admits_line(rule.below, rule.key) for rule in ours)
    )


def shell_value(text, name):
    """Return the value of NAME=value in the text of a shell fragment, without quotes; "" when absent."""
    match = re.search(rf"^{name}=(.*)$", text, re.MULTILINE)
    return match.group(1).strip().strip("\"'") if match else ""


def read(path):
    """Return the text of a file, "" when there is none."""
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as lines:
        return lines.read()


def modified(path):
    """Return a file's modification time in nanoseconds, 0 when there is none."""
    return os.stat(path).st_mtime_ns if os.path.exists(path) else 0


def mode_of(path):
    """Return the mode with which the package brings one of UFW's files."""
    return "0644" if path == CONFIGURATION else "0640"


def own_lock(path=LOCK):
    """Make UFW's lock a file that only root can open.

    UFW makes it readable for all, and waits for ever for whoever holds it: any account can.
    """
    if os.path.exists(path) and os.stat(path).st_mode & 0o077 == 0:
        return
    new = "%s.prep-new-%d" % (path, os.getpid())
    handle = os.open(new, os.O_WRONLY | os.O_CREAT, 0o600)
    os.fchmod(handle, 0o600)
    os.close(handle)
    os.replace(new, path)


def show(key, name):
    """Return a rule of the project as readable text."""
    return f"allow {key.proto} {key.port} from {key.source}  # {MARKER}{name}"


def called_by(chain, version):
    """Return UFW's chains that a built-in chain calls, in order."""
    return [f"ufw{'6' if version == 6 else ''}-{part}-{chain.lower()}" for part in PARTS]


def hook(command, chain):
    """Return a command that makes a built-in chain call UFW's chains, once each and in order."""
    called = " ".join(called_by(chain, 6 if command == COMMANDS[6] else 4))
    each = f"{command} -D {chain} -j $c 2>/dev/null || true; {command} -A {chain} -j $c"
    return ["sh", "-ec", f"for c in {called}; do {each}; done"]


class Policy:
    """The difference between the wanted policy and the server's, and the commands that remove it."""

    def __init__(self, module, wanted):
        """Read the present state from UFW's files; conflicts with the owner's rules fail at once."""
        self.module = module
        self.params = module.params
        self.wanted = wanted
        rules = [rule for version, path in RULES.items() for rule in parse_rules(read(path), version)]
        self.ours = {
            rule.key: rule.comment[len(MARKER) :] if rule.action == "allow" else ""  # UFW takes any other word for deny
            for rule in rules
            if rule.key and rule.comment.startswith(MARKER)
        }
        others = [rule for rule in rules if not rule.comment.startswith(MARKER)]
        self.unmanaged = [rule.text for rule in others]
        self.refuse_conflicts(others)
        given = {rule.key for rule in others}
        self.missing = {key: name for key, name in wanted.items() if key not in given and self.ours.get(key) != name}
        self.stale = {key: name for key, name in self.ours.items() if key not in wanted}
        self.restored = restored(read)
        configuration = "" if CONFIGURATION in self.restored else read(CONFIGURATION)
        self.was_enabled = shell_value(configuration, "ENABLED").lower() == "yes"
        said = shell_value(configuration, "LOGLEVEL")
        self.level, self.is_mute = said or "off", bool(configuration) and not said
        self.since = self.written_since(others)
        self.stays = bool(self.since) and self.was_enabled and self.is_enough(others)
        self.enabled = self.params["enabled"] or self.stays

    def written_since(self, others):
        """Return the owner's rules that were not there when the server was recorded, where UFW is to be off again."""
        found = self.params["found"]
        if not found or self.params["enabled"]:
            return []
        before = {rule.text for version, path in RULES.items() for rule in parse_rules(read(found + path), version)}
        return [rule.text for rule in others if rule.text not in before]

    def is_enough(self, others):
        """Tell whether the owner had UFW before, and the owner's rules alone let the operator in."""
        operator = self.params["operator"]
        admitted = not operator or lets_in(others, plain_address(operator["address"]), operator["port"])
        return admitted and bool(read(self.params["found"] + CONFIGURATION))

    def refuse_conflicts(self, others):
        """Fail when a wanted rule would overwrite a contrary one of the owner: UFW keeps one per port and source."""
        for rule in others:
            if rule.key in self.wanted and not rule.action.startswith("allow"):
                self.module.fail_json(
                    msg=f"UFW ya tiene la regla '{rule.text}', que contradice a '{self.wanted[rule.key]}': bórrela, "
                    "o quite la dirección de la lista. El cortafuegos quedó como estaba."
                )

    def changes(self):
        """Return the changes to make, in order, as (sentence, command) pairs."""
        level, enabled = self.params["logging"], self.enabled
        todo = self.repairs()
        additions = [(f"agregar {show(key, name)}", self.admit(key, name)) for key, name in self.missing.items()]
        mangled = enabled and self.mangled()
        written = ", y UFW escribe de nuevo sus reglas, que estaban dañadas" if mangled else ""
        logging = [(f"nivel de registro {level}{written}", ["ufw", "logging", level])]
        if self.is_mute:  # without a level every other command of UFW's ends with an error
            todo += [*logging, *additions]
        else:
            todo += [*additions, *(logging if self.level != level or mangled else [])]
        if enabled and not self.starts_at_boot():
            todo.append(("poner en vigor al arrancar", ["systemctl", "enable", "ufw.service"]))
        if enabled:
            todo += [
                (f"volver a llamar desde {chain} las cadenas de UFW ({command})", hook(command, chain))
                for command, chain in self.unhooked()
            ]
        if enabled != self.was_enabled:
            todo.append(("activar", ["ufw", "--force", "enable"]) if enabled else ("desactivar", ["ufw", "disable"]))
            if enabled and self.restored and self.loaded():  # `enable` does nothing where the old rules are in force
                todo.append(("recargar, porque el cortafuegos está en vigor", ["ufw", "reload"]))
        elif enabled and (self.restored or mangled or not self.in_force()):
            todo.append(("recargar, el cortafuegos en vigor no es el que describen sus archivos", ["ufw", "reload"]))
        elif enabled and self.newer(self.params["after_init"]):
            todo.append(("poner en vigor las cadenas del proyecto", [self.params["after_init"], "start"]))
        todo += [(f"retirar {show(key, name)}", self.remove(key)) for key, name in self.stale.items()]
        return todo

    def repairs(self):
        """Return what comes before any call of UFW, which opens all its files first, whatever it is asked."""
        todo = [
            (
                f"poner {path} como lo trae el paquete, porque está vacío o dañado",
                ["install", "-m", mode_of(path), copy, path],
            )
            for path, copy in self.restored.items()
        ]
        damaged = [path for path in RULES.values() if path not in self.restored and not read(path).isascii()]
        return todo + [(f"quitar de {path} las líneas dañadas", ["sed", "-i", UNREADABLE, path]) for path in damaged]

    def mangled(self):
        """Tell whether UFW must write its rules anew; warn of what would not load and may be the owner's work."""
        found = any(is_mangled(read(path), version) for version, path in RULES.items())
        for path, said in self.complaints().items():
            if path in RULES.values():
                found = True
            else:
                self.module.warn(
                    f"{path} está dañado: cuando el servidor arranque, el cortafuegos no cargará nada de él, y "
                    f"quizá no admita a nadie. Corríjalo, o copie en su lugar {SAMPLES[path]}. Lo que se dijo: {said}"
                )
        return found

    def complaints(self):
        """Return {path: complaint} of UFW's files of rules that would not load, while its chains are in force."""
        found = {}
        for version, program in self.loaded().items():
            for path in (f"/etc/ufw/{name}{VERSIONS[version]}.rules" for name in LOADED):
                said = "" if path in self.restored else complaint(self.module, program, path)
                if said:
                    found[path] = said
        return found

    def loaded(self):
        """Return {IP version: program} of those of which UFW's chains are in force."""
        found = {}
        for version, command in COMMANDS.items():
            program = self.module.get_bin_path(command)  # a bare server, which is previewed, has none
            lines = self.module.run_command([program, "-S"])[1].splitlines() if program else []
            if f"-N ufw{VERSIONS[version]}-before-input" in lines:
                found[version] = program
        return found

    def admit(self, key, name):
        """Return UFW's arguments to add a rule: for one source before the owner's denials, for everybody after them."""
        verb = ["allow"] if key.source in ANY.values() or key in self.ours else ["prepend", "allow"]
        return ["ufw", *verb, *self.spell(key), "comment", MARKER + name]

    def remove(self, key):
        """Return UFW's arguments to delete one rule."""
        return ["ufw", "--force", "delete", "allow", *self.spell(key)]

    def spell(self, key):
        """Return a rule as arguments of the `ufw` command; the destination tells its IP version."""
        return ["proto", key.proto, "from", key.source, "to", ANY[key.version], "port", key.port]

    def starts_at_boot(self):
        """Tell whether systemd starts UFW at boot."""
        return self.module.run_command(["systemctl", "--quiet", "is-enabled", "ufw.service"])[0] == 0

    def newer(self, path):
        """Tell whether a file may have changed since the firewall last read it, also when the clock went back."""
        if path is None:
            return False
        stamp = modified(self.params["stamp"])
        return modified(path) > stamp or stamp > time.time_ns()

    def unhooked(self):
        """Return the built-in chains that do not call UFW's chains, as (command, chain) pairs.

        So they are after `iptables -F`. UFW has them called only when it makes them: where they exist, `ufw reload` and
        `ufw enable` would deny everything to everybody.
        """
        found = []
        for version, command in COMMANDS.items():
            program = self.module.get_bin_path(command)  # a bare server, which is previewed, has none
            lines = self.module.run_command([program, "-S"])[1].splitlines() if program else []
            for chain in ("INPUT", "OUTPUT", "FORWARD"):
                wanted = [f"-A {chain} -j {called}" for called in called_by(chain, version)]
                made = wanted[0].replace(f"-A {chain} -j", "-N") in lines
                if made and [line for line in lines if line in wanted] != wanted:
                    found.append((command, chain))
        return found

    def in_force(self):
        """Tell whether the running firewall is the one that UFW's files describe."""
        if any(self.newer(path) for path in self.params["files"]):
            return False
        defaults = read("/etc/default/ufw")
        for version, command in COMMANDS.items():
            code, out, _ = self.module.run_command([command, "-S"])
            if code != 0 and version == 6:
                continue  # this kernel has no IPv6, and UFW then ignores it too
            lines = out.splitlines()
            for chain in ("INPUT", "OUTPUT", "FORWARD"):
                accepts = shell_value(defaults, f"DEFAULT_{chain}_POLICY") == "ACCEPT"
                if f"-P {chain} {'ACCEPT' if accepts else 'DROP'}" not in lines:
                    return False
            rule = "-A ufw6-user-input " if version == 6 else "-A ufw-user-input "
            filed = read(RULES[version]).splitlines()
            if sum(line.startswith(rule) for line in lines) != sum(line.startswith(rule) for line in filed):
                return False
        return True

    def apply(self, changes):
        """Run the changes; the first that fails ends the module with UFW's message."""
        for sentence, command in changes:
            code, out, err = self.module.run_command(command, environ_update={"LC_ALL": "C"})
            if code != 0:
                self.module.fail_json(msg=f"UFW no pudo hacer esto: {sentence}: {(err or out).strip()}")
        self.close_connections()

    def guard(self, verb, check_rc=False):
        """Call the guard program with a verb; tell whether it succeeded. Without a guard nothing is done."""
        program = self.params["guard"]
        return program is not None and self.module.run_command([program, verb], check_rc=check_rc)[0] == 0

    def close_connections(self):
        """Close established connections that only a removed rule admitted, as far as possible; new ones are refused."""
        if not self.wanted:
            return  # the server is being returned to its owner, who decides
        for port in sorted({key.port for key in self.stale if key.proto == "tcp"}):
            _, out, _ = self.module.run_command(["ss", "-Htn", "state", "established", f"( sport = :{port} )"])
            for peer, _, peer_port in (line.split()[-1].rpartition(":") for line in out.splitlines()):
                address = plain_address(peer.strip("[]"))
                if admits(self.stale, address, port) and not admits(self.wanted, address, port):
                    self.module.run_command(["ss", "-K", f"( sport = :{port} )", "dst", f"{peer}:{peer_port}"])

    def text(self, rules, level, enabled):
        """Return a state of the firewall as text for the diff."""
        lines = [f"logging {level}", f"enabled {'yes' if enabled else 'no'}"]
        return "\n".join([*lines, *sorted(show(key, name) for key, name in rules.items())]) + "\n"

    def diff(self):
        """Return the policy before and after as text."""
        after = {key: name for key, name in {**self.ours, **self.missing}.items() if key in self.wanted}
        return {
            "before_header": "ufw",
            "after_header": "ufw",
            "before": self.text(self.ours, self.level, self.was_enabled),
            "after": self.text(after, self.params["logging"], self.enabled),
        }


def checked(module):
    """Return the wanted rules {Key: name}; fail, before any change, if they are wrong or shut the operator out."""
    try:
        wanted = wanted_rules(module.params["rules"], module.params["groups"])
        operator = module.params["operator"]
        is_removal = bool(module.params["found"])
        if operator and not is_removal and not admits(wanted, plain_address(operator["address"]), operator["port"]):
            raise ValueError(
                f"usted entra desde {operator['address']} y ninguna regla la admite en el puerto {operator['port']}: "
                "quedaría fuera del servidor; agregue esa dirección a las confiables"
            )
    except ValueError as error:
        module.fail_json(msg=f"{error}. El cortafuegos quedó como estaba.")
    return wanted


def main():
    """Run the module."""
    rule = {
        "name": {"type": "str", "required": True},
        "port": {"type": "int", "required": True},
        "proto": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
        "from": {"type": "raw", "required": True},
    }
    operator = {"address": {"type": "str", "required": True}, "port": {"type": "int", "default": 22}}
    module = AnsibleModule(
        argument_spec={
            "rules": {"type": "list", "elements": "dict", "required": True, "options": rule},
            "groups": {"type": "dict", "default": {}},
            "operator": {"type": "dict", "options": operator},
            "logging": {"type": "str", "choices": ["off", "low", "medium", "high", "full"], "default": "low"},
            "enabled": {"type": "bool", "default": True},
            "stamp": {"type": "path"},
            "files": {"type": "list", "elements": "path", "default": []},
            "after_init": {"type": "path"},
            "guard": {"type": "path"},
            "found": {"type": "path"},
            "run": {"type": "str", "default": ""},
        },
        required_by={"files": ["stamp"], "after_init": ["stamp"]},
        supports_check_mode=True,
    )
    policy = Policy(module, checked(module))
    changes = policy.changes()
    if changes and not module.check_mode:
        refuse_older(module, module.params["run"])
        policy.guard("arm", check_rc=True)
        own_lock()
        policy.apply(changes)
    module.exit_json(
        changed=bool(changes),
        added=[show(key, name) for key, name in policy.missing.items()],
        removed=[show(key, name) for key, name in policy.stale.items()],
        unmanaged=policy.unmanaged,
        since=policy.since,
        stays=policy.stays,
        was_enabled=policy.was_enabled,
        changes=[sentence for sentence, _ in changes],
        armed=not module.check_mode and policy.guard("pending"),
        diff=policy.diff(),
    )


if __name__ == "__main__":
    main()
