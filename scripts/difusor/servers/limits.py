"""Reads from a difusor which limits hold for one address, and what its web server and its firewall refused by them.

IPv6 counts by network of 64 bits, as the limits do.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from testinfra.host import Host

from difusor.servers.bans import run, understood

LOGGED = 100
"""nginx logs one in this many of the refusals that come in floods, those of the causes in SAMPLED."""
SAMPLED = ("limit", "method", "scanner")
# Only lines that nginx itself wrote: any account of the server may write one under the same name.
REFUSALS = r"""
journalctl --quiet --since=-1h --output=cat _SYSTEMD_UNIT=nginx.service SYSLOG_IDENTIFIER=nginx_refused | sort | uniq -c
grep -sH "" /proc/net/ipt_hashlimit/prep-* /proc/net/ip6t_hashlimit/prep-* || true
"""
REFUSED = re.compile(r"\s*(\d+) ([0-9a-f.:]+) ([a-z]+)")
# A source's bucket in the kernel: seconds until it is forgotten, source, and three numbers: what is left in the bucket,
# what it holds, and what one connection costs.
BUCKET = re.compile(r"\S+/prep-(web|push)[\d-]*:\d+ (\S+):0->\S+ (\d+) \d+ (\d+)")
KERNEL = re.compile(r"-A prep-(web|push)-charge .*--hashlimit-above (\d+)/sec --hashlimit-burst (\d+)")
CONNECTIONS = {"web": "connections", "push": "pushes"}
LIMITS = r"""
iptables -S prep-web-charge 2>/dev/null || true
iptables -S prep-push-charge 2>/dev/null || true
cat /etc/nginx/conf.d/prep-limits.conf /etc/nginx/sites-available/prep 2>/dev/null || true
echo "ssh maxretry $(fail2ban-client get sshd maxretry)"
"""


@dataclass(frozen=True)
class Refusal:
    """What one source was refused in the last hour, or is being refused: `cause` is a key of CAUSES in the command."""

    difusor: str
    source: str
    cause: str
    times: int


@dataclass(frozen=True)
class Limit:
    """How much one source may have at once (`burst`) and each second (`rate`; 0 when only the burst is limited)."""

    difusor: str
    kind: str
    burst: int
    rate: int


def refusals(name: str, host: Host) -> list[Refusal]:
    """Return what a server called `name` refused to each source, most first; BansError when it cannot be read.

    A cause that is sampled is counted as often as it happened, about. The firewall keeps no count for each source:
    `connections` or `pushes` with 0 times means that it is holding up a source's new connections now.
    """
    found: Counter[tuple[str, str]] = Counter()
    held: set[tuple[str, str]] = set()
    answer = run(name, host, REFUSALS)
    with understood(name):
        for line in answer.splitlines():
            if logged := REFUSED.fullmatch(line):
                times = int(logged[1]) * (LOGGED if logged[3] in SAMPLED else 1)
                found[_source(logged[2]), logged[3]] += times
            elif (bucket := BUCKET.fullmatch(line)) and int(bucket[3]) < int(bucket[4]):
                held.add((_source(bucket[2]), CONNECTIONS[bucket[1]]))
    told = [Refusal(name, source, cause, times) for (source, cause), times in found.most_common()]
    return [Refusal(name, source, cause, 0) for source, cause in sorted(held)] + told


def limits(name: str, host: Host) -> list[Limit]:
    """Return the limits in force on a server called `name`; BansError when they cannot be read."""
    answer = run(name, host, LIMITS)
    with understood(name):
        return list(_limits(name, answer))


def _limits(name: str, text: str) -> Iterator[Limit]:
    """Yield the limits in what LIMITS prints; ValueError for a number beyond every bound."""
    for chain, rate, burst in KERNEL.findall(text):
        yield Limit(name, CONNECTIONS[chain], int(burst), int(rate))
    for zone, kind in (("connection", "of_connection"), ("fast", "files"), ("waf", "inspected")):
        rate = re.search(rf"zone={zone}:\S+ rate=(\d+)r/s", text)
        # What waits for its turn is in nginx's `burst`, too; what does not, is its `delay`.
        burst = re.search(rf"limit_req zone={zone} (?:burst=\d+ delay|burst)=(\d+)", text)
        if rate and burst:
            yield Limit(name, kind, int(burst[1]), int(rate[1]))
    for zone, kind in (("clients", "at_once"), ("downloads", "downloads")):
        if at_once := re.search(rf"limit_conn {zone} (\d+)", text):
            yield Limit(name, kind, int(at_once[1]), 0)
    if logins := re.search(r"ssh maxretry (\d+)", text):
        yield Limit(name, "logins", int(logins[1]), 0)


def _source(address: str) -> str:
    """Return what the limits count as one source: an IPv4 address, or the /64 of an IPv6 address."""
    found = ipaddress.ip_address(address)
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
