"""Clauses that only documents can prove: each is registered, and its SHA-256 is still the registered one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from difusor.inventory import Registration

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


@pytest.mark.clause("DG-08")
def test_registration(variables: dict[str, Any], expect: Expect, record_evidence: Record) -> None:
    """El ANEXO 2 está completo: sitio, liga, responsables técnico y legal, y logotipo para la lista oficial."""
    given = variables.get("difusor_registration")
    assert given, "no hay datos del ANEXO 2; agréguelos a difusor_registration"
    registration = Registration.model_validate(given)
    logo = Path(registration.logo)
    record_evidence(f"{variables['difusor_name']}: {registration.site}, liga {registration.link}, logotipo {logo.name}")
    beginning = logo.read_bytes()[:16]
    kind = next((name for signature, name in SIGNATURES.items() if beginning.startswith(signature)), "desconocido")
    assert kind in expect("DG-08")["logo_types"], f"{logo.name} no es una imagen que la lista oficial pueda mostrar"


@pytest.mark.clause("DG-09")
def test_letter(attested: Attested) -> None:
    """La carta compromiso del ANEXO 3 está firmada y registrada."""
    attested("DG-09")
