"""Why a mirror could not be asked over HTTP is told in Spanish."""

from __future__ import annotations

import errno
import ssl
import tempfile
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from serving_kit import serving

from corte.format.refusal import Refusal
from difusor.inventory import load_election
from difusor.publish import mirror, signing
from difusor.publish.signing import SignedCorte
from difusor.publish.trouble import PROXIES, here, trouble, unchecked


def test_what_openssl_says_is_told_in_spanish() -> None:
    with pytest.raises(ssl.SSLError) as caught:
        ssl.create_default_context().load_verify_locations(__file__)
    assert trouble(caught.value).startswith("la conexión cifrada falló (NO_")


@pytest.mark.parametrize(
    ("number", "said"), [(10, "su certificado expiró"), (62, "su certificado es para otro nombre"), (99, "OpenSSL 99")]
)
def test_a_certificate_that_is_not_believed_is_told_in_spanish(number: int, said: str) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = number
    assert said in trouble(error)


def test_what_httpx_and_python_say_of_an_answer_is_told_in_spanish() -> None:
    """An address in Location that is none, and a number of thousands of digits, were told in English."""
    address = b"HTTP/1.1 302 Found\r\nLocation: https://a:b:c\r\nContent-Length: 0\r\n\r\n"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(address)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with serving(Handler) as port, pytest.raises(httpx.HTTPError) as refused:
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
    assert trouble(refused.value) == "su respuesta no es HTTP"
    with pytest.raises(ValueError) as caught:
        mirror.parsed(200, b'{"log": {"entries": 1%s}}' % (b"0" * 5000))
    assert trouble(caught.value) == "su respuesta no es JSON"


@pytest.mark.parametrize("error", [TimeoutError(errno.ETIMEDOUT, ""), httpx.ConnectTimeout("")])
def test_a_mirror_that_is_not_reached_was_asked_without_a_proxy(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a network that lets nobody out without one, each mirror seemed to be down."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    assert trouble(error) == "no responde a tiempo"
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    assert trouble(error) == (
        "no responde a tiempo (se le preguntó sin el proxy de ALL_PROXY, que podría responder por él)"
    )


def test_a_machine_without_a_place_for_temporary_files_says_so(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said that something, it did not say what, does not exist."""

    def none(*_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", none)
    with pytest.raises(Refusal) as caught, here():
        signing.signer(signed, load_election(election))
    assert unchecked(caught.value).startswith(
        "esta máquina no pudo comprobarlo: no hay dónde escribir archivos temporales;"
    )
