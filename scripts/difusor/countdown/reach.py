"""Asks for pages from here, at each of their addresses (standard library, Python 3.9).

Sent to another place as text: `python3 -c "$(cat reach.py)" '[[NAME, PATH, [ADDRESS, ...]], ...]'` prints one line of
JSON, {NAME: {ADDRESS: 0}}: 0 when the page answers, the system's error number when it is not reached, STRANGE when
what answers is no page. ASCII only: for anything else testinfra would first ask the place for its encoding.
"""

from __future__ import annotations

import errno
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

PORT, SECONDS = 443, 5
STRANGE = -1


def answer(name: str, path: str, address: str) -> int:
    """Return 0 when the page answers at an address, else why not.

    Whatever it answers is an answer: before the opening a page says that it waits. The certificate is not judged: that
    is done where the public authorities are known.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = f"HEAD {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    try:
        with (
            socket.create_connection((address, PORT), SECONDS) as tcp,
            context.wrap_socket(tcp, server_hostname=name) as tls,
        ):
            tls.sendall(request.encode())
            said = tls.recv(12)
    except ssl.SSLError:
        return STRANGE
    except OSError as error:
        return error.errno or errno.ETIMEDOUT  # a timeout of Python's own has no number
    return 0 if said.startswith(b"HTTP/") else STRANGE


def main() -> None:
    """Print the answers, asked for all at once."""
    asked = [(name, path, address) for name, path, addresses in json.loads(sys.argv[1]) for address in addresses]
    found: dict[str, dict[str, int]] = {}
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        for name, address, said in pool.map(lambda each: (each[0], each[2], answer(*each)), asked):
            found.setdefault(name, {})[address] = said
    print(json.dumps(found))


if __name__ == "__main__":
    main()
