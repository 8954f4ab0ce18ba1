"""What a server's owner has in tables of nftables, which neither UFW nor iptables shows."""

from __future__ import annotations

import re

from ansible.module_utils.probe.shutting import numbers, of_nft

# Tables of programs that the preflight knows, or that only say who may reach a virtual machine.
KNOWN_TABLES = re.compile(r"inet (prep-difusor|f2b-table)$|\S+ (docker-|libvirt)")
# Names that iptables gives its tables, as many guides to nftables do, and its chains there that the kernel calls.
OF_IPTABLES = re.compile(r"(ip6?) (filter|nat|mangle|raw|security)$")
BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
# The chains of nft that a packet to the server meets.
HOOKS = re.compile(r"hook (input|prerouting|ingress)\b")
TABLE = re.compile(r"^table (\S+ \S+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
CHAIN = re.compile(r"^\tchain (\S+) \{\n(.*?)^\t\}", re.MULTILINE | re.DOTALL)
BASE = re.compile(r"^\t\ttype \S+ hook ", re.MULTILINE)


def owners_tables(look):
    """Return nft's text of the owner's tables; of one with a name of iptables' without the chains that iptables shows.

    Each is listed by itself, because nft of Debian 11 ends at a table of iptables that it cannot print.
    """
    names = [" ".join(line.split()[1:]) for line in look("nft", "list", "tables") if line.startswith("table ")]
    own, found = own_chains(look) if any(map(OF_IPTABLES.match, names)) else {}, []
    for name in names:
        shared = bool(OF_IPTABLES.match(name))
        if KNOWN_TABLES.match(name) or (shared and not own.get(name)):
            continue
        text = "".join(line + "\n" for line in look("nft", "list", "table", *name.split()))
        found.append(with_only(own[name], text) if shared else text)
    return "".join(found)


def own_chains(look):
    """Return {table: the chains that the kernel calls there} of the owner's, for tables with a name of iptables'.

    In such a table the chains with other names than iptables' are the owner's, and iptables does not show them. Where
    it is not installed, nothing shows the others either.
    """
    found = {}
    for name, body in TABLE.findall("".join(line + "\n" for line in look("nft", "list", "chains"))):
        shared = OF_IPTABLES.match(name)
        if shared:
            called = called_chains(body)
            others = [chain for chain in called if chain not in BUILT_IN]
            is_shown = look("iptables" if shared[1] == "ip" else "ip6tables", "--version")
            found[name] = others or ([] if is_shown else called)
    return found


def called_chains(body):
    """Return the chains in the text of a table that the kernel calls."""
    return [chain for chain, lines in CHAIN.findall(body) if BASE.search(lines)]


def with_only(chains, text):
    """Return the text of a table, where the kernel calls none but these chains."""
    return CHAIN.sub(lambda part: part[0] if part[1] in chains or not BASE.search(part[2]) else "", text)


def named_ports(rule):
    """Return the TCP ports that a rule of iptables or nft names as its destination."""
    named = re.search(r"-p tcp\b.* --dports? (\S+)|\btcp dport (?:\{ ([^}]*)\}|(\S+))", rule)
    return numbers(re.split(r"[,\s]+", next(filter(None, named.groups()), "") if named else ""))


def diverting_tables(text):
    """Return [{rule, ports}] for the rules in nft's text of the owner's tables that lead ports elsewhere."""
    found = []
    for name, body in TABLE.findall(text):
        for _, chain in CHAIN.findall(body):
            for line in map(str.strip, chain.splitlines() if "hook prerouting" in chain else ()):
                if re.search(r"\b(redirect|dnat)\b", line) and named_ports(line):
                    found.append({"rule": "nft %s: %s" % (name, line), "ports": sorted(named_ports(line))})
    return found


def hooked(text, connection):
    """Yield (table, its chains, chain, line of its hook) for the chains of nft's ruleset that a Connection meets."""
    for name, body in TABLE.findall(text):
        # A long set stands on several lines.
        body = re.sub(r"\{ [^{}]*\}", lambda part: " ".join(part[0].split()), body)
        chains = {
            chain: [line.strip() for line in lines.splitlines() if line.strip()] for chain, lines in CHAIN.findall(body)
        }
        for chain, lines in chains.items():
            base = next((line for line in lines if HOOKS.search(line)), "")
            if base and not KNOWN_TABLES.match(name) and connection.passes(base):
                yield name, chains, chain, base


def tables(text, connection):
    """Return ([table], [what shuts]) of the owner's tables that filter what comes in, from nft's ruleset.

    What shuts out a Connection is a table that denies by default, or a rule, as "inet filter: drop".
    """
    found, shut = [], []
    for name, chains, chain, base in hooked(text, connection):
        rule = connection.shut(chains, chain, of_nft)
        if "policy drop" in base:
            shut.append(name)
        elif rule:
            shut.append("%s: %s" % (name, rule))
        elif len(chains[chain]) > 1 and "hook input" in base:
            found.append(name)
    return found, shut
