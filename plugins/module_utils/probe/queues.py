"""The queues of packets that leave the server."""

from __future__ import annotations

import re

from ansible.module_utils.probe import tunnels

OURS = "50e:"
"""The handle of the queue of the role `tc`; the kernel's own have 0:."""
RULE = re.compile(r"\d+:\s+from ([0-9a-f][0-9a-f.:/]*) lookup (\S+)(?: proto \S+)?\s*$")
"""A rule of `ip rule` that leads what has a certain source to a table of routes, whatever else it is."""


def uplinks(lines, families=("-4", "-6")):
    """Return the interfaces with a default route: for everything, or for what has an address of theirs as its source.

    The latter is in a table of its own, as where one card is for citizens and another to administer the server.
    """
    found = set()
    for family in families:
        found |= devices(lines("ip", family, "route", "show", "default"))
        rules = map(RULE.match, lines("ip", family, "rule", "show"))
        for source, table in (rule.groups() for rule in rules if rule):
            for device in devices(lines("ip", family, "route", "show", "default", "table", table)) - found:
                # A network of clients, whose packets the server sends on by a tunnel, has none there.
                if lines("ip", family, "-oneline", "address", "show", "dev", device, "to", source):
                    found.add(device)
    return sorted(found)


def devices(routes):
    """Return the interfaces of routes as `ip route` shows them."""
    return {match.group(1) for match in (re.search(r" dev (\S+)", line) for line in routes) if match}


def detour(lines, connection):
    """Return [interface, interface] by which the operator comes in and is answered, where these differ; else nothing.

    `connection`: SSH_CONNECTION, his address and port and the server's; only for IPv4 does the kernel compare the two.
    """
    operator, own = tunnels.ends(connection) or ("", "")
    if not operator or ":" in operator:
        return []
    known = (line.split() for line in lines("ip", "-4", "-oneline", "address", "show"))
    came = next((each[1] for each in known if each[3].partition("/")[0] == own), "")
    gone = tunnels.answered_by(lines, operator, own)
    # An address on a device without a cable, as one that is routed to the server, came by another.
    is_compared = came and gone not in ("", "lo", came) and not re.match(r"lo$|dummy", came)
    return [came, gone] if is_compared and not _is_led(lines, operator, own, gone) else []


def _is_led(lines, operator, own, gone):
    """Tell whether a route of its own leads to an address through a tunnel.

    Then he comes out of that tunnel too, for whichever of the server's addresses. The answers to everybody are in one
    that is the default route, or each half of it.
    """
    route = " ".join(lines("ip", "-4", "route", "get", operator, "from", own, "fibmatch"))
    is_for_all = route.startswith(("default", "0.0.0.0/1 ", "128.0.0.0/1 "))
    return tunnels.kind(lines, gone) in tunnels.TUNNELS and not is_for_all


def roots(lines):
    """Return {interface: (kind, handle)} of the queue at the root of each interface with a default route."""
    found = {}
    for interface in uplinks(lines):
        for line in lines("tc", "qdisc", "show", "dev", interface):
            _, kind, handle, place = line.split()[:4]
            if place == "root":
                found[interface] = (kind, handle)
    return found


def shaped(lines):
    """Return the interfaces with a default route whose queue somebody has set up, except the project's role `tc`."""
    return ["%s (%s %s)" % (each, *queue) for each, queue in roots(lines).items() if queue[1] not in ("0:", OURS)]


def unshared(lines):
    """Return the interfaces with a default route on which the queue of the role `tc` does not stand."""
    return [interface for interface, (_, handle) in roots(lines).items() if handle != OURS]
