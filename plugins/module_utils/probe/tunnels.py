"""The tunnel by which the operator comes in, where it ends on the server itself and is begun by others."""

from __future__ import annotations

import ipaddress
import json
import os
import re

from ansible.module_utils.probe import listening, read, read_plain

USUAL = "51820"  # WireGuard's port, where its program `wg` is not there to be asked
OPENVPN = ("tun", "ovpn", "ovpn-dco")
TUNNELS = ("wireguard", "xfrm", "vti", "vti6", *OPENVPN)
"""The kinds of interfaces that only hand out what has come to the server by another one."""
OWN_RANGE = 32768
"""From this port on the kernel gives them to programs that only ask others."""
# That a program itself begins a tunnel: in the files of OpenVPN, and of strongSwan and Libreswan.
DIALS = re.compile(r"^\s*(client(?![\w-])|remote\s)", re.MULTILINE)
BEGINS = re.compile(r"^\s*(auto\s*=\s*start|start_action\s*=.*start)\b", re.MULTILINE)


def ends(connection):
    """Return (the operator's address, the server's) out of SSH_CONNECTION; () when he does not come by SSH."""
    words = [each.replace("::ffff:", "").partition("%")[0] for each in connection.split()]
    return (words[0], words[2]) if len(words) == 4 and re.fullmatch(r"[\da-fA-F:.]+", words[0]) else ()


def answered_by(lines, there, here):
    """Return the interface by which the server's address `here` answers `there`; "" when it is unknown."""
    family = "-6" if ":" in there else "-4"
    route = re.search(r" dev (\S+)", " ".join(lines("ip", family, "route", "get", there, "from", here)))
    return route[1] if route else ""


def kind(lines, interface):
    """Return the kernel's word for the kind of an interface, such as wireguard; "" of a card, or when it is unknown."""
    try:
        (link,) = json.loads("".join(lines("ip", "-details", "-json", "link", "show", "dev", interface)))
        return link["linkinfo"]["info_kind"]
    except (KeyError, TypeError, ValueError):
        return ""


def look(lines, connection):
    """Return [{name, kind, port, protocol}] of the ports at which the operator's tunnel waits to be begun.

    Nothing of one that the server itself begins or keeps up: its packets open the way for the answers.
    """
    if not ends(connection):
        return []
    operator, own = ends(connection)
    name = answered_by(lines, operator, own)
    found = kind(lines, name)
    if found == "wireguard":
        return [_port(name, "WireGuard", port, "udp") for port in _wireguard(lines, name, operator)]
    if found in OPENVPN:
        waiting = _waiting(lines, "openvpn", ("udp", "tcp"), _dials)
        return [_port(name, "OpenVPN", *each) for each in waiting if int(each[0]) < OWN_RANGE]
    waiting = _waiting(lines, "charon|charon-systemd|pluto", ("udp",), lambda _: _begins())
    # The kernel is asked only where there is such a program: it would load what it has for IPsec.
    if waiting and (found in TUNNELS or _encrypted(lines, operator)):
        return [_port(name, "IPsec", *each) for each in waiting if each[0] in ("500", "4500")]
    return []


def _port(name, what, port, protocol):
    return {"name": name, "kind": what, "port": int(port), "protocol": protocol}


def _wireguard(lines, interface, operator):
    """Return the port at which WireGuard waits, as text in a list; none when the server keeps calling that peer."""
    address, peers = ipaddress.ip_address(operator), []
    for line in lines("wg", "show", interface, "allowed-ips"):
        key, *networks = line.split()
        known = [ipaddress.ip_network(each, strict=False) for each in networks if "/" in each]
        peers += [(network.prefixlen, key) for network in known if address in network]
    said = lines("wg", "show", interface, "persistent-keepalive")
    intervals = dict(line.split() for line in said if len(line.split()) == 2)
    if peers and intervals.get(max(peers)[1], "off") != "off":
        return []
    told = [line.strip() for line in lines("wg", "show", interface, "listen-port")]
    # A socket of the kernel's own belongs to no program.
    sockets = {listening(line)[1] for line in lines("ss", "-Hlunp") if "users:" not in line}
    return told or sorted(sockets & {USUAL})


def _waiting(lines, programs, protocols, calls):
    """Return [(port, protocol)] beyond loopback at which one of `programs` waits that does not itself call others.

    `calls`: tells that of a process, by its id.
    """
    found = set()
    for protocol in protocols:
        for line in lines("ss", "-Hl%snp" % protocol[0]):
            address, port = listening(line)
            process = re.search(r'users:\(\("(?:%s)",pid=(\d+)' % programs, line)
            if process and not address.startswith("127.") and address != "::1" and not calls(process[1]):
                found.add((port, protocol))
    return sorted(found)


def _dials(process):
    """Tell whether a process of OpenVPN's begins its tunnel: its options, or its file, name the other end."""
    words = read("/proc/%s/cmdline" % process).split("\0")
    # A relative path is one in the folder in which it runs.
    paths = [os.path.join("/proc/%s/cwd" % process, word) for word in words if word.endswith((".conf", ".ovpn"))]
    return "--remote" in words or any(DIALS.search(read_plain(path)) for path in paths)


def _encrypted(lines, operator):
    """Tell whether the kernel takes what comes from an address only out of a tunnel of IPsec."""
    address = ipaddress.ip_address(operator)
    for policy in re.split(r"\n(?=src )", "\n".join(lines("ip", "xfrm", "policy"))):
        origin = re.match(r"src (\S+) dst ", policy)
        if origin and "dir in " in policy and "mode tunnel" in policy:
            network = ipaddress.ip_network(origin[1], strict=False)
            if network.prefixlen and address in network:
                return True
    return False


def _begins(folders=("/etc/ipsec.d", "/etc/swanctl"), files=("/etc/ipsec.conf",)):
    """Tell whether the files of IPsec have a connection that the server itself begins."""
    paths = [os.path.join(top, name) for each in folders for top, _, names in os.walk(each) for name in names]
    return any(BEGINS.search(read(path)) for path in [*files, *paths] if path.endswith(".conf"))
