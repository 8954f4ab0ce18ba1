#!/usr/bin/python3 -IB
"""Accepts the connections to the rsync daemon, and ends those that do not prove soon that they know the secret.

rsync's own daemon waits for ever for a client that says nothing, and counts it in `max connections`: two such clients
keep every push out. Here each client that says something gets a process `rsync --daemon` of its own, as under inetd,
and has a few seconds to authenticate. Of those that have not, only so many are kept for one source and for all
together; a new one takes the place of the oldest, so nobody can fill the places for longer than a client needs to
authenticate. A transfer, which is a connection that has authenticated, has a place of its own.

That a client has authenticated is known from the guard, which rsync starts then: it writes one byte to a pipe that it
inherits, whose number is in the environment variable PREP_AUTHENTICATED. The pipe's end says that the process ended.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import NoReturn

PIPE = "PREP_AUTHENTICATED"
BACKLOG = 512
HELP = """uso: listener.py [--port PUERTO] --seconds S --per-source N --waiting N --transfers N -- PROGRAMA [ARGUMENTO…]

Recibe las conexiones del servicio rsync; lo llama systemd (rsync.service).

opciones:
  --port PUERTO     el puerto TCP en que escucha; 873 si no se indica
  --seconds S       los segundos que tiene un cliente para demostrar que conoce el secreto
  --per-source N    cuántas conexiones de un mismo origen pueden estar a la espera de demostrarlo
  --waiting N       cuántas pueden estarlo entre todos los orígenes
  --transfers N     cuántas que ya lo demostraron pueden enviar a la vez
  PROGRAMA          lo que atiende cada conexión, que recibe como su entrada
"""
TELL_EVERY = 10.0
"""Seconds between two lines in the journal about connections that were ended: an attacker must not fill it."""


@dataclass(eq=False)
class Connection:
    """One client: its source (an IPv4 address or an IPv6 /64), when it came (monotonic seconds), and what serves it."""

    client: socket.socket
    source: str
    since: float
    process: subprocess.Popen[bytes] | None = None
    pipe: int = -1
    is_transfer: bool = False

    @property
    def watched(self) -> socket.socket | int:
        """What becomes readable at the next event: the client until a process serves it, then the process's pipe."""
        return self.pipe if self.process else self.client


class Listener:
    """The connections of now, oldest first, and the limits that hold for them (see `arguments`)."""

    def __init__(self, limits: argparse.Namespace) -> None:
        """Listen on the port, for IPv4 and, where the kernel has it, IPv6; OSError when the port is taken."""
        self.limits = limits
        self.connections: list[Connection] = []
        self.selector = selectors.DefaultSelector()
        self.told_at = -TELL_EVERY
        for listening in _listen(limits.port):
            self.selector.register(listening, selectors.EVENT_READ)

    def serve(self) -> None:
        """Accept connections and end those whose time is over, until a signal ends this program."""
        while True:
            news = [key for key, _ in self.selector.select(self._pause())]
            for key in news:
                if isinstance(key.fileobj, socket.socket) and key.data is None:
                    self._accept(key.fileobj)
            heard = {key.data for key in news}.intersection(self.connections)
            for connection in heard:
                if connection.process:
                    self._hear(connection)
            # One of each source at a time, so that a crowd does not delay others. Its newest, because its oldest is the
            # first that may be ended.
            for newest in {
                each.source: each for each in self._waiting() if each in heard and not each.process
            }.values():
                self._start(newest)
            for late in [each for each in self._waiting() if self._left(each) <= 0]:
                self._end(late, f"no se autenticó en {self.limits.seconds:g} s")

    def _accept(self, listening: socket.socket) -> None:
        """Accept all clients that have come, before any process is started: a process costs a hundred times as much."""
        for _ in range(BACKLOG):
            try:
                client, address = listening.accept()
            except OSError:  # no more, or this one has gone already
                return
            source = source_of(address[0])
            self._make_room(source)
            client.setblocking(True)
            connection = Connection(client, source, time.monotonic())
            self.connections.append(connection)
            self.selector.register(client, selectors.EVENT_READ, connection)

    def _start(self, connection: Connection) -> None:
        """Start the process that serves a client, now that the client has said something."""
        pipe, theirs = os.pipe()
        try:
            process = subprocess.Popen(
                self.limits.command,
                stdin=connection.client.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs],
                env={**os.environ, PIPE: str(theirs)},
            )
        except OSError as error:  # no more processes or memory for now
            os.close(pipe)
            self._end(connection, f"no se pudo atender ({errno.errorcode.get(error.errno or 0, 'sin procesos')})")
            return
        finally:
            os.close(theirs)
        self.selector.unregister(connection.client)
        connection.client.close()  # the process has it
        connection.process, connection.pipe = process, pipe
        self.selector.register(pipe, selectors.EVENT_READ, connection)

    def _hear(self, connection: Connection) -> None:
        """Read a process's pipe: its client has authenticated, or the process has ended."""
        if not os.read(connection.pipe, 1):
            self._end(connection)
            return
        transfers = [each for each in self.connections if each.is_transfer]
        if len(transfers) >= self.limits.transfers:  # a broken one must not keep the next push out
            oldest = transfers[0]
            self._tell(f"termina el envío más viejo, de {oldest.source}: hay otros {len(transfers)}")
            if oldest.process:
                oldest.process.terminate()  # rsync removes its temporary files; then its pipe ends
            oldest.is_transfer, oldest.since = False, time.monotonic()
        connection.is_transfer = True

    def _make_room(self, source: str) -> None:
        """End the oldest waiting connection of this source, or of the source that has most, if there are too many."""
        waiting = self._waiting()
        count = Counter(each.source for each in waiting)
        if count[source] >= self.limits.per_source:
            crowd = source
        elif len(waiting) >= self.limits.waiting:
            crowd = count.most_common(1)[0][0]
        else:
            return
        self._end(next(each for each in waiting if each.source == crowd), f"{count[crowd]} conexiones sin autenticar")

    def _waiting(self) -> list[Connection]:
        return [each for each in self.connections if not each.is_transfer]

    def _left(self, connection: Connection) -> float:
        return connection.since + float(self.limits.seconds) - time.monotonic()

    def _pause(self) -> float | None:
        """Return the seconds until the first waiting connection is late; None when none waits."""
        left = [self._left(each) for each in self._waiting()]
        return max(0.0, min(left)) if left else None

    def _end(self, connection: Connection, why: str = "") -> None:
        if why:
            self._tell(f"termina una conexión de {connection.source}: {why}")
        self.selector.unregister(connection.watched)
        self.connections.remove(connection)
        if connection.process is None:
            connection.client.close()
            return
        os.close(connection.pipe)
        connection.process.kill()
        connection.process.wait()

    def _tell(self, message: str) -> None:
        if time.monotonic() - self.told_at >= TELL_EVERY:
            self.told_at = time.monotonic()
            print(f"<4>{message}", flush=True)  # <4>: systemd's mark of a warning


def source_of(address: str) -> str:
    """Return the source that an address counts for: an IPv4 address itself, of an IPv6 address its /64."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


class Parser(argparse.ArgumentParser):
    """Speaks Spanish: argparse has its own help and errors in English only, whatever the language of the machine."""

    def format_help(self) -> str:
        """Return the help."""
        return HELP

    def error(self, message: str) -> NoReturn:
        """Exit with the status of a usage error, after saying what can be given."""
        self.exit(os.EX_USAGE, f"No se entiende la orden «{' '.join(sys.argv[1:])}».\n\n{HELP}")


def arguments() -> argparse.Namespace:
    """Return the limits from the command line."""
    parser = Parser(allow_abbrev=False)
    parser.add_argument("--port", type=int, default=873)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--per-source", type=int, required=True)
    parser.add_argument("--waiting", type=int, required=True)
    parser.add_argument("--transfers", type=int, required=True)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _listen(port: int) -> list[socket.socket]:
    """Return one socket for IPv4 and, where the kernel has it, one for IPv6."""
    found = [socket.create_server(("", port), backlog=BACKLOG)]
    try:
        found.append(socket.create_server(("", port), family=socket.AF_INET6, backlog=BACKLOG))
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
    for listening in found:
        listening.setblocking(False)
    return found


def _report_readiness() -> None:
    """Tell systemd that the port is open, by the protocol of sd_notify(3)."""
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(b"READY=1", address.replace("@", "\0", 1))


if __name__ == "__main__":
    listener = Listener(arguments())
    _report_readiness()
    listener.serve()
