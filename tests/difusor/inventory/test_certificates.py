"""A key and a certificate in every form in which people hand them on: what nginx can read passes, the rest is told."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader
from role_kit import render
from variables_kit import Variables, write_certificate

from difusor import inventory
from difusor.inventory.certificates import whole

BOM = b"\xef\xbb\xbf"
NAMED = "Bag Attributes\n    friendlyName: Diario de Yucatán\n".encode("latin-1")
"""What `openssl pkcs12` writes before what it takes out of a .pfx: the names in it are in Latin-1."""


def lines(pem: bytes, before: bytes = b"", behind: bytes = b"\n") -> bytes:
    return b"".join(before + line + behind for line in pem.splitlines())


def on_a_small_curve(_pem: bytes) -> bytes:
    command = ["openssl", "ecparam", "-name", "brainpoolP160r1", "-genkey", "-noout"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def of_a_small_curve(_pem: bytes) -> bytes:
    alias = ["-addext", "subjectAltName=DNS:prep.diario.mx"]
    command = ["openssl", "req", "-x509", "-new", "-key", "/dev/stdin", "-days", "30", "-subj", "/CN=x", *alias]
    return subprocess.run(command, input=on_a_small_curve(_pem), capture_output=True, check=True).stdout


KEYS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "indented": (lambda pem: lines(pem, b"    "), "nginx no podría leer"),
    "in one line": (lambda pem: lines(pem, behind=b" "), "nginx no podría leer"),
    "joined": (lambda pem: lines(pem, behind=b""), "nginx no podría leer"),
    "with CR alone": (lambda pem: lines(pem, behind=b"\r"), "nginx no podría leer"),
    "behind a NUL": (lambda pem: b"\0" + pem, "nginx no podría leer"),
    "in UTF-16": (lambda pem: pem.decode().encode("utf-16"), "está en UTF-16"),
    "on a small curve": (on_a_small_curve, "los navegadores no aceptan"),
    "of Windows": (lambda pem: lines(pem, behind=b"\r\n"), ""),
    "with a mark": (lambda pem: BOM + pem, ""),
    "behind a text": (lambda pem: b"Bag Attributes\n    localKeyID: 01\n" + pem, ""),
    "behind a text that is not UTF-8": (lambda pem: NAMED + pem, ""),
    "without its last end of line": (bytes.rstrip, ""),
}
CERTIFICATES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "indented": (lambda pem: lines(pem, b"    "), "no está entero; cópielo otra vez"),
    "with CR alone": (lambda pem: lines(pem, behind=b"\r"), "no está entero; cópielo otra vez"),
    "in UTF-16": (lambda pem: pem.decode().encode("utf-16"), "está en UTF-16"),
    "of Windows": (lambda pem: lines(pem, behind=b"\r\n"), ""),
    "with a mark": (lambda pem: BOM + pem, ""),
    "of a small curve": (of_a_small_curve, "no es la llave del certificado"),
    "behind a text that is not UTF-8": (lambda pem: NAMED + pem, ""),
    "of two files with marks": (lambda pem: BOM + pem + BOM + pem, ""),
}


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        *(pytest.param("difusor_tls_key", *each, id=f"key {form}") for form, each in KEYS.items()),
        *(
            pytest.param("difusor_tls_certificate", *each, id=f"certificate {form}")
            for form, each in CERTIFICATES.items()
        ),
    ],
)
def test_the_form_of_a_file_is_refused_where_nginx_would_not_start(
    good: Variables, name: str, change: Callable[[bytes], bytes], said: str
) -> None:
    """The library reads more than OpenSSL does, and the run ended at `nginx -t`, on the server."""
    file = Path(good[name])
    file.write_bytes(change(file.read_bytes()))
    problems = [each for each in inventory.problems(good) if str(file) in each]
    if said:
        assert said in problems[0]
        return
    assert problems == []
    made = file.with_name("made.pem")
    made.write_bytes(installed(good).encode(errors="surrogateescape"))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made)


@pytest.fixture(scope="module", autouse=True)
def _lookups() -> None:
    init_plugin_loader()


def installed(good: Variables) -> str:
    """Return the file that the role makes of both."""
    inputs = {f"nginx_tls_{what}": good[f"difusor_tls_{what}"] for what in ("key", "certificate")}
    return render("nginx", "etc/ssl/private/prep-files.pem", {"nginx_tls_mode": "files", **inputs})


def test_the_file_of_both_is_as_they_are(good: Variables) -> None:
    """A change in it starts nginx anew."""
    both = [Path(good[f"difusor_tls_{what}"]).read_text().strip() for what in ("key", "certificate")]
    assert installed(good) == "\n".join([*both, ""])


def test_a_mark_is_no_fault_of_a_certificate(tmp_path: Path) -> None:
    page = Path(write_certificate(tmp_path, "page")[0]).read_bytes()
    assert whole(BOM + page) == whole(page)
