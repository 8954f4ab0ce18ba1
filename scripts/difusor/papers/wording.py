"""What a check of a paper's signatures comes to, in sentences for people and as data for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from corte.format import instants
from difusor.papers.checking import INVALID, UNKNOWN, VALID, Checked, Signature
from difusor.papers.dates import instant

WORDS = {
    VALID: "VÁLIDO: nada cambió desde que se firmó, y se conoce a quien emitió cada certificado",
    UNKNOWN: "SIN CAMBIOS, PERO DE FIRMANTE DESCONOCIDO: nada cambió desde que se firmó; que el nombre sea el de quien "
    "firmó no se puede afirmar",
    INVALID: "NO VÁLIDO",
}
REMEDY = (
    "dé con --ca el certificado de la autoridad (para la e.firma, los del SAT), o guárdelo en authorities.pem de la "
    "carpeta del Instituto"
)
CLAIMED = "según el reloj de quien firmó"


def sentences(checked: Checked, zone: ZoneInfo | None) -> Iterator[str]:
    """Yield the verdict, then a sentence for each signature and each fault; none has a full stop."""
    yield WORDS[checked.status]
    yield from checked.faults
    for each in checked.signatures:
        yield _told(each, zone)
        yield from (f"{each.field}: {fault}" for fault in each.faults)
    if any(not each.known for each in checked.signatures):
        yield REMEDY
    if checked.signatures:
        yield "no se consultó si los certificados fueron revocados"
    for file in checked.attached:
        yield f"lleva dentro {file.name}, {file.size:,} bytes, SHA-256 {file.sha256}"


def _told(each: Signature, zone: ZoneInfo | None) -> str:
    when = instant(each.at.astimezone(zone or UTC).isoformat(timespec="seconds")) if each.at else "sin fecha"
    issuer = "autoridad conocida" if each.known else "autoridad que no está entre las conocidas"
    reason = f" ({each.reason})" if each.reason else ""
    return (
        f"{each.field}{reason}: {each.holder.name}, {when}, {CLAIMED}; certificado {each.holder.number}, emitido por "
        f"{each.holder.issuer}, {issuer}"
    )


def data(checked: Checked) -> dict[str, Any]:
    """Return the same for programs; instants in UTC."""
    return {
        "status": checked.status,
        "sha256": checked.sha256,
        "faults": list(checked.faults),
        "signatures": [
            {
                "field": each.field,
                "reason": each.reason,
                "signed_by": each.holder.name,
                "certificate": each.holder.number,
                "issuer": each.holder.issuer,
                "valid_from": instants.write(each.holder.starts),
                "valid_until": instants.write(each.holder.ends),
                "at": instants.write(each.at) if each.at else None,
                "known": each.known,
                "faults": list(each.faults),
            }
            for each in checked.signatures
        ],
        "attached": [vars(each) for each in checked.attached],
    }
