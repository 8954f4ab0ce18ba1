"""Which TCP ports answer: a connect scan that a vantage point runs (standard library, Python 3.9, any user).

Sent as text: `python3 -c "$(cat portscan.py)" '[["192.0.2.1", "1-1024,8080"]]' 1.0` prints {"192.0.2.1": [80, 443]}.
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
VOLLEY, PAUSE = 256, 0.01
"""Attempts at a time and seconds between: queues on the way drop what comes at once, and what is lost looks closed."""


def scan(targets: list[tuple[str, str]], timeout: float) -> dict[str, list[int]]:
    """Return the open ports of each address.

    `targets` is a list of [address, ports], ports a text such as "22,1000-2000"; `timeout` is in seconds, a batch.

    A port is open when the connection is established in time; a refused or silent one is not. More than a second leaves
    time for a second attempt, which the system makes by itself.
    """
    found: dict[str, list[int]] = {address: [] for address, _ in targets}
    pairs = [(address, port) for address, ports in targets for port in expand(ports)]
    size = _batch_size()
    for start in range(0, len(pairs), size):
        for address, port in _answering(pairs[start : start + size], timeout):
            found[address].append(port)
    return {address: sorted(ports) for address, ports in found.items()}


def expand(ports: str) -> list[int]:
    """Return the port numbers of a text such as "22,1000-2000"."""
    numbers: list[int] = []
    for part in ports.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _batch_size() -> int:
    """As many sockets at a time as the system lets this process have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = BATCH + SPARE_FILES if hard == resource.RLIM_INFINITY else min(hard, BATCH + SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit - SPARE_FILES


def _answering(pairs: list[tuple[str, int]], timeout: float) -> Iterator[tuple[str, int]]:
    poll = select.epoll()
    pending = {}
    for sent, (address, port) in enumerate(pairs, start=1):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if sock.connect_ex((address, port)) in WAITING:
            pending[sock.fileno()] = (sock, address, port)
            poll.register(sock.fileno(), select.EPOLLOUT)
        else:
            sock.close()
        if sent % VOLLEY == 0:
            time.sleep(PAUSE)
    deadline = time.monotonic() + timeout
    while pending and time.monotonic() < deadline:
        for number, _ in poll.poll(max(0.0, deadline - time.monotonic())):
            sock, address, port = pending.pop(number)
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                yield address, port
            sock.close()
    for sock, _, _ in pending.values():
        sock.close()
    poll.close()


if __name__ == "__main__":
    print(json.dumps(scan(json.loads(sys.argv[1]), float(sys.argv[2]))))
