"""The paper by which a difusor learns that it was taken off the list, made of the record alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from corte.format import files
from difusor import spec
from difusor.inventory import Host, Revocation
from difusor.papers import dates
from difusor.papers.document import Head, Issuer, document
from difusor.papers.printing import pdf
from difusor.partners.revocation import BLOCKS
from difusor.project import build


def write(host: Host, revocation: Revocation, name: str) -> Path:
    """Write the notification of a revocation for the difusor whose inventory is called `name`; return its path.

    The same record gives the same paper. UnusableError when the system lacks what a PDF takes.
    """
    second = "-definitiva" if revocation.made_final else ""  # the first one may be signed and sent by then
    path = build() / f"revocation/{name}-{revocation.since:%Y%m%dT%H%M%SZ}{second}.pdf"
    content = pdf(html(host, revocation))
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, content)
    return path


def html(host: Host, revocation: Revocation) -> str:
    """Return the notification as HTML."""
    partner, election, clauses = host.partner, host.election, spec.load(host.election.spec)
    issuer = Issuer.of(election)
    head = Head("Retiro de la lista de difusores", election.name, issuer, revocation.since)
    since = revocation.since.astimezone(issuer.zone)
    final = revocation.made_final
    provisions = dict.fromkeys([revocation.provision, *([final.provision] if final else [])])
    evidence = [*revocation.evidence, *(final.evidence if final else [])]
    values: dict[str, Any] = {
        "name": partner.name,
        "legal": partner.registration.legal_contact.name if partner.registration else "",
        # A call may lack the clause, and a record that was made when no call could be read may name another.
        "clause": clauses[BLOCKS] if BLOCKS in clauses.ids else None,
        "infringed": [clauses[each] for each in provisions if each != BLOCKS and each in clauses.ids],
        "facts": [
            ("Sitio", f"https://{partner.public_name}{partner.path}"),
            ("Desde", dates.instant(since.isoformat())),
            ("Por qué", revocation.reason),
            ("Lo ordenó", revocation.by),
            *_ends(revocation, issuer.zone),
        ],
        "rotated": revocation.rotated is not None,
        "evidence": [{"name": Path(each.document).name, "sha256": each.sha256} for each in evidence],
    }
    return document("revocation.html.j2", head, values)


def _ends(revocation: Revocation, zone: ZoneInfo) -> list[tuple[str, str]]:
    """Return what is told of a final revocation: also who ordered that and why, if it was not the first order."""
    if not revocation.final:
        return []
    told = [("Vigencia", "definitiva")]
    if final := revocation.made_final:
        told += [
            ("Definitiva desde", dates.instant(final.at.astimezone(zone).isoformat())),
            ("Por qué es definitiva", final.reason),
            ("Ordenó que lo fuera", final.by),
        ]
    return told
