"""What citizens find of a page: its name, who may certify it, its certificate, and from where it is reached."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import role_kit
from countdown_kit import host
from inventory_kit import Certificates
from look_kit import Answers, page

from difusor.countdown import outside, reaching
from difusor.countdown.checks import Check, Moment
from difusor.countdown.outside import Outside
from difusor.countdown.subjects import Subject
from difusor.publish.mirror import PATH
from difusor.servers.certificate import Certificate
from difusor.servers.names import Answer, Names

FOUR, SIX = "192.0.2.7", "2001:db8::7"
CERTIFICATE = Certificate(FOUR, expires=datetime(2024, 8, 1, tzinfo=UTC), issuer="Let's Encrypt")
SHORT = datetime(2024, 6, 23, tzinfo=UTC)
"""Three weeks less a day after the opening."""
FRONT = {"name": "www.diario.mx", "program": "apache", "addresses": ["127.0.0.1"]}
MANY = [f"198.51.100.{number}" for number in range(9)]
NAMES = Names("prep.diario.mx", (Answer("192.0.2.53", (FOUR, SIX), 300),), ("issue letsencrypt.org",))


def judged(names: dict[str, Any], certificate: dict[str, Any], moment: Moment, **variables: Any) -> dict[str, Check]:
    seen = Outside(replace(NAMES, **names), (replace(CERTIFICATE, **certificate),))
    return {each.key: each for each in outside.judge(host(**variables), seen, moment, "diario")}


def answer(*addresses: str, ttl: int = 300) -> dict[str, Any]:
    return {"answers": (Answer("192.0.2.53", addresses, ttl),)}


def test_a_page_that_is_ready_is_green_throughout() -> None:
    for moment in Moment:
        assert [each.state for each in judged({}, {}, moment).values()] == ["good"] * 3


@pytest.mark.parametrize(
    ("names", "certificate", "key", "states", "found", "remedy"),
    [
        (answer(FOUR, ttl=3600), {}, "names", ("bad", "warn"), "TTL de 3,600 s", "que lo baje ya"),
        (answer("198.51.100.9"), {}, "names", ("bad", "bad"), "lleva a 198.51.100.9, y no a su", "corrija el DNS"),
        (answer(), {}, "names", ("bad", "bad"), "no tiene direcciones en el DNS", "administra el DNS"),
        (answer(FOUR, *MANY), {}, "names", ("warn", "warn"), "tiene 10 direcciones, y 2 no", "se miran otras"),
        ({"caa": ()}, {}, "caa", ("warn", "warn"), "cualquier autoridad", '0 issue "letsencrypt.org"'),
        ({"caa": ("issue pki.goog",)}, {}, "caa", ("bad", "warn"), "no admite a letsencrypt.org", "la admita"),
        ({"caa_trouble": "no responde"}, {}, "caa", ("warn", "warn"), "no responde", "administra el DNS"),
        ({}, {"refusal": "su certificado expiró"}, "certificate", ("bad", "bad"), "expiró", "./difusor apply -i"),
        ({}, {"expires": datetime(2024, 6, 9, tzinfo=UTC)}, "certificate", ("bad", "bad"), "vence", "certbot renew"),
        ({}, {"expires": SHORT}, "certificate", ("warn", "warn"), "en menos de 21 días", "certbot renew"),
        ({}, {"expires": None}, "certificate", ("bad", "bad"), "no se pudo ver", "por qué no responde"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_page_is_told_by_how_much_time_is_left(
    names: dict[str, Any], certificate: dict[str, Any], key: str, states: tuple[str, str], found: str, remedy: str
) -> None:
    day, hour = (judged(names, certificate, moment) for moment in Moment)
    assert (day[key].state, hour[key].state) == states
    assert found in day[key].found and remedy in day[key].remedy
    assert [each for each in day if day[each].state != "good"] == [key]


def test_a_certificate_that_the_outlet_delivered_is_given_with_its_form_again() -> None:
    """`apply` alone would install the one that ends too early once more."""
    one, short = host(), replace(CERTIFICATE, expires=datetime(2024, 6, 9, tzinfo=UTC))
    kept = {
        "tls_mode": "files", "tls_certificate": "/casa/inventories/diario/tls/fullchain.pem",
        "tls_key": "/casa/inventories/diario/tls/key.pem", "registration": "sí",
    }  # fmt: skip
    for other, is_given in (({}, True), ({"tls_mode": "acme"}, False), ({"registration": None}, False)):
        changed = replace(one, partner=one.partner.model_copy(update={**kept, **other}))
        found = outside.judge(changed, Outside(NAMES, (short,)), Moment.DAY, "diario")
        (remedy,) = (each.remedy for each in found if each.key == "certificate")
        command = "./difusor enroll FORMATO --name diario --update --certificate ARCHIVO --certificate-key ARCHIVO"
        assert (command in remedy) is is_given and "./difusor apply -i diario" in remedy
        copied = f"--output {kept['tls_key']} ARCHIVO" in remedy  # `new` made it, and no form is given again
        assert copied == (f"el certificado en {kept['tls_certificate']}, y" in remedy) == ("registration" in other)
        renews = "tls_mode" in other  # nobody has the file that would be asked for
        assert ("sudo certbot renew --cert-name prep " in remedy, "pida a su difusor" in remedy) == (renews, not renews)


def test_a_certificate_of_what_is_in_front_of_the_server_is_not_renewed_there() -> None:
    """Nor is it called short: how early a network renews its own is its affair."""
    front = {"name": "www.diario.mx", "program": "apache", "addresses": ["198.51.100.20"]}
    there = {"su CDN": {"difusor_cdn_ranges": ["192.0.2.0/24"]}, front["name"]: {"difusor_front": front}}
    for where, other in there.items():
        other |= {"difusor_path": "/prep/"}
        found = judged({}, {"expires": datetime(2024, 6, 9, tzinfo=UTC)}, Moment.DAY, **other)["certificate"]
        assert (found.state, "certbot" in found.remedy, "apply" in found.remedy) == ("bad", False, False)
        assert f", y que lo ponga en {where}: " in found.remedy
        refusal = replace(CERTIFICATE, refusal="es para otro nombre")
        seen = Outside(NAMES, (CERTIFICATE,), {"viejo.diario.mx": refusal})
        found = {each.key: each for each in outside.judge(host(**other), seen, Moment.DAY, "diario")}["certificate"]
        assert "sudo certbot renew" in found.remedy, "the server's other names are asked of the server itself"
        assert judged({}, {"expires": SHORT}, Moment.DAY, **other)["certificate"].state == "good"


@pytest.mark.parametrize("there", [{"difusor_front": FRONT}, {"difusor_cdn_ranges": ["127.0.0.0/24"]}])
def test_the_servers_own_certificate_has_to_last_behind_what_is_in_front(
    there: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site in front, whose certificate was good for a year, answered 502 once the server's had ended."""
    one, kept = (
        host(difusor_path="/prep/", difusor_public_address="127.0.0.9", **there),
        datetime(2024, 6, 9, tzinfo=UTC),
    )
    ends = {("prep.diario.mx", "127.0.0.9"): kept}

    def look(name: str, address: str, authority: Path | None) -> Certificate:
        own = {"refusal": "no es de una autoridad conocida"} if (name, address) in ends else {}
        return replace(CERTIFICATE, address=address, expires=ends.get((name, address), CERTIFICATE.expires), **own)

    monkeypatch.setattr(outside.certificate, "look", look)
    monkeypatch.setattr(outside, "_wrong", lambda *_: "")
    said = replace(NAMES, answers=(Answer("192.0.2.53", ("127.0.0.1",), 300),))
    monkeypatch.setattr(outside.names, "look", lambda *_: said)
    for state in ("bad", "good"):
        seen = outside.look(Subject("web1", "diario", Path(), one, {}, None, {}), outside.Looks())
        assert seen.addresses == ["127.0.0.1"]
        found = {each.key: each for each in outside.judge(one, seen, Moment.DAY, "diario")}["certificate"]
        assert (found.state, "el de su servidor (127.0.0.9) vence" in found.found) == (state, state == "bad"), found
        assert ("sudo certbot renew" in found.remedy) == (state == "bad")
        ends = dict.fromkeys(ends, datetime(2034, 6, 9, tzinfo=UTC))  # of the network's own authority, for years


def test_what_certbot_and_the_server_call_few_days_and_the_certificate_is_what_the_countdown_does() -> None:
    assert outside.FEW_DAYS.days == role_kit.value("nginx", "nginx_certificate_days", {})
    assert role_kit.value("nginx", "_nginx_lineage", {}) == f"/etc/letsencrypt/live/{outside.LINEAGE}"


def test_the_certificate_has_to_be_for_the_other_names_of_the_server_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the server itself: a name may lead to a network in front of it, which does not keep that certificate."""
    refused = "un navegador no aceptaría la página: su certificado es para otro nombre"
    asked = []

    def look(name: str, address: str, authority: Path | None) -> Certificate:
        asked.append((name, address))
        return replace(CERTIFICATE, address=address, refusal=refused if name == "viejo.diario.mx" else "")

    monkeypatch.setattr(outside.certificate, "look", look)
    monkeypatch.setattr(outside, "_wrong", lambda *_: "")
    monkeypatch.setattr(outside.names, "look", lambda name, servers: NAMES)
    one = host(difusor_aliases=["www.prep.diario.mx", "viejo.diario.mx", "192.0.2.7", "servidor"])
    seen = outside.look(Subject("web1", "diario", Path(), one, {}, None, {}), outside.Looks())
    assert seen.addresses == [FOUR, SIX]
    own = one.partner.public_address
    other = sorted(each for each in asked if each[0] != one.partner.fqdn)
    assert other == [("viejo.diario.mx", own), ("www.prep.diario.mx", own)]
    found = {each.key: each for each in outside.judge(one, seen, Moment.DAY, "diario")}["certificate"]
    assert (found.state, found.found) == ("bad", f"con el nombre viejo.diario.mx, {refused}")
    assert "difusor_aliases" in found.remedy


def status(election: str) -> Answers:
    return lambda path: (200, json.dumps({"election": election}).encode()) if path == PATH else (404, b"")


@pytest.mark.parametrize(
    ("answers", "variables", "found"),
    [
        (status("estatal-2024"), {}, ""),
        (lambda _: (200, b"<h1>Mi sitio</h1>"), {}, "127.0.0.1, donde responde otra página (su respuesta no es JSON)"),
        (status("otra-2021"), {}, "127.0.0.1, donde responde la elección «otra-2021»"),
        (lambda _: (404, b""), {"difusor_public_address": "127.0.0.1"}, "otra página (estado.json responde 404)"),
        (status("estatal-2024"), {"difusor_public_address": "127.0.0.1"}, ""),
        (lambda _: (403, b""), {"difusor_cdn_ranges": ["127.0.0.0/24"]}, "otra página (estado.json responde 403)"),
        (status("estatal-2024"), {"difusor_cdn_ranges": ["127.0.0.0/24"]}, ""),
        (status("estatal-2024"), {"difusor_front": FRONT, "difusor_path": "/prep/"}, ""),
        (lambda _: (404, b""), {"difusor_front": FRONT, "difusor_path": "/prep/"}, "(estado.json responde 404)"),
    ],
)
def test_every_address_of_a_name_has_to_be_of_this_election(
    answers: Answers, variables: dict[str, Any], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old address at the former hosting answered half of the visitors, and the countdown was green."""
    one, certificates = host(**{"difusor_public_address": "127.0.0.9"} | variables), Certificates()
    leaf, key = certificates.page(one.partner.public_name)
    (tmp_path / "ca.pem").write_bytes(certificates.root)
    said = replace(NAMES, answers=(Answer("192.0.2.53", ("127.0.0.1", "127.0.0.9"), 300),))
    monkeypatch.setattr(outside.names, "look", lambda name, servers: said)
    with page({one.partner.public_name: (leaf + certificates.intermediate, key)}, answers, tmp_path) as port:
        monkeypatch.setattr(outside.certificate, "PORT", port)
        seen = outside.look(Subject("web1", "x", Path(), one, {}, None, {}), outside.Looks((), tmp_path / "ca.pem"))
    (name, *_), displaced = outside.judge(one, seen, Moment.DAY, "diario"), outside.displaced(one, seen, "diario")
    check = displaced or name
    assert (check.state, check.found.endswith(found)) == ("bad" if found else "good", True), check
    assert bool(displaced) == (bool(found) and one.is_entrance("127.0.0.1")), "of another's address, the DNS is told"
    words = {"difusor_front": "./difusor front -i", "difusor_cdn_ranges": "la red que tiene delante"}
    assert not displaced or next((words[each] for each in words if each in variables), "preflight") in displaced.remedy


@pytest.mark.parametrize(
    "variables", [{"difusor_front": FRONT, "difusor_path": "/prep/"}, {"difusor_cdn_ranges": ["127.0.0.0/24"]}]
)
def test_what_does_not_reach_the_server_behind_it_is_not_to_be_changed(variables: dict[str, Any]) -> None:
    """The outlet was to mend lines that its site had, while the server's own certificate had expired."""
    why = "responde otra página (estado.json responde 502)"
    seen = Outside(replace(NAMES, answers=()), (), wrong={"127.0.0.1": why})
    displaced = outside.displaced(host(**variables), seen, "diario")
    assert displaced and "no alcanza a su servidor: vea «servicios» y «certificado»" in displaced.remedy


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (503, "lo comprueben con GET https://prep.diario.mx/.well-known/prep/estado.json"),
        (301, "pregunte al servidor por https, en el 443"),
        (302, "sin pruebas para visitantes"),
    ],
)
def test_what_a_balancer_is_to_do_otherwise_is_told_by_what_it_answers(code: int, remedy: str) -> None:
    """Until the opening the page is 503, by which a balancer takes all servers for down; over http nginx says 301."""
    seen = Outside(NAMES, (), wrong={"127.0.0.1": f"responde otra página (estado.json responde {code})"})
    displaced = outside.displaced(host(difusor_cdn_ranges=["127.0.0.0/24"]), seen, "diario")
    assert displaced and remedy in displaced.remedy
    front = outside.displaced(host(difusor_front=FRONT, difusor_path="/prep/"), seen, "diario")
    assert front and remedy not in front.remedy, "the outlet's own site has its lines"


@pytest.mark.parametrize("error", [OSError(24, "too many open files"), RuntimeError("can't start new thread")])
def test_what_this_machine_lacks_is_no_fault_of_the_page(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise error

    monkeypatch.setattr(outside.Mirror, "read", read)
    assert outside._wrong(host(), "127.0.0.1", None) == ""


def test_a_name_may_lead_to_a_network_in_front_of_the_server() -> None:
    """One that is written as the server's own address is green, and all its visitors share one visitor's limits."""
    there = answer("198.51.100.9")
    assert judged(there, {}, Moment.DAY, difusor_cdn_ranges=["198.51.100.0/24"])["names"].state == "good"
    assert "delante, escriba sus redes en difusor_cdn_ranges" in judged(there, {}, Moment.DAY)["names"].remedy


def test_the_name_of_a_site_that_passes_a_folder_leads_to_that_site() -> None:
    front = {"name": "www.diario.mx", "program": "apache", "addresses": ["198.51.100.20"]}
    found = judged(answer("198.51.100.20"), {}, Moment.DAY, difusor_path="/prep/", difusor_front=front)
    assert found["names"].state == "good"
    found = judged(answer(FOUR), {}, Moment.DAY, difusor_path="/prep/", difusor_front=front)
    assert found["names"].found == f"www.diario.mx lleva a {FOUR}, y no a su servidor (198.51.100.20)"
    assert found["names"].remedy == "corrija el DNS, o difusor_front si es la otra la debida"
    front["addresses"] = ["2001:db8::20", "198.51.100.20"]
    found = judged(answer("198.51.100.20"), {}, Moment.DAY, difusor_path="/prep/", difusor_front=front)
    assert found["names"].state == "good"


@pytest.mark.parametrize(
    ("answers", "state", "found"),
    [
        ({"aquí": {FOUR: "", SIX: ""}, "norte": {FOUR: "", SIX: ""}}, "good", "IPv4 e IPv6 desde 2 lugares"),
        ({"aquí": {FOUR: "", SIX: None}, "norte": {FOUR: "", SIX: ""}}, "warn", f"{SIX} solo se comprobó desde norte"),
        ({"aquí": {FOUR: "", SIX: None}}, "warn", f"{FOUR} solo se comprobó desde aquí"),
        ({"aquí": {FOUR: "", SIX: None}, "norte": {FOUR: "", SIX: None}}, "warn", f"{SIX} no se pudo comprobar desde"),
        (
            {"aquí": {FOUR: "", SIX: ""}, "norte": {FOUR: "", SIX: "no responde"}},
            "warn", f"{SIX} responde desde aquí, pero desde norte no responde",
        ),
        (
            {"aquí": {FOUR: "", SIX: None}, "norte": {FOUR: "", SIX: "no responde"}},
            "bad", f"{SIX} desde norte no responde",
        ),
        ({"aquí": {FOUR: "rechaza\x1b", SIX: ""}}, "bad", f"{FOUR} desde aquí rechaza\ufffd"),
    ],
)  # fmt: skip
def test_each_family_is_judged_by_the_places_that_have_it(answers: reaching.Answers, state: str, found: str) -> None:
    check = reaching.judge("prep.diario.mx", [FOUR, SIX], answers)
    assert (check.state, found in check.found) == (state, True), check
    assert bool(check.remedy) == (state != "good")


def test_a_page_without_ipv4_is_red_and_one_without_ipv6_is_not() -> None:
    assert reaching.judge("x", [SIX], {"aquí": {SIX: ""}, "norte": {SIX: ""}}).state == "bad"
    assert reaching.judge("x", [FOUR], {"aquí": {FOUR: ""}, "norte": {FOUR: ""}}).found == "IPv4 desde 2 lugares"


@pytest.mark.parametrize("why", ["responde otra página", "estado.json responde 403"])
def test_an_address_that_answers_is_not_to_be_taken_from_the_dns(why: str) -> None:
    """A CDN that refuses a visitor's program, from all places that have IPv6, had its good AAAA taken away."""
    check = reaching.judge(
        "prep.diario.mx", [FOUR, SIX], {"aquí": {FOUR: "", SIX: None}, "norte": {FOUR: "", SIX: why}}
    )
    assert check.state == "bad" and "DNS" not in check.remedy
    assert "https://prep.diario.mx/.well-known/prep/estado.json" in check.remedy
