"""Real servers on loopback that tests look at: name servers that say what a table says, and pages with certificates."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

Table = dict[tuple[str, str], list[str]]
"""By name and type, the records in the form of a zone file, a time to live before each: `300 192.0.2.7`.

The type `CNAME~` is an alias that the server leaves to the asker to follow.
"""
Answers = Callable[[str], tuple[int, bytes]]
"""A page's answer to the path of a request: status and content."""


@contextmanager
def name_server(table: Table, code: int = dns.rcode.NOERROR, silent: bool = False) -> Iterator[str]:
    """Run a name server on UDP that says what the table says at that moment; yield its address:port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    wire, asker = door.recvfrom(4096)
                except OSError:
                    return
                if wire == b"end":
                    return
                if not silent:
                    door.sendto(_answer(dns.message.from_wire(wire), table, code).to_wire(), asker)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "{}:{}".format(*door.getsockname())
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", door.getsockname())
            thread.join()


def _answer(question: dns.message.Message, table: Table, code: int) -> dns.message.Message:
    asked = question.question[0]
    answer = dns.message.make_response(question)
    answer.set_rcode(dns.rcode.Rcode(code))
    kind, name = dns.rdatatype.to_text(asked.rdtype), asked.name.to_text().rstrip(".")
    while alias := table.get((name, "CNAME")):
        answer.answer.append(_rrset(name, "CNAME", alias))
        name = alias[0].split()[1].rstrip(".")
    if alias := table.get((name, "CNAME~")):
        answer.answer.append(_rrset(name, "CNAME", alias))
    elif records := table.get((name, kind)):
        answer.answer.append(_rrset(name, kind, records))
    return answer


def _rrset(name: str, kind: str, records: list[str]) -> dns.rrset.RRset:
    ttl = int(records[0].split()[0])
    return dns.rrset.from_text(f"{name}.", ttl, "IN", kind, *(each.partition(" ")[2] for each in records))


@contextmanager
def page(
    chains: Mapping[str, tuple[bytes, bytes]], answers: Answers, folder: Path, address: str = "127.0.0.1",
    port: int = 0, heard: list[HTTPMessage] | None = None,
) -> Iterator[int]:  # fmt: skip
    """Run a page on TLS at an address, by name its certificate chain and key; yield its port.

    The headers of each request are added to `heard`.
    """
    contexts = {name: _context(folder / f"{number}.pem", *pair) for number, (name, pair) in enumerate(chains.items())}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if heard is not None:
                heard.append(self.headers)
            status, content = answers(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Stay silent when a visitor refuses the certificate."""

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = contexts.get(name or "", connection.context)

    first = next(iter(contexts.values()))
    first.sni_callback = choose
    server = Server((address, port), Page)
    server.socket = first.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _context(path: Path, chain: bytes, key: bytes) -> ssl.SSLContext:
    path.write_bytes(chain + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


@contextmanager
def held_and_answering() -> Iterator[tuple[int, int]]:
    """Yield two ports: one that takes connections and never answers, as Docker holds it, and one that answers HTTP."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Stay silent when a visitor leaves before the whole answer has come."""

    with socket.create_server(("127.0.0.1", 0)) as held, Server(("127.0.0.1", 0), BaseHTTPRequestHandler) as answering:
        threading.Thread(target=answering.serve_forever, daemon=True).start()
        try:
            yield held.getsockname()[1], answering.server_port
        finally:
            answering.shutdown()
