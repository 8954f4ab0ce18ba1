"""Finds open TCP ports; runs on a host other than the server (standard library, Python 3.9, any user).

Sent as text: `python3 -c "$(cat portscan.py)" 192.0.2.1 1-1024,8080 1.6 80,443` prints [80, 443, 8080].

A user who may open a raw socket (root, CAP_NET_RAW) sends each port a bare SYN packet, as `nmap -sS` does: that costs
the processor half of a socket and its connection, or less. Who may not, or whose packets this host does not send,
connects. Either way a port is open when SYN+ACK comes in time.
"""

from __future__ import annotations

import errno
import json
import resource
import secrets
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from itertools import cycle, islice
from typing import Protocol

WAITING = {0, errno.EINPROGRESS}
SPARE_FILES = 64
SOCKETS = 16384
VOLLEY = 256
PAUSES = (0.01, 0.04, 0.16)
"""Seconds to wait after every VOLLEY attempts, one value per repetition of the scan.

Packets sent all at once can be dropped on the way, and an open port then looks closed.
"""

PATIENCE = (0.64, 2.56)
"""The same for further repetitions of the volleys whose known port has not answered yet, if these are few (FEW).

A host that is busy for some seconds now and then loses other packets at each repetition.
"""
FEW = 4
"""They are few when they are at most one in so many volleys; where more are lost, the host has stopped answering."""

AGAIN = 1.0
"""Seconds after which a packet is repeated that was not answered, as the system does when it connects."""

SYN, RST, ACK = 0x02, 0x04, 0x10
PACKET = struct.Struct("!HHIIHHHH12s")
"""Source and destination port, sequence, acknowledgement, length and flags, window, checksum, urgent, options."""

OPTIONS = bytes.fromhex("020405a0 0101 0402 01030307")
"""Largest segment, selective acknowledgement, window scale: an ordinary SYN has them, and no filter stops on them."""

SHAPE = (PACKET.size // 4 << 12 | SYN, 64240)
ANSWER = struct.Struct("!HH4xIxB")
"""Source and destination port, acknowledgement, flags."""

TRIES = 8
BUFFER = 4 << 20
SO_RCVBUFFORCE, SO_MEMINFO, DROPPED = 33, 55, 8  # asm-generic/socket.h and linux/sock_diag.h; `socket` lacks them


class Volley(Protocol):
    """Attempts at some ports, which end at `deadline`."""

    deadline: float

    def collected(self) -> set[int]:
        """Wait until the deadline or until all have answered, and return the ports that are open."""


def scan(address: str, ports: str, timeout: float, known: str = "") -> list[int]:
    """Return which ports of an address are open, among those in a text such as "22,1000-2000".

    A port is open when the connection is established within `timeout` (seconds); more than a second leaves time for the
    system's own second attempt. `known` are ports that must be open if the host is reachable at all: one of them is
    asked with every volley. When it does not answer, other answers may be lost too, and the scan is repeated more
    slowly, at last only what was lost. A known port that never answered with one of the volleys is left out of the
    result: of the other ports of that volley nothing is known.
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
    for pause in PATIENCE:
        if not 0 < len(unheard) <= len(sent) // FEW:
            break
        left = sorted(unheard)
        answered = _answering(address, [sent[number] for number in left], timeout, pause, files // (size + 1))
        found.update(*answered)
        unheard = {number for place, number in enumerate(left) if beside[number] not in answered[place]}
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
    """Return for each volley which of its ports answered within `wait`; at most `most` volleys connect at a time."""
    # A volley of packets needs one file, not one for each port.
    files = most * max(map(len, volleys), default=0)
    try:
        raw = socket.socket(_family(address), socket.SOCK_RAW, socket.IPPROTO_TCP)
        with raw, closing(Line(raw, address)) as line:
            return _volleys(lambda ports: Packets(line, ports, wait), volleys, pause, files)
    except OSError:
        return _volleys(lambda ports: Connections(address, ports, wait), volleys, pause, most)


def _volleys(ask: Callable[[list[int]], Volley], volleys: list[list[int]], pause: float, most: int) -> list[set[int]]:
    """Return for each volley which of its ports answered; at most `most` volleys are on the way."""
    answered: list[set[int]] = []
    on_the_way: deque[Volley] = deque()
    for ports in volleys:
        while on_the_way and (len(on_the_way) >= most or on_the_way[0].deadline <= time.monotonic()):
            answered.append(on_the_way.popleft().collected())
        on_the_way.append(ask(ports))
        time.sleep(pause)
    return answered + [each.collected() for each in on_the_way]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Connections:
    """A volley of connections, which the system makes."""

    def __init__(self, address: str, ports: list[int], wait: float) -> None:
        """Begin to connect to each port."""
        self.deadline = time.monotonic() + wait
        self.pending: dict[int, tuple[socket.socket, int]] = {}
        for port in ports:
            sock = socket.socket(_family(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            if sock.connect_ex((address, port)) in WAITING:
                self.pending[sock.fileno()] = (sock, port)
            else:
                sock.close()

    def collected(self) -> set[int]:
        """Wait until the deadline or until all have answered, close the sockets, and return the ports that are open."""
        opened = set()
        poll = select.poll()
        for number in self.pending:
            poll.register(number, select.POLLOUT)
        # An answer that came in time is seen even when this process comes late.
        while self.pending and (ready := poll.poll(1000 * max(0.0, self.deadline - time.monotonic()))):
            for number, _ in ready:
                sock, port = self.pending.pop(number)
                poll.unregister(number)
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    opened.add(port)
                sock.close()
        for sock, _ in self.pending.values():
            sock.close()
        return opened


class Packets:
    """A volley of SYN packets, from a port of its own: the known ports are asked with every volley."""

    def __init__(self, line: Line, ports: list[int], wait: float) -> None:
        """Send a packet to each port."""
        line.turn()
        self.line, self.deadline = line, time.monotonic() + wait
        self.silent, self.opened = set(ports), set[int]()
        self.sequence = secrets.randbits(32)
        # No other program gets the port meanwhile. Nothing listens there, so the system answers SYN+ACK with RST, and
        # the server forgets the connection at once.
        self.held = socket.socket(line.raw.family, socket.SOCK_STREAM)
        self.held.bind((line.source, 0))
        self.port: int = self.held.getsockname()[1]
        line.volleys[self.port] = self
        self.ask()

    def ask(self) -> None:
        """Send a packet to each silent port, and again after a second if that leaves time for an answer."""
        start, end = (self.sequence, 0, *SHAPE), (0, OPTIONS)
        total = self.line.pseudo + words(PACKET.pack(self.port, 0, *start, 0, *end))
        for port in self.silent:
            self.line.send(PACKET.pack(self.port, port, *start, checksum(total + port), *end))
        if (moment := time.monotonic() + AGAIN) < self.deadline:
            self.line.again.append((moment, self))

    def hear(self, port: int, acknowledged: int, flags: int) -> None:
        """Take an answer that acknowledges the packet; what does not may have been forged by a stranger."""
        if port in self.silent and flags & ACK and acknowledged == (self.sequence + 1) % (1 << 32):
            if flags & (SYN | RST):
                self.silent.remove(port)
            if flags & (SYN | RST) == SYN:
                self.opened.add(port)

    def collected(self) -> set[int]:
        """Wait until the deadline or until all have answered, and return the ports that are open."""
        while self.silent and time.monotonic() < self.deadline:
            self.line.wait(self.deadline)
        # An answer that came in time is read even when this process comes late.
        self.line.turn()
        self.silent.clear()
        self.line.volleys.pop(self.port).held.close()
        return self.opened


class Line:
    """A raw socket that sends to one address and gets every TCP packet from there."""

    def __init__(self, raw: socket.socket, address: str) -> None:
        """Connect the socket, so that the system chooses the source address and delivers what comes from the target."""
        self.raw = raw
        try:
            raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except PermissionError:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        raw.connect((address, 0))
        self.source: str = raw.getsockname()[0]
        ends = [socket.inet_pton(raw.family, each) for each in (self.source, address)]
        self.pseudo = words(b"".join(ends)) + socket.IPPROTO_TCP + PACKET.size
        self.volleys: dict[int, Packets] = {}
        self.again: deque[tuple[float, Packets]] = deque()
        self.poll = select.poll()
        self.poll.register(raw, select.POLLIN)

    def send(self, packet: bytes) -> None:
        """Send a packet. An error may be a router's word about an earlier one; only one that stays is raised."""
        for _ in range(TRIES):
            try:
                self.raw.send(packet)
                return
            except OSError as error:
                last = error
                if error.errno == errno.ENOBUFS:
                    time.sleep(0.001)  # pace: the system empties the queue to the network
        raise last

    def wait(self, until: float) -> None:
        """Wait for an answer, or until it is time to ask again, at the latest until a moment."""
        moment = min(until, self.again[0][0]) if self.again else until
        self.poll.poll(1000 * max(0.0, moment - time.monotonic()))
        self.turn()

    def turn(self) -> None:
        """Read what was answered, and ask again where it is time to."""
        while self._read():
            pass
        memory = self.raw.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (DROPPED + 1))
        if struct.unpack("=9I", memory)[DROPPED]:
            raise OSError(errno.ENOBUFS, "answers were lost")
        while self.again and self.again[0][0] <= time.monotonic():
            self.again.popleft()[1].ask()

    def _read(self) -> bool:
        """Read one packet, if there is any: IPv4 delivers it with its own header, IPv6 without."""
        try:
            packet = self.raw.recv(128, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:  # a router's word about a packet
            return True
        start = 4 * (packet[0] & 0x0F) if self.raw.family == socket.AF_INET else 0
        if len(packet) >= start + ANSWER.size:
            port, own, acknowledged, flags = ANSWER.unpack_from(packet, start)
            if own in self.volleys:
                self.volleys[own].hear(port, acknowledged, flags)
        return True

    def close(self) -> None:
        """Give back the ports of volleys that were not collected."""
        for volley in self.volleys.values():
            volley.held.close()


def words(data: bytes) -> int:
    """Return the sum of the data's 16-bit words."""
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def checksum(total: int) -> int:
    """Return the checksum (RFC 1071) of words with this sum."""
    return -total % 0xFFFF


if __name__ == "__main__":
    print(json.dumps(scan(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:])))
