"""Asks for pages from here, at each of their addresses (standard library, Python 3.9).

Sent to another place as text: `python3 -c "$(cat reach.py)" '[[NAME, ELECTION, [ADDRESS, ...]], ...]'` prints one line
of JSON, {NAME: {ADDRESS: 0}}: 0 when the page answers, the system's error number when it is not reached, STRANGE when
what answers is no page, OTHER when it is another one, and -STATUS when its estado.json answers with another status
than 200. ASCII only: for anything else testinfra would first ask the place for its encoding.
"""

from __future__ import annotations

import errno
import json
import re
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

PORT, SECONDS = 443, 5
STATUS = "/.well-known/prep/estado.json"
VISITOR = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) prep-difusor\r\nAccept: */*\r\n"  # without them, CDNs answer 403
MOST = 256 * 1024
STRANGE, OTHER = -1, -2


def answer(name: str, election: str, address: str) -> int:
    """Return 0 when the page of an election answers at an address, else why not.

    Its estado.json names the election, also before the opening. The certificate is not judged: that is done where the
    public authorities are known.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = f"GET {STATUS} HTTP/1.1\r\nHost: {name}\r\n{VISITOR}Connection: close\r\n\r\n"
    try:
        with (
            socket.create_connection((address, PORT), SECONDS) as tcp,
            context.wrap_socket(tcp, server_hostname=name) as tls,
        ):
            tls.sendall(request.encode())
            return judged(said(tls), election)
    except ssl.SSLError:
        return STRANGE
    except OSError as error:
        code = error.errno or errno.ETIMEDOUT  # a timeout of Python's own has no number
        return errno.EHOSTUNREACH if code == errno.ENETUNREACH and has_road(address) else code


def has_road(address: str) -> bool:
    """Tell whether this place itself knows a road to an address; nothing is sent.

    A router further away may say as well that the network is not reached, as where an outlet's own line is cut. The
    same as in servers/certificate.py: this file goes alone to another place, where it cannot import that one.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as unsent:
            unsent.connect((address, PORT))
    except OSError:
        return False
    return True


def said(tls: ssl.SSLSocket) -> bytes:
    """Return what a page sends until it ends, as far as it comes within SECONDS and MOST bytes."""
    found, until = b"", time.monotonic() + SECONDS
    while len(found) < MOST and (left := until - time.monotonic()) > 0:
        tls.settimeout(left)
        try:
            piece = tls.recv(MOST)
        except OSError:  # what keeps the connection open, or drops it, has perhaps said everything
            if not found:
                raise
            break
        if not piece:
            break
        found += piece
    return found


def judged(answered: bytes, election: str) -> int:
    """Return 0 for an answer that is the estado.json of an election, else what it is."""
    status = re.match(rb"HTTP/\S+ ([1-5]\d\d)\b", answered)
    if not status:
        return STRANGE
    if status.group(1) != b"200":
        return -int(status.group(1))
    return 0 if re.search(rb'"election":\s*"' + re.escape(election.encode()) + b'"', answered) else OTHER


def main() -> None:
    """Print the answers, asked for all at once."""
    asked = [(name, election, each) for name, election, addresses in json.loads(sys.argv[1]) for each in addresses]
    found: dict[str, dict[str, int]] = {}
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        for name, address, code in pool.map(lambda each: (each[0], each[2], answer(*each)), asked):
            found.setdefault(name, {})[address] = code
    print(json.dumps(found))


if __name__ == "__main__":
    main()
