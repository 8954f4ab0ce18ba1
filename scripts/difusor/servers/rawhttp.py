"""Sends HTTP requests byte for byte, malformed ones too, from any host (standard library, Python 3.9).

Sent as text: `python3 -c "$(cat rawhttp.py)" 192.0.2.1 443 example.org 0 TEXTS`, TEXTS a JSON list such as
["GET / HTTP/1.0\\r\\n\\r\\n"], prints for each text {"statuses": [200], "head": "...", "body": "...", "closed": true};
no status when the connection closed without an answer. `send` does this from the controller.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import time

TYPE_CHECKING = False  # not that of `typing`, which would take a fifth of the time to start, as pathlib would
if TYPE_CHECKING:
    from typing import Any

TIMEOUT = 20.0  # seconds without a byte; a server of the project ends an unfinished request after fifteen
SECONDS = 120.0  # for all the answers of a connection, however steadily they come
MOST = 64 * 1024 * 1024  # bytes of a connection that are read
BODY = 4000  # characters of the body that are returned
LAST = "Connection: close\r\n"


def send(
    vantage: Any, variables: dict[str, Any], texts: list[str], port: int = 443, server_name: str = "", ahead: int = 0
) -> list[dict[str, Any]]:
    """Have a testinfra host send each text to the server of `variables`; return the answers as `ask` does.

    When the host is the server itself, it sends over its loopback, where the firewall has no limit. `server_name` is
    the name in the TLS handshake, by default the difusor's. `ahead`: how many more times each text is sent first on its
    connection, all connections at once.
    """
    own = vantage.backend.get_hostname() == variables["inventory_hostname"]
    address = "127.0.0.1" if own else variables["difusor_public_address"]
    name = server_name or variables["difusor_fqdn"]
    with open(__file__, encoding="utf-8") as program:
        source = program.read()
    command = ("python3 -c %s %s %s %s %s %s", source, address, str(port), name, str(ahead), json.dumps(texts))
    answers: list[dict[str, Any]] = json.loads(vantage.check_output(*command))
    return answers


def ask(address: str, port: int, name: str, text: str) -> dict[str, Any]:
    """Send `text` (bytes as Latin-1) on a connection of its own, encrypted unless the port is 80; return the answers.

    The certificate is not verified. `statuses` are those of all answers that came before the connection ended;
    `head` and `body` are the first one's; `closed` tells whether the server ended it.
    """
    try:
        with _connect(address, port, name) as connection:
            connection.sendall(text.encode("latin-1"))
            return _answers(connection)
    except OSError as error:
        return _told(b"", not isinstance(error, socket.timeout))


def flood(address: str, port: int, name: str, ahead: int, texts: list[str]) -> list[dict[str, Any]]:
    """Send each text `ahead` times and once more on a connection of its own; return the answers as `ask` does.

    All connections are made before the first text is sent, and nothing is read before the last one is sent: so the
    flood is as fast as possible, even when server and client share a slow machine.
    """
    conversations = [(_connect(address, port, name), text) for text in texts]
    for connection, text in conversations:
        connection.sendall((text.replace(LAST, "") * ahead + text).encode("latin-1"))
    return [_answers(connection) for connection, _ in conversations]


def _answers(connection: socket.socket) -> dict[str, Any]:
    """Return what is received until the server ends the connection or sends nothing for TIMEOUT.

    A server that does not stop sending is left after SECONDS or MOST bytes.
    """
    received = bytearray()
    deadline = time.monotonic() + SECONDS
    try:
        while chunk := connection.recv(65536):
            received += chunk
            if len(received) > MOST or time.monotonic() > deadline:
                return _told(bytes(received), False)
    except OSError as error:
        return _told(bytes(received), not isinstance(error, socket.timeout))
    return _told(bytes(received), True)


def _told(received: bytes, closed: bool) -> dict[str, Any]:
    head, _, body = received.decode("utf-8", "replace").partition("\r\n\r\n")
    statuses = [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3}) ", received, re.MULTILINE)]
    return {"statuses": statuses, "head": head, "body": body[:BODY], "closed": closed}


def _connect(address: str, port: int, name: str) -> socket.socket:
    plain = socket.create_connection((address, port), timeout=TIMEOUT)
    if port == 80:
        return plain
    # No certificate authorities: nothing is verified here, and loading them takes longer than all the rest.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=name)


if __name__ == "__main__":
    where, port_number, who, pipelined, wanted = sys.argv[1:]
    target = (where, int(port_number), who)
    if int(pipelined):
        print(json.dumps(flood(*target, int(pipelined), json.loads(wanted))))
    else:
        print(json.dumps([ask(*target, each) for each in json.loads(wanted)]))
