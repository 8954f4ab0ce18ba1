"""Certificates that a citizen's browser would not accept, on a real TLS server: audit says so, publish delivers."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from corte_kit import FILES, write_files
from inventory_kit import Certificates
from publish_kit import make_target

from difusor.inventory import load_election
from difusor.publish import comparison, deliver, signing
from difusor.publish.deliver import Options
from difusor.publish.mirror import PATH, Mirror
from difusor.publish.push import PushFailed
from difusor.publish.signing import SignedCorte

NAME = "prep.norte.test"
Serve = Callable[[bytes, bytes], None]
CASES = {
    "private authority": ("su certificado no es de una autoridad conocida", {"authority": None}),
    "no intermediate": (
        "su certificado no es de una autoridad conocida, o le falta el intermedio",
        {"chain": ""},
    ),
    "another name": ("su certificado es para otro nombre", {"name": "www.otro.test"}),
    "expired": ("su certificado expiró", {"days": -1}),
}


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def signed(tmp_path: Path, election: Path, key: Path) -> SignedCorte:
    write_files(tmp_path / "corte", {**FILES, "datos/corte.json": b'{"secuencia": 7, "corte": "2024-06-03T03:10:00Z"}'})
    return signing.sign(tmp_path / "corte", load_election(election), key)


@pytest.fixture
def serve(tmp_path: Path, signed: SignedCorte, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return a function that starts a server with a certificate and its key; mirrors are then asked at its port."""
    servers: list[ThreadingHTTPServer] = []
    shown = {"shown": {"manifest_sha256": signed.sha256, "corte": "2024-06-03T03:10:00Z"}, "gate": {"state": "open"}}
    numbers = count(1)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = json.dumps({**shown, "last_attempt": {"number": next(numbers)}}).encode()
            self.send_response(200 if self.path == PATH else 404)
            self.send_header("Content-Length", str(len(status)))
            self.end_headers()
            self.wfile.write(status)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    def start(chain: bytes, key: bytes) -> None:
        (tmp_path / "chain.pem").write_bytes(chain + key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "chain.pem")
        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)

        class AtPort(Mirror):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                self.url = f"https://127.0.0.1:{server.server_port}{PATH}"

        for module in (deliver, comparison):
            monkeypatch.setattr(module, "Mirror", AtPort)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("case", CASES)
def test_a_certificate_that_no_browser_accepts(
    serve: Serve, signed: SignedCorte, election: Path, certificates: Certificates, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, case: str,
) -> None:  # fmt: skip
    why, how = CASES[case]
    page, key = certificates.page(how.get("name", NAME), how.get("days", 30))
    serve(page + (b"" if "chain" in how else certificates.intermediate + certificates.root), key)
    (tmp_path / "ca.pem").write_bytes(certificates.root)
    authority = how.get("authority", tmp_path / "ca.pem")
    (tmp_path / "page.pem").write_bytes(page)
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    for certificate in (tmp_path / "page.pem", None):  # known from the inventory, or not (ACME)
        if case == "expired" and certificate:
            continue  # what the inventory knows does not make it valid again
        target = make_target(election, address="127.0.0.1", certificate=certificate)
        found = comparison.compare(target, authority)
        assert (found.result, found.detail) == ("untrusted", f"un navegador no aceptaría la página: {why}")
        outcome = deliver.deliver(signed, target, Options(authority=authority, wait=5))
        assert (outcome.result, outcome.good) == ("shown", True), outcome
        assert outcome.warnings == [f"{found.detail}; el corte se entregó de todos modos"]
    monkeypatch.setattr(deliver, "push", Mock(side_effect=PushFailed("no responde")))
    outcome = deliver.deliver(signed, target, Options(authority=authority, wait=5))
    assert (outcome.result, outcome.warnings) == ("failed", [found.detail])  # nothing was delivered in spite of it


def test_a_certificate_of_a_given_authority_is_accepted(
    serve: Serve, signed: SignedCorte, election: Path, certificates: Certificates, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    page, key = certificates.page(NAME)
    serve(page + certificates.intermediate, key)
    (tmp_path / "ca.pem").write_bytes(certificates.root)
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    target = make_target(election, address="127.0.0.1")
    outcome = deliver.deliver(signed, target, Options(authority=tmp_path / "ca.pem", wait=5))
    assert (outcome.result, outcome.warnings) == ("shown", [])
    assert comparison.compare(target, tmp_path / "ca.pem").result == "empty"


def test_a_stranger_s_certificate_is_no_word_of_the_mirror(
    serve: Serve, signed: SignedCorte, election: Path, certificates: Certificates, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Where the inventory knows the certificate, another one may be of somebody in between: nothing it says counts."""
    serve(*certificates.page(NAME))
    (tmp_path / "page.pem").write_bytes(certificates.page(NAME)[0])
    pushed: list[int] = []
    monkeypatch.setattr(deliver, "push", lambda *_: pushed.append(1) or 10)
    target = make_target(election, address="127.0.0.1", certificate=tmp_path / "page.pem")
    outcome = deliver.deliver(signed, target, Options(wait=0.1))
    assert pushed and outcome.result == "silent"
    assert "un navegador no aceptaría la página" in outcome.warnings[0]
