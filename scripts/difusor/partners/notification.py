"""The paper by which a difusor learns that it was taken off the list, made of the record alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corte.format import files
from difusor import spec
from difusor.inventory import Host, Revocation
from difusor.papers import dates
from difusor.papers.document import Head, Issuer, document
from difusor.papers.printing import pdf
from difusor.project import build

BLOCKS = "DG-12"
"""The clause by which the institute may take a difusor off the list."""


def write(host: Host, revocation: Revocation, name: str) -> Path:
    """Write the notification of a revocation for the difusor whose inventory is called `name`; return its path.

    The same record gives the same paper. UnusableError when the system lacks what a PDF takes.
    """
    path = build() / f"revocation/{name}-{revocation.since:%Y%m%dT%H%M%SZ}.pdf"
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
    values: dict[str, Any] = {
        "name": partner.name,
        "legal": partner.registration.legal_contact.name if partner.registration else "",
        "clause": clauses[BLOCKS],
        "infringed": clauses[revocation.provision] if revocation.provision != BLOCKS else None,
        "facts": [
            ("Sitio", f"https://{partner.public_name}{partner.path}"),
            ("Desde", dates.instant(since.isoformat())),
            ("Por qué", revocation.reason),
            ("Lo ordenó", revocation.by),
            *([("Vigencia", "definitiva")] if revocation.final else []),
        ],
        "rotated": revocation.rotated is not None,
        "evidence": [{"name": Path(each.document).name, "sha256": each.sha256} for each in revocation.evidence],
    }
    return document("revocation.html.j2", head, values)
