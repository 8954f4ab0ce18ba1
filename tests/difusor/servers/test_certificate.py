"""Certificates of real TLS servers, as a browser judges them."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from inventory_kit import Certificates
from look_kit import page

from difusor.servers import certificate, families

NAME = "prep.norte.test"


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, ""),
        ({"chain": b""}, "su certificado no es de una autoridad conocida, o le falta el intermedio"),
        ({"name": "www.otro.test"}, "su certificado es para otro nombre"),
        ({"days": -1}, "su certificado expiró"),
    ],
)
def test_a_certificate_is_judged_and_its_end_is_told_even_when_it_is_refused(
    how: dict[str, Any], told: str, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.root)
    leaf, key = certificates.page(how.get("name", NAME), how.get("days", 30))
    chain = leaf + how.get("chain", certificates.intermediate)
    with page({NAME: (chain, key)}, lambda _: (200, b""), tmp_path) as port:
        monkeypatch.setattr(certificate, "PORT", port)
        found = certificate.look(NAME, "127.0.0.1", tmp_path / "ca.pem")
    assert found.refusal == (f"un navegador no aceptaría la página: {told}" if told else "")
    expires = datetime.now(UTC) + timedelta(days=how.get("days", 30))
    assert found.expires is not None and abs(found.expires - expires) < timedelta(minutes=1) and not found.trouble


def test_a_certificate_may_say_a_year_that_no_calendar_has(certificates: Certificates) -> None:
    """Anybody can make one; whoever looked at it, and at all others, would stumble."""
    leaf, _ = certificates.page(NAME, 365 * 40)
    der = ssl.PEM_cert_to_DER_cert(leaf.decode())
    (year,) = re.findall(rb"20[6-9]\d(?=\d{10}Z)", der)
    found = certificate._described("192.0.2.7", der.replace(year, b"0000"), "no")
    assert (found.refusal, found.expires) == ("no", None)


def test_a_server_that_is_not_there_is_told_apart_from_a_road_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "PORT", 9)
    found = certificate.look(NAME, "127.0.0.1", seconds=1)
    assert found.trouble and not found.away and not found.refusal

    def no_road(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENETUNREACH, "")

    monkeypatch.setattr(socket, "create_connection", no_road)
    with monkeypatch.context() as without:
        without.setattr(certificate, "_has_road", lambda _: False)
        found = certificate.look(NAME, "2001:db8::7")
    assert found.trouble and found.away
    monkeypatch.setattr(certificate, "PORT", 9)
    found = certificate.look(NAME, "127.0.0.1")
    assert found.trouble and not found.away, "this machine has a road, and a router further away says that it ends"


def test_how_caa_records_call_an_issuer() -> None:
    assert certificate.Certificate("x", issuer="Let's Encrypt").authority == "letsencrypt.org"
    assert certificate.Certificate("x", issuer="Autoridad de prueba").authority == ""
    assert families.by_family(["192.0.2.1", "2001:db8::1", "192.0.2.2"]) == {
        "IPv4": ("192.0.2.1", "192.0.2.2"), "IPv6": ("2001:db8::1",),
    }  # fmt: skip


def test_no_address_of_many_is_left_out_every_time() -> None:
    """By their order, whatever stood behind the first ones was never looked at."""
    many = [f"192.0.2.{number}" for number in range(9)]
    drawn = [families.by_family(many, 4)["IPv4"] for _ in range(200)]
    assert {each for those in drawn for each in those} == {*many}
    assert all(len({*those}) == 4 and list(those) == sorted(those) for those in drawn)
