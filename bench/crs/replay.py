"""Runs on the server for bench/crs: python3 - PORT, tests as JSON {name: request} on standard input.

Listens on PORT in place of the application, sends one test after the other to nginx and prints {name: outcome} as JSON:
`closed` without an answer; an HTTP status; `fast` when at most a plain path reached the application; `dropped` when
nginx removed the header that carried the attack, because of its name; `passed` when the attack reached the application.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import ssl
import sys
import threading
import time

SECONDS = 8  # longer than nginx waits for the rest of a request
OURS = {"host", "connection", "accept-encoding"}
REMOVED = r"[^\s:]*[^A-Za-z0-9:-][^\s:]*|(?i:request-range)"  # unusual names, and what prep-proxy.conf takes away
REACHED: list[tuple[str, set[str]]] = []  # targets, and names of headers


class Application(socketserver.StreamRequestHandler):
    """Answers every request and remembers it."""

    def handle(self) -> None:
        """Serve one kept connection."""
        while line := self.rfile.readline():
            fields = {}
            while (field := self.rfile.readline().strip()) and b":" in field:
                name, _, value = field.decode("latin-1").partition(":")
                fields[name.lower()] = value.strip()
            self.rfile.read(int(fields.get("content-length", 0)))
            REACHED.append((line.decode("latin-1").split(" ")[1], set(fields)))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n")
            if not line.startswith(b"HEAD"):
                self.wfile.write(b"ok\n")


def send(text: str) -> str:
    """Send bytes (as Latin-1) to nginx; return the status of the answer, or `closed` if there was none."""
    received = b""
    try:
        with connect() as connection:
            connection.sendall(text.encode("latin-1"))
            while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
                received += chunk
    except OSError:  # ended by the server, or nothing came
        pass
    status = re.match(rb"HTTP/1\.[01] (\d{3}) ", received)
    return status[1].decode() if status else "closed"


def connect() -> ssl.SSLSocket:
    """Return a new connection to nginx."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", 443), SECONDS), server_hostname="localhost")


def end(text: str) -> str:
    """Send a test, again and again while a limit refuses it, and return its outcome."""
    REACHED.clear()
    while (status := send(text)) == "429":
        time.sleep(0.2)
    odd = {name.lower() for name in re.findall(rf"(?m)^({REMOVED}):", text.partition("\r\n\r\n")[0])}
    for target, fields in REACHED:
        if "?" in target or not fields <= OURS:
            return "dropped" if odd - fields else "passed"
    return "fast" if status == "200" else status


def main() -> None:
    """Stand in for the application and send every test."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Application) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tests = json.load(sys.stdin)
        print(json.dumps({name: end(text) for name, text in tests.items()}))
        server.shutdown()


if __name__ == "__main__":
    main()
