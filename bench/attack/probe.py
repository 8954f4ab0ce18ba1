"""Runs on the citizen's host, with ADDRESS NAME SECONDS PATH...; prints a JSON list of [status or 0, seconds]."""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

RATE = 20  # requests a second, each on a new connection, the paths in turn
PATIENCE = 5.0  # seconds


def main() -> None:
    """Send requests at a steady pace, whatever the answers; each wakes it at once, as measure.answer_at_once says."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    address, name, seconds, *paths = sys.argv[1:]
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    begun = time.monotonic()

    def ask(number: int) -> tuple[int, float]:
        due = begun + number / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        path, status = paths[number % len(paths)], 0
        try:
            with (
                socket.create_connection((address, 443), timeout=PATIENCE) as plain,
                context.wrap_socket(plain, server_hostname=name) as connection,
            ):
                connection.sendall(
                    f"GET {path} HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
                )
                received = b""
                while chunk := connection.recv(65536):
                    received += chunk
                status = int(received.split(b" ", 2)[1])
        except (OSError, IndexError, ValueError):
            pass
        return status, time.monotonic() - due

    with ThreadPoolExecutor(64) as pool:
        print(json.dumps(list(pool.map(ask, range(int(float(seconds) * RATE))))))


if __name__ == "__main__":
    main()
