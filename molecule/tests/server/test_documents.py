"""Clauses that only papers can prove: what was received, when, who decided, and that no document changed since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from difusor.inventory import Decision, Declared, Notice, Registration, counts, polling_day_of

Attested = Callable[[str], None]
Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
SIGNATURES = {
    b"\x89PNG\r\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"<svg": "image/svg+xml",
    b"<?xml": "image/svg+xml",
}


@pytest.mark.clause("HW-05")
def test_power_and_cooling(attested: Attested) -> None:
    """Un documento firmado acredita la redundancia de alimentación eléctrica y de climatización."""
    attested("HW-05")


@pytest.mark.clause("RED-03")
def test_perimeter_firewall(attested: Attested) -> None:
    """Un documento firmado acredita el cortafuegos perimetral, que está fuera del servidor."""
    attested("RED-03")


@pytest.mark.clause("RED-06")
def test_upstream_ddos_protection(attested: Attested) -> None:
    """Un documento firmado acredita el servicio contra denegación de servicio del proveedor de enlace."""
    attested("RED-06")


@pytest.fixture
def notice(variables: dict[str, Any]) -> Notice:
    """Return the letter by which the partner gave notice that it takes part."""
    given = variables.get("difusor_notice")
    assert given, "no consta el oficio con que dio aviso; agréguelo a difusor_notice"
    found = Notice.model_validate(given)
    _of_this_election("el oficio", found.election_day, variables)
    return found


def _of_this_election(paper: str, received: date | None, variables: dict[str, Any]) -> None:
    """Fail when a paper came for another election: each has to be given anew."""
    day = polling_day_of(variables)
    told = f"{paper} es de otra elección, la del {received}, y esta es la del {day}; inscriba el formato de esta"
    assert counts(received, day), f"{told}: ./difusor enroll FORMATO --folio … --notified … --update"


@pytest.mark.clause("PAR-01")
def test_who_takes_part(notice: Notice, variables: dict[str, Any], expect: Expect, record_evidence: Record) -> None:
    """El difusor es de los que la convocatoria admite: medio de comunicación o institución académica."""
    record_evidence(f"{variables['difusor_name']}: {notice.kind}")
    assert notice.kind in expect("PAR-01")["kinds"], f"no es de quienes pueden participar: {notice.kind}"


@pytest.mark.clause("DG-01")
def test_notice_came_in_time(
    notice: Notice, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """El Instituto recibió por oficio, dentro del plazo, el aviso de que el difusor participa."""
    until = variables.get("election_notice_until")
    if not until:
        pytest.skip("la elección no dice hasta cuándo se podía dar aviso (election_notice_until)")
    late = (notice.received - datetime.fromisoformat(until)).total_seconds()
    record_evidence(f"oficio {notice.folio}, recibido {notice.received.isoformat()}; plazo hasta {until}")
    assert late <= expect("DG-01")["late_seconds"], f"el oficio {notice.folio} llegó {late / 60:.0f} minutos tarde"


@pytest.mark.clause("DG-08")
def test_registration(variables: dict[str, Any], expect: Expect, record_evidence: Record) -> None:
    """El formato de registro (ANEXO 2) está completo, con todos sus datos, y su liga es la dirección de la página."""
    given = variables.get("difusor_registration")
    assert given, "no hay datos del ANEXO 2; agréguelos a difusor_registration"
    registration = Registration.model_validate(given)
    _of_this_election("el ANEXO 2", registration.election_day, variables)
    items, required = registration.items(variables["difusor_name"]), expect("DG-08")
    blank = [name for name, value in items.items() if not value]
    logo = Path(registration.logo)
    record_evidence(
        f"{variables['difusor_name']}: {len(items) - len(blank)} de {required['items']} datos; "
        f"{registration.site}, liga {registration.link}, logotipo {logo.name}"
    )
    assert not blank, f"faltan {len(blank)} de {required['items']} datos: {', '.join(blank)}"
    names = [variables["difusor_fqdn"], *variables.get("difusor_aliases", [])]
    if front := variables.get("difusor_front"):
        names = [front["name"]]
    pages = [f"{name}{variables['difusor_path']}".rstrip("/") for name in names]
    assert registration.link_without_scheme in pages, f"la liga es {registration.link} y la página está en {pages[0]}"
    beginning = logo.read_bytes()[:16]
    kind = next((name for signature, name in SIGNATURES.items() if beginning.startswith(signature)), "desconocido")
    assert kind in required["logo_types"], f"{logo.name} no es una imagen que la lista oficial pueda mostrar"


@pytest.mark.clause("DG-09")
def test_letter(attested: Attested) -> None:
    """La carta compromiso está firmada y registrada."""
    attested("DG-09")


def test_what_only_this_call_wants_on_paper(own_clause: str, attested: Attested) -> None:
    """Un documento firmado acredita lo que esta convocatoria pide y ninguna prueba mide."""
    attested(own_clause)


@pytest.mark.clause("DG-13")
def test_what_is_excepted_was_decided(variables: dict[str, Any], expect: Expect, record_evidence: Record) -> None:
    """Lo que la convocatoria no prevé (exenciones, conservar después del cierre) lo decidió quien ella dice."""
    declared, decider = Declared.of(variables), expect("DG-13")["decided_by"]
    orders: dict[str, Decision | None] = {waiver.clause: waiver for waiver in declared.difusor_waivers}
    if declared.election_retention_order:
        orders["conservar después del cierre"] = declared.election_retention_order
    if not orders:
        pytest.skip("nada se exceptuó")
    for what, order in orders.items():
        assert order, f"{what}: no consta quién lo decidió"
        record_evidence(f"{what}: {order.by}, acuerdo {order.agreement}, {order.date}")
    others = [f"{what} ({order.by})" for what, order in orders.items() if order and decider not in order.by]
    assert not others, f"no lo decidió el {decider}: {', '.join(others)}"
    today = datetime.now(declared.zone).date()
    early = [what for what, order in orders.items() if order and order.date > today]
    assert not early, f"la fecha del acuerdo aún no llega: {', '.join(early)}"
