"""Which of the owner's rules shut the page out, whatever UFW admits: for a new connection from anywhere.

And which do so when there are many: all visitors together, or those behind one address.
"""

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
    "--ctstate": "state", "--state": "state", "--dst-type": "type", "--source-country": "source",
}  # fmt: skip
PLAIN = ("tcp", "multiport", "conntrack", "state", "comment", "addrtype", "set", "geoip")
# Other spellings, of a file that somebody has written by hand.
SPELLED = {
    "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i", "--protocol": "-p",
    "--destination-port": "--dport", "--destination-ports": "--dports", "--jump": "-j", "--goto": "-g", "--match": "-m",
    "--src-cc": "--source-country",
}  # fmt: skip
SERVICES = {"http": "80", "https": "443"}
LIMITS = ("limit", "hashlimit", "connlimit")
RECENT = (
    "--set", "--update", "--rcheck", "--remove", "--seconds", "--hitcount", "--name", "--mask", "--rsource", "--rdest",
    "--rttl", "--reap",
)  # fmt: skip
MOST = 20  # rules that limit the page, in one chain
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
    ("total", r"limit rate (?!over)\S+(?: \S+bytes/\S+)?(?: burst \d+ \S+)?|ct count (?!over)\d+"),
    ("over", r"limit rate over \S+(?: \S+bytes/\S+)?(?: burst \d+ \S+)?|ct count over \d+"),
    ("over-each", r"(?:meter \S+(?: size \d+)?|(?:add|update) @\S+) \{ ip6? saddr [^}]*\bover [^}]*\}"),
    ("each", r"(?:meter \S+(?: size \d+)?|(?:add|update) @\S+) \{ ip6? saddr [^}]*\b(?:limit rate|ct count) [^}]*\}"),
)


def of_iptables(line):
    """Return the Rule in a line of `iptables -S`."""
    words, target, found, negated = shlex.split(line)[2:], "", [], False
    while words:
        option, values = words.pop(0), []
        option = SPELLED.get(option, option)
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
        is_limit = option == "-m" and values[:1] and values[0] in (*LIMITS, "recent")
        found += [(_limit(values[0], line), False, set())] if is_limit else _condition(option, negated, values)
        negated = False
    return Rule(line, target, found)


def _condition(option, negated, values):
    """Return what an option of iptables demands, as a list of none or one."""
    if option in KINDS:
        said = {each for value in values for each in value.split(",")}
        return [(KINDS[option], negated, {SERVICES.get(each, each) for each in said})]
    if option == "--match-set":  # a set of sources, or of something else
        return [("source" if values[1:] == ["src"] else "other", negated, set())]
    if option in ("--tcp-flags", "--syn"):
        is_syn = option == "--syn" or (len(values) == 2 and {*values[0].split(",")} == SYN and values[1] == "SYN")
        return [("syn" if is_syn else "other", negated, set())]
    if option == "-m" and values[:1] and values[0] not in PLAIN:
        return [("other", False, set())]
    is_known = option == "-m" or option in RECENT or option.lstrip("-").startswith(LIMITS)
    return [] if is_known else [("other", False, set())]


def _limit(module, line):
    """Return what a module of iptables limits: as `total` and `each` what it lets through, as `over` what exceeds it.

    `each` and `over-each` count by source, the others all together.
    """
    if module == "recent":
        return "over-each" if "--hitcount" in line else "other"
    if module == "limit":
        return "total"
    by_source = "srcip" in line if module == "hashlimit" else not re.search(r"--connlimit-(mask 0|daddr)\b", line)
    if re.search(r"(?<!! )--%s-above" % module, line):
        return "over-each" if by_source else "over"
    return "each" if by_source else "total"


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

    def __init__(self, ports, uplinks=(), own=(), crowd="", in_ufw=False):
        """Take the TCP ports, the interfaces with a default route (none: any but loopback), the server's addresses.

        `crowd`: as what the connection comes: "" of few, "all" of many from everywhere, "one" also of many from one
        address. `in_ufw`: whether UFW's own chains are followed.
        """
        self.ports, self.uplinks, self.own, self.crowd, self.in_ufw = set(ports), uplinks, own, crowd, in_ufw
        self.passed = []  # the rules that would admit it if there were fewer

    def like(self, crowd="", in_ufw=None):
        """Return another connection of the same kind."""
        return Connection(self.ports, self.uplinks, self.own, crowd, self.in_ufw if in_ufw is None else in_ufw)

    def meets(self, rule, ports):
        """Return those of `ports` on which every such connection meets all conditions of a rule."""
        found, is_too_much = set(ports), False
        for kind, negated, values in rule.conditions:
            if kind == "port":
                named = numbers(values)
                found = found - named if negated else found & named
            elif kind in ("total", "each") and rule.target in ADMITS:
                is_too_much = is_too_much or self.crowd == "one" or (self.crowd == "all" and kind == "total")
            elif kind == "other" or self._fits(kind, values, rule) == negated:
                return set()
        if is_too_much and found:
            self.passed.append(rule.text)
        return set() if is_too_much else found

    def _fits(self, kind, values, rule):
        if kind == "interface":
            return any(self._is_uplink(each.replace("+", "*")) for each in values)
        if kind == "protocol":
            return bool(values & {"tcp", "6", "all"})
        if kind == "state":
            return "new" in {each.lower() for each in values}
        if kind == "address":
            return any(re.sub("/(32|128)$", "", each) in self.own for each in values)
        if kind == "type":
            return "LOCAL" in values
        if kind.startswith("over"):
            return self.crowd == "one" or (self.crowd == "all" and kind == "over")
        # A source is somebody's in particular.
        return kind == "syn"

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
            if rule.target.startswith("ufw") and not self.in_ufw:
                return ""
            met = self.meets(rule, ports)
            if not met or (KNOWN_CHAINS.match(rule.target) and not self.in_ufw):
                continue
            if rule.target in DENIES and (met - admitted or met == self.ports):
                return rule.text
            said = self.shut(chains, rule.target, parse, met) if rule.target in chains else None
            if said:
                return rule.text if is_over(rule) else said
            if rule.target in ADMITS or said == "":
                admitted |= met
                if met == ports:
                    return None if rule.target == "RETURN" else ""
        return None

    def limits(self, chains, chain, parse):
        """Return (those for all together, those for each source) of the limits beyond which it is denied.

        Each is the text of what exceeds it, behind that of what lets the usual traffic through where there is one.
        """
        all_together, by_source = [], []
        if self.shut(chains, chain, parse):
            return all_together, by_source
        left = {name: list(lines) for name, lines in chains.items()}
        for crowd, found in (("all", all_together), ("one", by_source)):
            for _ in range(MOST):
                many = self.like(crowd)
                denial = many.shut(left, chain, parse)
                if not denial:
                    break
                found.append("; ".join([*({} if is_over(parse(denial)) else dict.fromkeys(many.passed)), denial]))
                left = {name: [line for line in lines if line != denial] for name, lines in left.items()}
        return all_together, by_source


def is_over(rule):
    """Tell whether a rule is for what exceeds a limit."""
    return any(kind.startswith("over") for kind, _, _ in rule.conditions)


def numbers(words):
    """Return the ports that words such as 80, 8000:8100 and 8000-8100 name."""
    found = set()
    for word in words:
        bounds = [each for each in re.split("[:-]", word) if each.isdigit()]
        found |= set(range(int(bounds[0]), int(bounds[-1]) + 1)) if bounds else set()
    return found
