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
from collections import deque
from itertools import cycle, islice

WAITING = {0, errno.EINPROGRESS}
SPARE_FILES = 64
SOCKETS = 16384
VOLLEY = 256
PAUSES = (0.01, 0.04, 0.16)
"""Seconds to wait after every VOLLEY attempts, one value per repetition of the scan.

Packets sent all at once can be dropped on the way, and an open port then looks closed.
"""

Attempts = dict[int, tuple[socket.socket, int]]


def scan(address: str, ports: str, timeout: float, known: str = "") -> list[int]:
    """Return which ports of an address are open, among those in a text such as "22,1000-2000".

    A port is open when the connection is established within `timeout` (seconds); more than a second leaves time for the
    system's own second attempt. `known` are ports that must be open if the host is reachable at all: one of them is
    asked with every volley. When it does not answer, other answers may be lost too, and the scan is repeated more
    slowly. A known port that never answered with one of the volleys is left out of the result: of the other ports of
    that volley nothing is known.
    """
    found: set[int] = set()
    wanted, watched, files = expand(ports), expand(known), _files()
    size = min(VOLLEY, files - 1)
    volleys = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    beside = list(islice(cycle(watched), len(volleys)))
    sent = [[*volley, *beside[number : number + 1]] for number, volley in enumerate(volleys)]
    unheard = set(range(len(beside)))
    for pause in PAUSES:
        answered = _answering(address, sent, timeout, pause, files // (size + 1))
        found.update(*answered)
        unheard = {number for number in unheard if beside[number] not in answered[number]}
        if not unheard and found.issuperset(watched):
            break
    return sorted(found.intersection(wanted).difference(beside[number] for number in unheard))


def expand(ports: str) -> list[int]:
    """Return the port numbers of a text such as "22,1000-2000"."""
    numbers: list[int] = []
    for part in filter(None, ports.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _files() -> int:
    """Return how many sockets this process may have open at a time."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = SOCKETS + SPARE_FILES if hard == resource.RLIM_INFINITY else min(hard, SOCKETS + SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit - SPARE_FILES


def _answering(address: str, volleys: list[list[int]], wait: float, pause: float, most: int) -> list[set[int]]:
    """Return for each volley which of its ports answered within `wait`; at most `most` volleys are on the way."""
    answered: list[set[int]] = []
    on_the_way: deque[tuple[float, Attempts]] = deque()
    for volley in volleys:
        while on_the_way and (len(on_the_way) >= most or on_the_way[0][0] <= time.monotonic()):
            answered.append(_collected(*on_the_way.popleft()))
        on_the_way.append((time.monotonic() + wait, _attempts(address, volley)))
        time.sleep(pause)
    return answered + [_collected(*each) for each in on_the_way]


def _attempts(address: str, ports: list[int]) -> Attempts:
    pending: Attempts = {}
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in ports:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if sock.connect_ex((address, port)) in WAITING:
            pending[sock.fileno()] = (sock, port)
        else:
            sock.close()
    return pending


def _collected(deadline: float, pending: Attempts) -> set[int]:
    """Wait until the deadline or until all have answered, close the sockets, and return the ports that are open."""
    opened = set()
    poll = select.poll()
    for number in pending:
        poll.register(number, select.POLLOUT)
    # An answer that came in time is seen even when this process comes late.
    while pending and (ready := poll.poll(1000 * max(0.0, deadline - time.monotonic()))):
        for number, _ in ready:
            sock, port = pending.pop(number)
            poll.unregister(number)
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                opened.add(port)
            sock.close()
    for sock, _ in pending.values():
        sock.close()
    return opened


if __name__ == "__main__":
    print(json.dumps(scan(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:])))
