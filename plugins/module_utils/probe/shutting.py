"""Which of the owner's rules shut the page out, whatever UFW admits: for a new connection from anywhere."""

from __future__ import annotations

import re
import shlex
from collections import namedtuple
from fnmatch import fnmatchcase

# Chains of programs that the preflight knows, or that only say who may reach a virtual machine.
KNOWN_CHAINS = re.compile(r"(ufw6?|f2b|prep|fail2ban)-|DOCKER|LIBVIRT_")
Rule = namedtuple("Rule", "text target conditions")
"""A rule's text, the chain or verdict that it leads to ("" when it only counts), and [(kind, negated, {value})]."""

DENIES = ("DROP", "REJECT", "TARPIT")
ADMITS = ("ACCEPT", "RETURN")
SYN = {"FIN", "SYN", "RST", "ACK"}
# The options of iptables that decide about such a connection, and modules that add no more conditions than these.
KINDS = {
    "-s": "source", "-d": "address", "-i": "interface", "-p": "protocol", "--dport": "port", "--dports": "port",
    "--ctstate": "state", "--state": "state",
}  # fmt: skip
PLAIN = ("tcp", "multiport", "conntrack", "state", "comment")
LIMITS = ("limit", "hashlimit", "connlimit")  # that lets through what citizens usually ask for
SETS = r"(!= )?(\{[^}]*\}|\S+)"
# What nft prints of such conditions; a kind of "" is none.
NFT = (
    ("", r"counter(?: packets \d+ bytes \d+)?|meta nfproto ipv4"),
    ("", r'log(?: (?:prefix "[^"]*"|(?:level|flags|group|snaplen|queue-threshold) [\w ,]+?(?= |$)))*'),
    ("port", "(?:tcp|th) dport " + SETS),
    ("state", "ct state " + SETS),
    ("interface", "iif(?:name)? " + SETS),
    ("protocol", "(?:meta l4proto|ip protocol|ip6 nexthdr) " + SETS),
    ("source", "ip6? saddr " + SETS),
    ("address", "ip6? daddr " + SETS),
    ("syn", r"tcp flags (?:& \(fin ?\| ?syn ?\| ?rst ?\| ?ack\) == syn|syn / fin,syn,rst,ack)"),
    ("limit", r"limit rate (?!over)\S+(?: \S+bytes/\S+)?(?: burst \d+ \S+)?"),
)


def of_iptables(line):
    """Return the Rule in a line of `iptables -S`."""
    words, target, found, negated = shlex.split(line)[2:], "", [], False
    while words:
        option, values = words.pop(0), []
        if option == "!":
            negated = True
            continue
        if option == "--comment":  # it may say anything
            words.pop(0)
            continue
        while words and words[0] != "!" and not words[0].startswith("-"):
            values.append(words.pop(0))
        if option in ("-j", "-g"):
            target = values[0]
            break
        found += _condition(option, negated, values)
        negated = False
    return Rule(line, target, found)


def _condition(option, negated, values):
    """Return what an option of iptables demands, as a list of none or one."""
    if option in KINDS:
        return [(KINDS[option], negated, {each for value in values for each in value.split(",")})]
    if option == "--tcp-flags":
        is_syn = len(values) == 2 and {*values[0].split(",")} == SYN and values[1] == "SYN"
        return [("syn" if is_syn else "other", negated, set())]
    if option == "-m" and values[0] not in PLAIN:
        return [("limit" if values[0] in LIMITS else "other", False, set())]
    is_known = option == "-m" or option.lstrip("-").startswith(LIMITS)
    return [] if is_known else [("other", False, set())]


def of_nft(line):
    """Return the Rule in a line that nft prints of a chain."""
    rest = re.sub(r' ?comment "[^"]*"$', "", line)
    verdict = re.search(r"(?:^|\s)(?:(accept|drop|return|reject)(?: with .*)?|(?:jump|goto) (\S+))$", rest)
    target = (verdict[1] or "").upper() or verdict[2] if verdict else ""
    rest, found = rest[: verdict.start()] if verdict else rest, []
    while rest.strip():
        kind, match = _first(rest)
        rest = rest[match.end() :] if match else ""
        negation, values = match.groups() if match and match.groups() else ("", "")
        found += [(kind, bool(negation), set(re.findall(r'[^\s{},"]+', values)))] if kind else []
    return Rule(line, target, found)


def _first(text):
    """Return (kind, match) of the condition that a text of nft begins with; of one that is not known, no match."""
    for kind, pattern in NFT:
        match = re.match(r"\s*(?:%s)(?=\s|$)" % pattern, text)
        if match:
            return kind, match
    return "other", None


class Connection:
    """A new connection from anybody to one of the page's ports, which comes by one of the interfaces `uplinks`."""

    def __init__(self, ports, uplinks=(), own=()):
        """Take the TCP ports, the interfaces with a default route (none: any but loopback), the server's addresses."""
        self.ports, self.uplinks, self.own = set(ports), uplinks, own

    def meets(self, rule, ports):
        """Return those of `ports` on which every such connection meets all conditions of a rule."""
        found = set(ports)
        for kind, negated, values in rule.conditions:
            if kind == "port":
                named = numbers(values)
                found = found - named if negated else found & named
            elif kind == "other" or self._fits(kind, values, rule) == negated:
                return set()
        return found

    def _fits(self, kind, values, rule):
        if kind == "interface":
            return any(self._is_uplink(each.replace("+", "*")) for each in values)
        if kind == "protocol":
            return bool(values & {"tcp", "6", "all"})
        if kind == "state":
            return "new" in {each.lower() for each in values}
        if kind == "address":
            return any(re.sub("/(32|128)$", "", each) in self.own for each in values)
        # A source is somebody's in particular; a limit lets the usual traffic through, and denies only what exceeds it.
        return kind == "syn" or (kind == "limit" and rule.target in ADMITS)

    def _is_uplink(self, pattern):
        names = self.uplinks or ([] if pattern == "lo" else [pattern])
        return any(fnmatchcase(name, pattern) for name in names)

    def passes(self, base):
        """Tell whether it meets a chain of nft whose line of the hook this is; that of `ingress` names interfaces."""
        bound = re.search(r"\bdevices? (?:= )?(\{[^}]*\}|\S+)", base)
        return not bound or any(self._is_uplink(name) for name in re.findall(r"[^\s{},;\"=]+", bound[1]))

    def shut(self, chains, chain, parse, ports=None):
        """Return the text of the first rule that denies it, "" when it is admitted or UFW asked, None otherwise.

        `chains`: {name: lines}, of which `parse` makes rules. One that denies all ports counts although some were
        admitted before: UFW is not asked for the others.
        """
        ports, admitted = self.ports if ports is None else ports, set()
        for line in chains.get(chain, []):
            if " -s " in line and " ! -s " not in line:
                continue  # lists of thousands of banned addresses are not looked at
            rule = parse(line)
            if rule.target.startswith("ufw"):
                return ""
            met = self.meets(rule, ports)
            if not met or KNOWN_CHAINS.match(rule.target):
                continue
            if rule.target in DENIES and (met - admitted or met == self.ports):
                return rule.text
            said = self.shut(chains, rule.target, parse, met) if rule.target in chains else None
            if said:
                return said
            if rule.target in ADMITS or said == "":
                admitted |= met
                if met == ports:
                    return None if rule.target == "RETURN" else ""
        return None


def numbers(words):
    """Return the ports that words such as 80, 8000:8100 and 8000-8100 name."""
    found = set()
    for word in words:
        bounds = [each for each in re.split("[:-]", word) if each.isdigit()]
        found |= set(range(int(bounds[0]), int(bounds[-1]) + 1)) if bounds else set()
    return found
