"""What name servers say of a page's name, asked from real ones on loopback."""

from __future__ import annotations

import time
from contextlib import ExitStack

import dns.asyncresolver
import dns.rcode
import pytest
from look_kit import Table, name_server

from difusor.servers import names
from difusor.servers.names import Answer, Names

NAME = "prep.diario.mx"
GOOD: Table = {
    (NAME, "A"): ["300 192.0.2.7"],
    (NAME, "AAAA"): ["120 2001:db8::7"],
    ("diario.mx", "CAA"): ['3600 0 issue "letsencrypt.org; validationmethods=http-01"', '3600 0 iodef "mailto:a@b.mx"'],
}


def test_three_servers_that_agree_have_nothing_wrong() -> None:
    with ExitStack() as running:
        servers = [running.enter_context(name_server(GOOD)) for _ in range(3)]
        found = names.look(NAME, servers)
    assert found.answers == tuple(Answer(each, ("192.0.2.7", "2001:db8::7"), 120) for each in servers)
    assert (found.addresses, found.ttl) == (("192.0.2.7", "2001:db8::7"), 120)
    assert [*found.faults(), *found.warnings()] == []
    assert found.caa == ("iodef mailto:a@b.mx", "issue letsencrypt.org; validationmethods=http-01")
    assert (found.allows("letsencrypt.org"), found.allows("digicert.com")) == (True, False)


def test_servers_that_differ_are_told_with_what_each_says() -> None:
    other = {**GOOD, (NAME, "A"): ["3600 192.0.2.8"], (NAME, "AAAA"): ["3600 2001:db8::7"]}
    with name_server(GOOD) as one, name_server(other) as two:
        found = names.look(NAME, [one, two])
    assert list(found.faults()) == [
        f"los servidores de nombres no coinciden en las direcciones de {NAME} "
        f"({one}: 192.0.2.7, 2001:db8::7; {two}: 192.0.2.8, 2001:db8::7)"
    ]
    assert list(found.warnings()) == [f"las direcciones de {NAME} pueden recordarse 3600 s (TTL); que no pasen de 300"]


def test_of_a_server_that_gives_any_number_of_addresses_a_few_are_told() -> None:
    """Its sentence, of thousands, took the others off the operator's screen, and went into the log at each change."""
    many = tuple(f"192.0.{number // 200}.{number % 200}" for number in range(2000))
    found = Names(NAME, (Answer("192.0.2.53", many), Answer("192.0.2.54", many[:2])))
    assert found.disagreement.endswith("192.0.0.7 y 1992 más; 192.0.2.54: 192.0.0.0, 192.0.0.1)")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (dns.rcode.NXDOMAIN, f"{NAME} no tiene direcciones en el DNS"),
        (dns.rcode.SERVFAIL, "el servidor de nombres {} no lo pudo resolver (SERVFAIL)"),
        (dns.rcode.REFUSED, "el servidor de nombres {} no quiso responder (REFUSED)"),
        (dns.rcode.NOTIMP, "el servidor de nombres {} responde NOTIMP"),
    ],
)
def test_a_server_that_knows_nothing_says_why(code: int, told: str) -> None:
    with name_server({}, code) as server:
        assert list(names.look(NAME, [server]).faults()) == [told.format(server)]


def test_a_silent_server_does_not_keep_the_others_waiting_and_has_its_limit() -> None:
    started = time.monotonic()
    with name_server(GOOD) as one, name_server(GOOD, silent=True) as two:
        found = names.look(NAME, [one, two], seconds=1)
    assert list(found.faults()) == [f"el servidor de nombres {two} no responde"]
    assert found.addresses == ("192.0.2.7", "2001:db8::7") and time.monotonic() - started < 60


def test_an_alias_is_followed_and_the_least_time_to_live_on_the_way_counts() -> None:
    table: Table = {
        (NAME, "CNAME"): ["60 espejo.nube.mx."], ("espejo.nube.mx", "A"): ["3600 192.0.2.9"],
        ("nube.mx", "CAA"): ['60 0 issue ";"'],
    }  # fmt: skip
    with name_server(table) as server:
        found = names.look(NAME, [server])
    assert (found.addresses, found.ttl, found.caa) == (("192.0.2.9",), 60, ())


def test_without_a_list_the_zone_s_own_servers_are_asked_along_an_alias_into_another_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One server is the machine's resolver, the outlet's, and that of the cloud into which its alias leads."""
    soa = ["300 a.mx. b.mx. 1 1 1 1 1"]
    table: Table = {
        ("diario.mx", "SOA"): soa, ("diario.mx", "NS"): ["300 ns.diario.mx."], ("ns.diario.mx", "A"): ["60 127.0.0.1"],
        ("nube.mx", "SOA"): soa, ("nube.mx", "NS"): ["300 ns.diario.mx."], ("espejo.nube.mx", "A"): ["60 192.0.2.9"],
        (NAME, "CAA"): ['60 0 issue "pki.goog"'],
    }  # fmt: skip
    with name_server(table) as server:
        address, port = names.endpoint(server)
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [address], port
        monkeypatch.setattr(dns.asyncresolver, "Resolver", lambda: resolver)
        monkeypatch.setattr(names, "PORT", port)
        assert list(names.look(NAME).faults()) == [f"{NAME} no tiene direcciones en el DNS"]
        assert list(names.look("prep.nadie.test").faults()) == [
            "el servidor de nombres de esta máquina no dice quién responde por prep.nadie.test"
        ]
        table[NAME, "A"] = ["300 192.0.2.7"]
        found = names.look(NAME)
        assert (found.answers, found.caa) == ((Answer("127.0.0.1", ("192.0.2.7",), 300),), ("issue pki.goog",))
        del table[NAME, "A"]
        table[NAME, "CNAME~"] = ["300 espejo.nube.mx."]
        found = names.look(NAME)
    assert found.answers == (Answer("127.0.0.1", ("192.0.2.9",), 60),)


def test_a_domain_that_lets_nobody_certify_it_allows_nobody() -> None:
    with name_server({**GOOD, (NAME, "CAA"): ['60 0 issue ";"']}) as server:
        found = names.look(NAME, [server])
    assert found.caa == ("issue ;",) and not found.allows("letsencrypt.org")
    assert Names(NAME, ()).allows("letsencrypt.org")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)), ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)), ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)  # fmt: skip
def test_a_name_server_is_an_address_with_or_without_a_port(text: str, found: tuple[str, int]) -> None:
    assert names.endpoint(text) == found


@pytest.mark.parametrize("text", ["", "dns.diario.mx", "192.0.2.53:0", "192.0.2.53:x", "192.0.2.53:99999"])
def test_anything_else_is_no_name_server(text: str) -> None:
    with pytest.raises(ValueError, match="no es la dirección de un servidor de nombres"):
        names.endpoint(text)
