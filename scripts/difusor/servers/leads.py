"""Tells where a name leads, and which of these addresses admit visitors, from any host (standard library, Python 3.9).

Sent as text: `python3 -c "$(cat leads.py)" prep.example.org 192.0.2.1 example.com` prints {"unknown": "", "addresses":
{"192.0.2.1": ""}, "families": ["IPv4"]}. `unknown` is "absent" for a name that the DNS does not have, "unsaid" when
this host cannot tell. Of an address, "" says that port 443 is open; "closed", "silent" and "unrouted" (this host has no
road to it) are why it is not reached.
"""

from __future__ import annotations

import errno
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PORT = 443
SECONDS = 10.0
MOST = 8
"""How many addresses of each family are tried: a hostile name server may give any number."""
ABSENT = {getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)}

ROADLESS = {errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def look(name: str, server: str, control: str) -> dict[str, Any]:
    """Return what is printed. `server`: an address that is tried too, only to learn which families this host reaches.

    `control`: a name that everybody resolves: who does not find that one either has no name server to ask.
    """
    addresses: dict[str, str] = {}
    unknown = ""
    try:
        addresses = dict.fromkeys(_resolved(name), "")
    except socket.gaierror as error:
        unknown = "absent" if error.errno in ABSENT and _is_resolved(control) else "unsaid"
    asked = [*addresses, *([server] if server not in addresses else [])]
    with ThreadPoolExecutor(len(asked)) as pool:
        found = dict(pool.map(lambda each: (each, _tried(each)), asked))
    families = sorted({family(each) for each, trouble in found.items() if not trouble})
    return {"unknown": unknown, "addresses": {each: found[each] for each in addresses}, "families": families}


def _resolved(name: str) -> list[str]:
    # The dot at its end keeps the name from being sought below this host's own domain, and in its /etc/hosts.
    told = socket.getaddrinfo(f"{name}.", PORT, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(str(each[4][0]) for each in told))
    return [each for kind in ("IPv4", "IPv6") for each in [one for one in found if family(one) == kind][:MOST]]


def _is_resolved(name: str) -> bool:
    try:
        return bool(_resolved(name))
    except socket.gaierror:
        return False


def _tried(address: str) -> str:
    try:
        with socket.create_connection((address, PORT), timeout=SECONDS):
            return ""
    except ConnectionRefusedError:
        return "closed"
    except OSError as error:
        return "unrouted" if error.errno in ROADLESS else "silent"


def family(address: str) -> str:
    """Return the family of an address."""
    return "IPv6" if ":" in address else "IPv4"


if __name__ == "__main__":
    print(json.dumps(look(*sys.argv[1:])))
