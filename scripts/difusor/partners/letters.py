"""The papers that the desk hands out: the letter of ANEXO 3 to sign, the acknowledgement, the trusted addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from corte.format import files
from difusor import spec
from difusor.inventory import Election, variables
from difusor.inventory.calendar import polling_day
from difusor.papers.dates import MONTHS, day
from difusor.papers.document import Head, Issuer, document
from difusor.papers.printing import pdf
from difusor.partners import election as elections
from difusor.partners import record
from difusor.partners.facts import PartnerFacts, fault
from difusor.partners.host_key import fingerprint
from difusor.partners.record import Record
from difusor.project import UnusableError, build, given, locked
from difusor.spec.expected import SSH_PORT, WEB_PORTS
from difusor.spec.papers import filled, load

Kind = Literal["carta", "acuse", "direcciones"]
KINDS: tuple[Kind, ...] = ("carta", "acuse", "direcciones")
UNSIGNED = "carta.pdf"
TEMPLATES = {"carta": "letter", "acuse": "acknowledgement", "direcciones": "addresses"}
READ = frozenset({"difusor_trusted_addresses", "difusor_fqdn", "difusor_tls_mode", "difusor_admin_keys"})
TO_BE_WRITTEN = "______"
"""What a letter has, as the call's own does, where the outlet or the institute writes by hand."""


@dataclass(frozen=True)
class Papers:
    """What was written, and a sentence without full stop on each paper that cannot be made yet."""

    written: tuple[Path, ...]
    waiting: Mapping[str, str]


@dataclass(frozen=True)
class _Case:
    """One difusor, as its papers are written."""

    inventory: Path
    kept: Record
    election: Election
    made: datetime
    state: tuple[tuple[str, str], ...]

    def local(self, instant: datetime) -> datetime:
        """Return an instant in the time of the election's place."""
        return instant.astimezone(ZoneInfo(self.election.timezone))


def folder_of(inventory: Path) -> Path:
    """Return where the papers of a difusor are written."""
    return build() / "papeles" / inventory.resolve().name


def write(
    inventory: Path, kinds: tuple[Kind, ...], made: datetime, state: tuple[tuple[str, str], ...], folder: Path
) -> Papers:
    """Write the papers of these kinds into a folder, over earlier ones; UnusableError when the difusor has no form.

    `state`: pairs of a required document and what the institute has of it, which the acknowledgement tells.
    """
    kept = record.read(inventory)
    if kept is None:
        raise UnusableError(
            f"«{inventory.name}» no tiene formato del ANEXO 2, de donde salen sus datos: no se inscribió con «enroll», "
            "y sus papeles se hacen a mano. Ya firmados, se archivan: "
            f"./difusor file ARCHIVO -i {given(inventory)} --as carta --folio FOLIO"
        )
    election = elections.of(inventory)
    if not kept.is_for(polling_day(election)):
        raise UnusableError(
            f"el formato de «{inventory.name}» es de otra elección, la del {kept.day}; inscriba el de esta: "
            "./difusor enroll FORMATO --update"
        )
    case = _Case(inventory, kept, election, made, state)
    waiting: dict[str, str] = {}
    drawn: dict[str, bytes] = {}
    for kind in kinds:
        try:
            drawn[kind] = pdf(document(f"{TEMPLATES[kind]}.html.j2", _head(case, kind), _values(case, kind)))
        except _NotYet as reason:
            waiting[kind] = str(reason)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):  # or else `seal`, which signs one of before now, would write that over the new one
        for name, content in drawn.items():
            files.replace(folder / f"{name}.pdf", content)
    return Papers(tuple(folder / f"{name}.pdf" for name in drawn), waiting)


class _NotYet(Exception):
    """A paper cannot be made yet; the message says why."""


def _head(case: _Case, kind: Kind) -> Head:
    texts = load(case.election.spec).letter
    titles = {
        "carta": f"{texts.title} ({texts.source.rpartition(', ')[2]})",
        "acuse": "Acuse de recibo del oficio",
        "direcciones": "Aviso de direcciones confiables",
    }
    return Head(titles[kind], case.election.name, Issuer.of(case.election), case.made)


def _values(case: _Case, kind: Kind) -> dict[str, Any]:
    more = {"carta": _letter, "acuse": _acknowledgement, "direcciones": _addresses}[kind](case)
    return {"difusor": case.kept.form.name, "signer": case.kept.form.legal.name, **more}


def _letter(case: _Case) -> dict[str, Any]:
    election, made = case.election, case.local(case.made)
    texts, call, voted = load(election.spec).letter, election.call, polling_day(election)
    blanks = {
        "offices": (call.elected if call else "") or _offices(case.election),
        "day": day(voted) if voted else TO_BE_WRITTEN,
        "institute": case.election.institute.name,
        "month": MONTHS[made.month - 1],
        "year": str(made.year),
    }
    return {
        "letter": texts,
        "dated": filled(texts.dated, blanks),
        "statements": [filled(each, blanks) for each in texts.statements],
        "seat": call.seat if call else "",
        "email": call.email if call else "",
        "clause": spec.load(election.spec)[texts.clause],
    }


def _offices(election: Election) -> str:
    """Return what is elected in one phrase: this, that and another."""
    named = {each.key: each.name for each in election.catalog.offices}
    *first, last = (named[key] for key in election.offices)
    return f"{', '.join(first)} y {last}" if first else last


def _acknowledgement(case: _Case) -> dict[str, Any]:
    notice, limit = case.kept.notice, case.election.notice_until
    if notice is None:
        raise _NotYet("no se ha registrado su oficio: ./difusor enroll FORMATO --folio … --notified … --update")
    return {
        "notice": notice,
        "received": case.local(notice.received),
        "limit": case.local(limit) if limit else None,
        "late": bool(limit and notice.received > limit),
        "file": case.state,
    }


def _read(inventory: Path) -> Mapping[str, Any]:
    """Return the variables of a difusor's server that a paper tells; _NotYet when one of them cannot be used."""
    try:
        said = variables.read(inventory, only=READ)
        for host in said.hosts:
            said.require(host, READ)
    except variables.InventoryError as error:
        raise _NotYet(f"su inventario no se puede leer: {' '.join(str(error).split()).rstrip('.')}") from None
    first = next((each for each in said.hosts.values() if "difusor_fqdn" in each), {})
    found = {name: _bare(value) for name, value in first.items()}
    for field in ("fqdn", "trusted_addresses", "admin_keys"):
        name = f"difusor_{field}"
        if name in found and (problem := fault(PartnerFacts, field, found[name])):
            raise _NotYet(f"{name} de su inventario no sirve: {problem}")
    return found


def _bare(value: Any) -> Any:
    """Return a value as a run takes it, which minds no spaces or line ends around the texts of a list."""
    return [each.strip() if isinstance(each, str) else each for each in value] if isinstance(value, list) else value


def _addresses(case: _Case) -> dict[str, Any]:
    found = _read(case.inventory)
    trusted = list(dict.fromkeys([*case.election.trusted_addresses, *found.get("difusor_trusted_addresses", [])]))
    if not trusted:
        raise _NotYet("aún no hay direcciones confiables; escríbalas en election_trusted_addresses")
    call, annex = spec.load(case.election.spec), case.kept.form.annex
    perimeter = load(case.election.spec).addresses
    ports = _ports(call, perimeter.trusted, (SSH_PORT, call.rsync_port))
    return {
        "technical": case.kept.form.technical.name,
        "trusted": trusted,
        "closed": sorted({*ports, annex.ssh_port}),
        "open": _ports(call, perimeter.anywhere, WEB_PORTS),
        "servers": [str(each) for each in (annex.ipv4, annex.ipv6) if each],
        "fqdn": found.get("difusor_fqdn", ""),
        "acme": found.get("difusor_tls_mode") == "acme",
        "account": annex.ssh_account,
        "keys": [fingerprint(each) for each in found.get("difusor_admin_keys", [])],
        "clause": call[perimeter.trusted] if perimeter.trusted else None,
    }


def _ports(call: spec.Spec, clause: str | None, usual: tuple[int, ...]) -> tuple[int, ...]:
    """Return the ports that a clause of the call says; the usual ones when the texts of the letter name none."""
    return tuple(call[clause].expect["ports"]) if clause else usual
