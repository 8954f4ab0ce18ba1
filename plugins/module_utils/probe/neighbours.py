"""What a server's owner has set up that stays beside the project."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import pwd
import re
import shlex

from ansible.module_utils.probe import LISTS, jails, listening, read, sharing, ssh, tunnels, ufw
from ansible.module_utils.probe.files import account_keys
from ansible.module_utils.probe.nft import diverting_tables, hooked, named_ports, owners_tables, tables
from ansible.module_utils.probe.queues import detour, shaped, uplinks
from ansible.module_utils.probe.shutting import KNOWN_CHAINS, Connection, of_iptables, of_nft

# Docker's own bridges, for which it makes rules of its own; the project's is among them.
DOCKER_BRIDGE = re.compile(r"docker\d+|docker_gwbridge|br-(prep|[0-9a-f]{12})")
# What the kernel forwards, and whether the packet filter gets what crosses a bridge; the latter is there once it may.
FORWARDING = ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables")
# What systemd says of a service that runs, is about to, or reads its files anew.
RUNNING = ("active", "activating", "reloading")
# The tables of iptables that a packet meets before UFW's rules, with the chains that deny something there.
EARLIER = {"raw": ("PREROUTING",), "mangle": ("PREROUTING", "INPUT")}


def datagrams(lines):
    """Return [{address, port, process}] out of the lines of `ss -Hlunp`, without the ports of DHCP clients."""
    found = []
    for line in lines:
        address, port = listening(line)
        process = re.search(r'users:\(\("([^"]+)"', line)
        # Sockets of programs that only ask others have a number from the kernel's own range, from 32768 on.
        if port not in ("68", "546") and (int(port) < 32768 or not process):
            found.append(
                {
                    "address": address,
                    "port": int(port),
                    "process": process.group(1) if process else "",
                }
            )
    return found


def raw(lines):
    """Return [{protocol, process}] out of the lines of `ss -Hlwnp`, without ICMP, which the firewall lets in."""
    found = []
    for line in lines:
        _, protocol = listening(line)
        process = re.search(r'users:\(\("([^"]+)"', line)
        if protocol.isdigit() and protocol not in ("1", "58"):
            found.append({"protocol": int(protocol), "process": process.group(1) if process else ""})
    return found


def published(lines):
    """Return ports as "8080/tcp" out of columns of ports as `docker ps` and `docker service ls` show them."""
    found = set()
    for line in lines:
        for part in line.split(", "):
            match = re.fullmatch(r"(.*):(\d+(?:-\d+)?)->\S*/(\w+)", part.strip())
            if match and not match.group(1).strip("[]").startswith(("127.", "::1")):
                found.add("%s/%s" % (match.group(2), match.group(3)))
    return sorted(found)


def filters(lines):
    """Return ({chain: rules}) out of the lines of `iptables -S`."""
    chains = {}
    for line in lines:
        if line.startswith("-A "):
            chains.setdefault(line.split()[1], []).append(line)
    return chains


def owners_rules(chains):
    """Return the rules that a packet to the server meets in INPUT and in the owner's chains behind it, in order."""
    found, seen, waiting = [], set(), ["INPUT"]
    while waiting:
        chain = waiting.pop(0)
        seen.add(chain)
        for rule in chains.get(chain, []):
            target = target_of(rule)
            if KNOWN_CHAINS.match(target):
                continue
            found.append(rule)
            if target in chains and target not in seen:
                waiting.append(target)
    return found


def target_of(rule):
    """Return the chain or verdict that a rule leads to; empty when it only counts."""
    words = shlex.split(rule)
    return next((words[place + 1] for place, word in enumerate(words) if word in ("-j", "-g")), "")


def admits(rule):
    """Tell whether a rule lets in a new connection from another host."""
    return (
        target_of(rule) == "ACCEPT"
        and " -i lo " not in rule
        and not re.search(r"-p (icmp|ipv6-icmp|icmpv6)\b", rule)
        and not (re.search(r"--(ct)?state ", rule) and not re.search(r"--(ct)?state \S*NEW", rule))
    )


def shuts(chains, connection, chain="INPUT"):
    """Return the rule of a chain, or of the owner's chains behind it, that denies a Connection ahead of UFW's."""
    rule = connection.shut(chains, chain, of_iptables)
    return [rule] if rule else []


def earlier(look):
    """Yield (chains, chain, table) for the tables of iptables that a packet meets before UFW's rules.

    A table that nobody has made is not asked for: iptables would make it, with all its costs.
    """
    made = look("nft", "list", "tables")
    for command, family in (("iptables", "ip"), ("ip6tables", "ip6")):
        is_older = "legacy" in "".join(look(command, "--version"))
        for table, called in EARLIER.items():
            named = "table %s %s" % (family, table)
            if table in read("/proc/net/%s_tables_names" % family).split() if is_older else named in made:
                chains = filters(look(command, "-t", table, "-S"))
                yield from ((chains, chain, table) for chain in called)


def shuts_earlier(tables, connection):
    """Return the rules that deny a Connection in what `earlier` yields, as "-t raw -A PREROUTING -j DROP"."""
    return ["-t %s %s" % (table, rule) for chains, chain, table in tables for rule in shuts(chains, connection, chain)]


def limiting(iptables, tables, ruleset, connection, before=ufw.before):
    """Return ([what limits a Connection together with all others], [what limits those of one source]).

    `iptables`: the chains of both families; `tables`: what `earlier` yields; `ruleset`: nft's text of the owner's
    tables; `before`: yields the rules that UFW reads from files of the owner's.
    """
    inside = connection.like(in_ufw=True)
    places = [
        *((connection, chains, "INPUT", of_iptables, "") for chains in iptables),
        *((connection, chains, chain, of_iptables, "-t %s " % table) for chains, chain, table in tables),
        *((inside, filters(lines), chain, of_iptables, "") for lines, chain in before()),
        *(
            (connection, chains, chain, of_nft, "nft %s: " % name)
            for name, chains, chain, _ in hooked(ruleset, connection)
        ),
    ]
    found = [
        ([where + rule for rule in all_together], [where + rule for rule in by_source])
        for each, chains, chain, parse, where in places
        for all_together, by_source in [each.limits(chains, chain, parse)]
    ]
    return tuple(sorted({rule for each in found for rule in each[kind]}) for kind in (0, 1))


def nat_rules(look):
    """Return the lines of `iptables -S` for the table nat, of IPv4 and of IPv6.

    The older iptables, when asked for a table that the kernel has not loaded, would load it, with all its costs.
    """
    found = []
    for command, names in (("iptables", "/proc/net/ip_tables_names"), ("ip6tables", "/proc/net/ip6_tables_names")):
        is_loaded = "legacy" not in "".join(look(command, "--version")) or "nat" in read(names).split()
        found.append(look(command, "-t", "nat", "-S") if is_loaded else [])
    return found


def diverting(chains, own):
    """Return [{rule, ports}] for the rules of iptables' table nat that lead ports of the server elsewhere.

    `own`: the server's addresses; a rule for another address is somebody else's traffic. Of Docker's rules `published`
    tells.
    """
    found = []
    for rule in (rule for chain, rules in chains.items() if chain not in ("OUTPUT", "DOCKER") for rule in rules):
        wanted = re.search(r"(!)? -d ([^\s/]+)", rule)
        elsewhere = wanted and not wanted[1] and wanted[2] not in own
        if target_of(rule) in ("DNAT", "REDIRECT") and " -i lo " not in rule and not elsewhere:
            ports = sorted(named_ports(rule))
            found += [{"rule": rule, "ports": ports}] if ports else []
    return found


def routed(lines, forwards, crossing):
    """Return the interfaces of virtual machines and tunnels whose packets pass today, and will not behind UFW.

    `forwards`: whether the server forwards packets; `crossing`: whether the packet filter gets what crosses a bridge.
    Docker has it get that for the project's closed network, and then for every bridge of the server.
    """
    rules = lines("iptables", "-S")
    is_closed = "-P FORWARD DROP" in rules
    kinds = ("bridge", "tun", "veth", "wireguard")
    shown = {kind: lines("ip", "-oneline", "link", "show", "type", kind) for kind in kinds}
    names = {kind: {line.split(": ")[1].partition("@")[0] for line in shown[kind]} for kind in kinds}
    found = set()
    if forwards and not is_closed:
        found |= names["bridge"] | names["tun"] | names["wireguard"]
    if not (crossing and is_closed):
        ports = [*shown["tun"], *shown["veth"]]
        masters = {line.partition(" master ")[2].partition(" ")[0] for line in ports}
        found |= (names["bridge"] & masters) - bridges_with_rules(rules, names["bridge"])
    return sorted(name for name in found if not DOCKER_BRIDGE.fullmatch(name))


def bridges_with_rules(rules, bridges):
    """Return those of the bridges for which rules of iptables say already what may cross them."""
    about = [rule for rule in rules if re.match(r"-A (FORWARD|ufw-user-forward|DOCKER|LIBVIRT_)", rule)]
    if any("--physdev-is-bridged" in rule and target_of(rule) == "ACCEPT" for rule in about):
        return bridges
    return {name for rule in about for name in re.findall(r" -[io] (\S+)", rule)}


def doors(lines, account, origins, operator=""):
    """Return what sshd itself says of the account's login from each origin, with Match blocks.

    As {origin, address, matched, general, broken, and each access list in force}. `matched`: those settings of SESSION
    that only a Match block says, by name; `general`: those that are said for everybody, without a command or folder of
    sessions that the `operator` has, too, whose session works; `broken`: whether sshd ends at what it says, although it
    has no complaint for others.
    """
    found, general = [], lines("sshd", "-T") if account and origins else []
    for origin in origins if account else []:
        network = ipaddress.ip_network(origin, strict=False)
        address = str(network[1] if network.num_addresses > 1 else network[0])
        own = "::1" if network.version == 6 else "127.0.0.1"
        asked = "user=%s,host=%s,addr=%s,laddr=%s,lport=22"
        said = lines("sshd", "-T", "-C", asked % (account, address, address, own))
        works = lines("sshd", "-T", "-C", asked % (operator, address, address, own)) if operator else []
        door, settings = {name: [] for name in LISTS}, ({}, {})
        for line in said:
            name, _, value = line.partition(" ")
            if name in door:
                door[name].append(value)
            elif name in ssh.SESSION and not (name in ssh.COMMANDS and line in general and line in works):
                settings[line in general][name] = value
        matched, everybodys = settings
        broken = bool(general) and not said
        found.append(dict(door, origin=origin, address=address, matched=matched, general=everybodys, broken=broken))
    return found


def entered(lines):
    """Return [{user, method, address, key}] of the logins among the lines of sshd's journal, each once.

    `key` is the RSA key, as type and text, where the account still has it; else empty.
    """
    said = r"Accepted (\S+) for (.*) from ([0-9A-Fa-f.:]+)\S* port \d+(?: ssh2: RSA SHA256:(\S+))?"
    found = {match.groups("") for match in (re.match(said, line) for line in lines) if match}
    return [
        {"user": user, "method": method, "address": address, "key": rsa_key(user, fingerprint)}
        for method, user, address, fingerprint in sorted(found)
    ]


def rsa_key(user, fingerprint):
    """Return the one of an account's keys whose SHA-256 sshd has logged; "" when it is gone, or was no RSA key."""
    for key in account_keys(user) if fingerprint else []:
        try:
            digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
        except ValueError:  # a line that somebody has damaged
            continue
        if base64.b64encode(digest).decode().rstrip("=") == fingerprint:
            return key
    return ""


def masked_and_running(look, units, residents):
    """Return (those of `units` that are masked, those of `residents` that run, or wait for their time).

    `systemctl list-unit-files` would read every unit of the server. Of a unit that has several names each is told.
    """
    asked = [*units, *residents]
    shown = "\n".join(look("systemctl", "show", "--property=Id,Names,LoadState,ActiveState", *asked) if asked else [])
    states = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.split("\n\n")]
    masked = [state["Id"] for state in states if state.get("LoadState") == "masked" and state["Id"] not in residents]
    names = " ".join(state.get("Names", "") for state in states if state.get("ActiveState") in RUNNING).split()
    return masked, sorted({*names} & {*residents})


def groups(look, account):
    """Return the names of an account's groups, from the words of `id`; empty when there is no such account."""
    try:
        pwd.getpwnam(account)
    except KeyError:
        return []
    return " ".join(look("id", "--groups", "--name", account)).split()


def look(lines, docker, containers, account, origins, shape, units, ports, operator, user="", residents=()):
    """Return what RETURN of `server_probe` describes as `neighbours`.

    `docker`: the Engine; `containers`: the owner's, as RETURN describes them.
    """
    chains = [filters(lines(command, "-S")) for command in ("iptables", "ip6tables")]
    ruleset = owners_tables(lines)
    own = "".join(lines("hostname", "--all-ip-addresses")).split()
    connection = Connection(ports, uplinks(lines), own)
    several = uplinks(lines, ["-4"])
    masked, running = masked_and_running(lines, units, residents)
    open_tables, shutting = tables(ruleset, connection)
    before = list(earlier(lines))
    all_together, by_source = limiting(chains, before, ruleset, connection)
    nat = [filters(rules) for rules in nat_rules(lines)]
    logins = lines("journalctl", "--quiet", "--unit=ssh", "--since=-14days", "--output=cat", "--grep=^Accepted ")
    swarm = (docker.info.get("Swarm") or {}).get("LocalNodeState") == "active"
    services = lines("docker", "service", "ls", "--format", "{{.Ports}}") if swarm else []
    return {
        "datagrams": datagrams(lines("ss", "-Hlunp")),
        "raw": raw(lines("ss", "-Hlwnp")),
        "published": published([each.partition(" ")[2] for each in containers] + services),
        "accepting": sorted({rule for each in chains for rule in owners_rules(each) if admits(rule)}),
        "shutting": sorted(
            {rule for each in chains for rule in shuts(each, connection)}
            | {*shuts_earlier(before, connection)}
            | {f"nft {each}" for each in shutting}
        ),
        "limiting": all_together,
        "limiting_each": by_source,
        "diverting": [each for chains in nat for each in diverting(chains, own)] + diverting_tables(ruleset),
        "tables": sorted(set(open_tables)),
        "shaped": shaped(lines) if shape else [],
        "routed": routed(lines, *(read("/proc/sys/net/" + name).strip() == "1" for name in FORWARDING)),
        "uplinks": several if len(several) > 1 else [],
        "detour": detour(lines, operator),
        "tunnel": tunnels.look(lines, operator),
        "masked": masked,
        "running": running,
        "jails": jails.look(ports),
        "swarm": swarm,
        "sharing": sharing.look(),
        "doors": doors(lines, account, origins, user),
        "ssh": ssh.look(lines),
        "closed_pools": sharing.closed_pools(),
        "entered": entered(logins),
        "groups": groups(lines, account),
    }
