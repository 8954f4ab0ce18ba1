"""HTTP byte for byte, as no honest client would write it, from a vantage point (standard library, Python 3.9).

Sent as text: `python3 -c "$(cat rawhttp.py)" 192.0.2.1 443 example.org 0 TEXTS`, TEXTS a JSON list such as
["GET / HTTP/1.0\\r\\n\\r\\n"], prints for each text {"statuses": [200], "head": "...", "body": "...", "closed": true};
no status when the connection closed without a word. `send` does that from the controller.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

TIMEOUT = 15.0  # seconds without a byte
BODY = 4000  # characters of the body that are told
LAST = "Connection: close\r\n"


def send(
    vantage: Any, variables: dict[str, Any], texts: list[str], port: int = 443, server_name: str = "", ahead: int = 0
) -> list[dict[str, Any]]:
    """Have a testinfra host send each text to the server of `variables`; return the answers as `ask` does.

    The server itself sends over its loopback, where nobody is ever banned. `server_name` is what the TLS handshake
    says, by default the difusor's name. `ahead` is how many times each text goes ahead of itself on its connection.
    """
    own = vantage.backend.get_hostname() == variables["inventory_hostname"]
    address = "127.0.0.1" if own else variables["difusor_public_address"]
    name = server_name or variables["difusor_fqdn"]
    source = Path(__file__).read_text(encoding="utf-8")
    command = ("python3 -c %s %s %s %s %s %s", source, address, str(port), name, str(ahead), json.dumps(texts))
    answers: list[dict[str, Any]] = json.loads(vantage.check_output(*command))
    return answers


def ask(address: str, port: int, name: str, ahead: int, text: str) -> dict[str, Any]:
    """Send `text` (bytes as Latin-1) on a connection of its own, encrypted unless the port is 80; return the answers.

    The certificate is not judged here. `statuses` are those of every answer that came before the connection ended;
    `head` and `body` are the first one's; `closed` tells whether the server ended it.
    """
    received, closed = b"", True
    try:
        with _connect(address, port, name) as connection:
            connection.sendall((text.replace(LAST, "") * ahead + text).encode("latin-1"))
            while chunk := connection.recv(65536):
                received += chunk
    except OSError as error:  # ended by the server, at whatever point, or silence
        closed = not isinstance(error, socket.timeout)
    head, _, body = received.decode("utf-8", "replace").partition("\r\n\r\n")
    statuses = [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3}) ", received, re.MULTILINE)]
    return {"statuses": statuses, "head": head, "body": body[:BODY], "closed": closed}


def _connect(address: str, port: int, name: str) -> socket.socket:
    plain = socket.create_connection((address, port), timeout=TIMEOUT)
    if port == 80:
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=name)


if __name__ == "__main__":
    where, port_number, who, pipelined, wanted = sys.argv[1:]
    print(json.dumps([ask(where, int(port_number), who, int(pipelined), each) for each in json.loads(wanted)]))
