"""A rsync daemon that attacks the client that pushes to it: it speaks as much of the protocol as that takes."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Attack = Callable[[socket.socket], object]

DATA, INFO, ERROR, NOTHING = 0, 2, 3, 42
"""Kinds of messages in the protocol: bytes of the transfer, words for the user, errors for the user, keep-alive."""


def message(kind: int, content: bytes = b"") -> bytes:
    """Return a message as it comes over the wire: kind and length in four bytes, then its content."""
    return struct.pack("<I", (7 + kind) << 24 | len(content)) + content


@contextmanager
def daemon(attack: Attack, admits: bool = True) -> Iterator[int]:
    """Run a daemon on loopback that attacks every client in the same way; yield its port.

    The attack begins when the daemon has admitted the client and read its options, or, with `admits` false, right after
    its greeting.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=_serve, args=[listener, attack, admits])
        serving.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


def _serve(listener: socket.socket, attack: Attack, admits: bool) -> None:
    with suppress(OSError):  # the listener is closed
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):  # the client has gone
                connection.sendall(b"@RSYNCD: 31.0\n")
                if admits:
                    _admit(connection)
                attack(connection)


def _admit(connection: socket.socket) -> None:
    with connection.makefile("rb", buffering=0) as said:
        said.readline()  # the client's greeting
        said.readline()  # the module
        connection.sendall(b"@RSYNCD: OK\n")
        options = b""
        while not options.endswith(b"\0\0"):
            options += said.read(1)
    connection.sendall(b"\0" + struct.pack("<I", 1))  # no optional features, a seed for checksums


def for_ever(piece: bytes) -> Attack:
    """Return the attack that sends the same bytes until the client has gone."""

    def attack(connection: socket.socket) -> None:
        while True:
            connection.sendall(piece)

    return attack


def sums_of(count: int) -> Attack:
    """Return the attack that asks for the first file, and says that it has so many blocks of it already.

    For each block of six bytes that arrives the client keeps forty; the blocks come as fast as it takes them.
    """
    first_file, wanted = b"\2", struct.pack("<H", 1 << 15)  # before the first file the list has the folder
    head = struct.pack("<4i", count, 700, 2, 0)
    blocks = message(DATA, b"\0" * 6 * 4096)

    def attack(connection: socket.socket) -> None:
        threading.Thread(target=_read_all, args=[connection], daemon=True).start()
        connection.sendall(message(DATA, first_file + wanted + head))
        for_ever(blocks)(connection)

    return attack


def _read_all(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(65536):
            pass
