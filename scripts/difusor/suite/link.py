"""Measures the link between this machine and a server with OpenSSH's client, within bounds of bytes and seconds.

The road is that of citizens, to the public address, at the port of SSH by which the server is administered anyway and
which trusted addresses reach. Nothing listens for it, at either end, and nothing is installed.
"""

from __future__ import annotations

import ipaddress
import os
import re
import selectors
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from testinfra.backend.ssh import SshBackend

from corte.format.manifest import Manifest, Window

STREAMS = 4
"""Connections at the same time: the loss of one packet halves what a single one carries, not what the link does."""
WARM_UP, TRANSFER = 2_500_000, 25_000_000
"""Bytes before the time counts, because TCP begins slowly, and bytes that are timed: two seconds at 100 Mbps."""
SECONDS = 20.0
"""What one direction may take, with the warm-up: what a slow link has carried by then is its rate."""
MOST = (WARM_UP + TRANSFER) // 2
"""Bytes of one stream, at most: the faster ones carry more than their share."""
PIECE = 1_000_000
"""Bytes after each of which the server says that it has them."""
DOWNLOAD = f"timeout {SECONDS:.0f} head -c {MOST} /dev/urandom"
"""Run on the server: random bytes, so that compression on the way changes nothing."""
UPLOAD = f"timeout {SECONDS:.0f} sh -c 'for each in $(seq {MOST // PIECE}); do head -c {PIECE} >/dev/null; echo; done'"
OPTIONS = (
    "-T -o ControlMaster=no -o ControlPath=none -o Compression=no",
    "-o LogLevel=ERROR",  # without the notice before the login, which would pass for what went wrong
    "-o Ciphers=^aes128-gcm@openssh.com",  # the one that costs processors least: the link is to be the limit
)
ROUNDS = 3
"""How often a direction is measured, at most: a busy processor or other traffic can only make a link seem slower."""


ONE_JUMP = re.compile(r"""(?<!\S)-J\s*("[^"]*"|'[^']*'|[^\s"']+)""")
"""The option of ssh that no other, before or after it, takes back."""


class LinkError(Exception):
    """Nothing could be transferred; the message says what ssh said."""


@dataclass(frozen=True)
class Road:
    """How ssh gets to an address of a server. `options`: its own, where the inventory's line leads to another one."""

    address: str
    port: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rate:
    """What one direction carried: bytes, all warm-up left out, in so many seconds."""

    carried: int
    seconds: float

    @property
    def mbps(self) -> float:
        """Megabits of data per second."""
        return self.carried * 8 / 1e6 / self.seconds


def road(server: SshBackend, address: str) -> Road:
    """Return how ssh gets to the public address of a server; LinkError when its configuration cannot be read.

    The inventory's line may lead by a VPN, or by another machine: that is not the link by which citizens come. At the
    public address the server is recognised by the host key under which it is known already.
    """
    found = _settings(server)
    name, port = found["hostname"], found["port"]
    if not _is_led(found) and addresses(name) == {str(ipaddress.ip_address(address))}:
        return Road(address, port)
    alias = found.get("hostkeyalias") or (name if port == "22" else f"[{name}]:{port}")
    options = ["ProxyCommand=none", f"HostName={address}", f"HostKeyAlias={alias}"]
    if found.get("stricthostkeychecking") == "ask":  # nobody is there to answer
        options.append("StrictHostKeyChecking=yes")
    return Road(address, port, tuple(f"-o {shlex.quote(each)}".replace("%", "%%") for each in options))


def way_in(server: SshBackend) -> tuple[set[str], bool]:
    """Return (the addresses by which a server is entered, whether ssh gets there through another machine).

    LinkError when its configuration cannot be read.
    """
    found = _settings(server)
    return addresses(found["hostname"]), _is_led(found)


def takes_any_key(server: SshBackend) -> bool:
    """Tell whether ssh would enter a server that shows a host key which nobody knows, as its configuration says."""
    try:
        return _settings(server).get("stricthostkeychecking", "ask") not in ("true", "ask")
    except LinkError:
        return False


def _settings(server: SshBackend) -> dict[str, str]:
    """Return the options with which ssh gets to a server, by their names in small letters."""
    line = _line(server, "true").replace("ssh -T", "ssh -G -T", 1)
    asked = subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if asked.returncode:
        raise LinkError(asked.stderr.decode(errors="replace").strip())
    said = asked.stdout.decode(errors="replace").splitlines()
    return {option: value for option, _, value in (each.partition(" ") for each in said)}


def _is_led(settings: Mapping[str, str]) -> bool:
    return bool({"proxyjump", "proxycommand"} & settings.keys())


def addresses(name: str) -> set[str]:
    """Return the addresses that a name or an address leads to, none when this machine does not know."""
    try:
        told = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {str(ipaddress.ip_address(each[4][0])) for each in told}


def measure(server: SshBackend, enough: float, way: Road) -> tuple[Rate, Rate]:
    """Return what the server sends to this machine, and what it gets from it: the best of as many rounds as it takes.

    `enough`: megabits per second after which no further round is needed. LinkError when no connection is made.
    """
    with tempfile.NamedTemporaryFile(prefix="difusor-") as content:
        content.write(os.urandom(MOST))
        content.flush()
        entry, sent, pieces = _entry(server), _line(server, DOWNLOAD, way), _line(server, UPLOAD, way)
        sends = _best(lambda: _rate(sent, len, entry=entry), enough)
        gets = _best(lambda: _rate(pieces, of_pieces, content.name, entry), enough)
    return sends, gets


def of_pieces(said: bytes) -> int:
    """Return the bytes that a server says it has."""
    return said.count(b"\n") * PIECE


def _best(once: Callable[[], Rate], enough: float) -> Rate:
    best = once()
    for _ in range(ROUNDS - 1):
        if best.mbps >= enough:
            break
        best = max(best, once(), key=lambda each: each.mbps)
    return best


def results_are_out(window: Window, shown: Manifest | None, now: datetime) -> str:
    """Return why a link is not measured now, as a sentence; "" when it may be.

    `window` is the election's, `shown` the manifest that the institute signed and the server shows; either may know the
    later close. It is at least as late as when that manifest was made: this machine's clock, `now`, may be behind.
    """
    closes, latest = window.closes, now
    if shown:
        closes, latest = max(closes, shown.window.closes), max(now, shown.generated)
    if not window.opens <= latest < closes:
        return ""
    return (
        "no se mide entre la apertura y el cierre, porque ocuparía el enlace por el que se consultan los resultados; "
        "mídalo antes o después, o registre el documento que acredita el enlace"
    )


def _line(server: SshBackend, command: str, way: Road | None = None) -> str:
    """Return the shell's line with which testinfra would run a command, on a connection of its own."""
    words, values = server._build_ssh_command(command)
    place = words.index("ssh") + 1
    unasked = () if _entry(server) else ("-o BatchMode=yes",)
    own, other = words[place:-1], way.options if way else ()
    if other:
        own = [ONE_JUMP.sub("", each) for each in own]
    # Of `-S` ssh takes the last, before any option; what ends the words are the server's name and the command.
    words = [*words[:place], *OPTIONS, *other, *unasked, *own, "-S none", words[-1]]
    return f"exec {server.quote(' '.join(words), *values)}"


def _entry(server: SshBackend) -> dict[str, str]:
    """Return the variables with which ssh finds the password of a server that is entered by one."""
    found: dict[str, str] = getattr(server, "difusor_environment", {})
    return found


def _rate(line: str, worth: Callable[[bytes], int], given: str = "", entry: Mapping[str, str] = {}) -> Rate:
    """Run the streams until enough is carried or the time is over; `worth`: bytes that a piece of output stands for.

    `given`: the file that each stream sends; of what a server says it has, no more counts than ssh has read of it.
    `entry`: variables of their environment.
    """
    with ExitStack() as stack:
        inputs = [stack.enter_context(open(given or os.devnull, "rb", buffering=0)) for _ in range(STREAMS)]
        streams = [stack.enter_context(_stream(line, each, entry)) for each in inputs]
        # ssh reads by the same open file, so its place there is ssh's.
        return _timed(streams, worth, lambda: sum(each.tell() for each in inputs) if given else sys.maxsize)


@contextmanager
def _stream(line: str, given: IO[bytes], entry: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **entry}
    with subprocess.Popen(
        ["sh", "-c", line], env=environment, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _timed(streams: Sequence[subprocess.Popen[bytes]], worth: Callable[[bytes], int], most: Callable[[], int]) -> Rate:
    """Read what the streams print; return what came after the warm-up, or all of it where hardly anything did.

    `most`: the bytes that can have been carried until now.
    """
    began = time.monotonic()
    said, total, since, last = 0, 0, (0, began), began
    with selectors.DefaultSelector() as waiting:
        for each in streams:
            assert each.stdout is not None  # PIPE
            waiting.register(each.stdout, selectors.EVENT_READ)
        while waiting.get_map() and total < WARM_UP + TRANSFER and (left := began + SECONDS - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                piece = os.read(key.fd, 1 << 18)
                if not piece:
                    waiting.unregister(key.fileobj)
                    continue
                said, last = said + worth(piece), time.monotonic()
                total = min(said, most())
                if not since[0] and total >= WARM_UP:
                    since = (total, last)
    if total - since[0] < WARM_UP:  # the time was over; a last piece that came at once would pass for a fast link
        since = (0, began)
    if total == since[0] or last == since[1]:
        raise LinkError(_complaint(streams))
    return Rate(total - since[0], last - since[1])


def _complaint(streams: Sequence[subprocess.Popen[bytes]]) -> str:
    """Return what the first stream said, once all have been killed."""
    for each in streams:
        each.kill()
    said = streams[0].communicate()[1].decode(errors="replace").strip()
    return said.splitlines()[-1] if said else f"ningún dato pasó en {SECONDS:.0f} segundos"
