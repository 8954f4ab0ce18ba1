"""Finds open TCP ports by connecting; runs on a host other than the server (standard library, Python 3.9, any user).

Sent as text: `python3 -c "$(cat portscan.py)" 192.0.2.1 1-1024,8080 1.6 80,443` prints [80, 443, 8080].
"""

from __future__ import annotations

import errno
import json
import resource
import select
import socket
import sys
import time
from collections.abc import Iterator

WAITING = {0, errno.EINPROGRESS}
SPARE_FILES = 64
BATCH = 16384
VOLLEY = 256
PAUSES = (0.01, 0.04, 0.16)
"""Seconds to wait after every VOLLEY attempts, one value per repetition of the scan.

Packets sent all at once can be dropped on the way, and an open port then looks closed.
"""


def scan(address: str, ports: str, timeout: float, known: str = "") -> list[int]:
    """Return which ports of an address are open, among those in a text such as "22,1000-2000".

    A port is open when the connection is established within `timeout` (seconds, for each batch); more than a second
    leaves time for the system's own second attempt. `known` are ports that must be open if the host is reachable at
    all: when one of them is not seen, other answers may be lost too, and the scan is repeated more slowly.
    """
    found: set[int] = set()
    wanted, size = expand(ports), _batch_size()
    for pause in PAUSES:
        for start in range(0, len(wanted), size):
            found.update(_answering(address, wanted[start : start + size], timeout, pause))
        if found.issuperset(expand(known)):
            break
    return sorted(found)


def expand(ports: str) -> list[int]:
    """Return the port numbers of a text such as "22,1000-2000"."""
    numbers: list[int] = []
    for part in filter(None, ports.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _batch_size() -> int:
    """Return how many sockets this process may have open at a time."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = BATCH + SPARE_FILES if hard == resource.RLIM_INFINITY else min(hard, BATCH + SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit - SPARE_FILES


def _answering(address: str, ports: list[int], timeout: float, pause: float) -> Iterator[int]:
    poll = select.epoll()
    pending = {}
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for sent, port in enumerate(ports, start=1):
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if sock.connect_ex((address, port)) in WAITING:
            pending[sock.fileno()] = (sock, port)
            poll.register(sock.fileno(), select.EPOLLOUT)
        else:
            sock.close()
        if sent % VOLLEY == 0:
            time.sleep(pause)
    deadline = time.monotonic() + timeout
    while pending and time.monotonic() < deadline:
        for number, _ in poll.poll(max(0.0, deadline - time.monotonic())):
            sock, port = pending.pop(number)
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                yield port
            sock.close()
    for sock, _ in pending.values():
        sock.close()
    poll.close()


if __name__ == "__main__":
    print(json.dumps(scan(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:])))
