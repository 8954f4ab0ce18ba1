"""The papers of who is enrolled: those that go out, those that come back signed, and the dictamen, signed and checked.

Nobody can measure a server here, and the dictamen says so of every clause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from corte.format import instants
from difusor import spec
from difusor.inventory import Declared, variables
from difusor.inventory.revision import revision
from difusor.lab.desk import mail
from difusor.lab.desk.forms import notified
from difusor.lab.desk.office import Office
from difusor.lab.desk.outlets import Outlet
from difusor.lab.desk.step import Step
from difusor.papers import certificates
from difusor.papers.checking import VALID, check
from difusor.partners import letters
from difusor.partners.filing import filing
from difusor.partners.filing.filing import Filing
from difusor.partners.filing.papers import Paper
from difusor.partners.letters import Papers
from difusor.project import build, commit, from_home, from_project, version, write
from difusor.report.issue import issue
from difusor.report.results import Results
from difusor.report.sealing import Sealing, seal
from difusor.servers.identity import MeasuredServer

REASON = "acuerdo de demostración 00/2027"
FOLIO, POST = "DICTAMEN/01", "Dirección de demostración"
NO_SERVER = "en esta demostración no hay servidor que medir"
SIGNED_LETTER = ("diario_inventado", "universidad_imaginaria", "radio_ficticia")
WITHOUT_LETTER = "gaceta_simulada"
"""Whose letter the institute does without. The others have sent none, and are not on the list."""


def written(office: Office, enrolled: Sequence[Outlet]) -> Step:
    """Write what is handed out to the difusores: to each its letter, acknowledgement and trusted addresses."""
    found = []
    for outlet in enrolled:
        inventory = office.folder / "inventories" / outlet.id
        state, folder = filing.state(inventory), letters.folder_of(inventory)
        found.append(letters.write(inventory, letters.KINDS, office.now, state, folder))
    together = Papers(tuple(path for each in found for path in each.written), {})
    waiting = [reason for each in found for reason in each.waiting.values()]
    words = ("letter", *(word for outlet in enrolled for word in ("-i", outlet.id)))
    return Step("Los papeles que se entregan a cada difusor", words, (together,), wrong="; ".join(waiting))


def filed(office: Office, enrolled: Sequence[Outlet]) -> Iterator[Step]:
    """Yield the filing of what came signed: of one difusor nothing, of another all but the letter, and late."""
    for outlet in enrolled:
        if outlet.corrected:
            continue
        yield _file(office, outlet, "oficio", outlet.folio, notified(office, outlet))
        if outlet.id in SIGNED_LETTER:
            yield _file(office, outlet, "carta", f"CARTA/{outlet.number:02}", office.day(-1))
    filing.excuse(office.folder / "inventories" / WITHOUT_LETTER, "carta", REASON)
    words = ("file", "-i", WITHOUT_LETTER, "--without", "carta", "--reason", REASON)
    said = f"{WITHOUT_LETTER}: se sigue adelante sin carta; queda registrado por qué y por quién."
    yield Step(f"El Instituto sigue adelante sin la carta de {WITHOUT_LETTER}", words, told=(said,))


def _file(office: Office, outlet: Outlet, paper: Paper, folio: str, received: datetime) -> Step:
    name, scan = outlet.id, office.mail / f"digitalizados/{outlet.id}-{paper}.png"
    mail.write_scan(
        scan, f"{paper.capitalize()} {folio}", f"De: {outlet.name}", f"Recibido: {received:%d/%m/%Y, %H:%M}"
    )
    words = (
        "file", str(from_project(scan)), "-i", name, "--as", paper, "--folio", folio, "--received",
        received.isoformat(),
    )  # fmt: skip
    done = filing.file(office.folder / "inventories" / name, scan, Filing(paper, folio, received=received))
    return Step(f"Al expediente de {name}: {paper}", words, (done,))


def sealed(office: Office, name: str) -> Iterator[Step]:
    """Yield the dictamen of a difusor: issued, made a PDF that an official signs, verified, and put on file."""
    inventory, measured = office.folder / "inventories" / name, build() / f"dictamen/{name}.results.json"
    write(measured, _not_measured(office, inventory).model_dump_json(indent=2))
    dictamen, (_, page) = issue(Results.model_validate_json(measured.read_bytes()), measured.parent)
    said = (f"{dictamen['verdict']}: {dictamen['unreachable']}.", str(from_project(page)))
    yield Step(f"El dictamen de {name}", ("report", "--results", str(from_project(measured))), told=said)

    signer = office.signer
    credentials = certificates.load(signer.certificate, signer.key, lambda: b"", office.now)
    done = seal(page.with_suffix(".json"), Sealing(FOLIO, office.now, POST), credentials)
    who = ("--certificate", str(from_project(signer.certificate)), "--key", str(from_project(signer.key)))
    yield Step("Lo firma un funcionario", ("seal", name, "--folio", FOLIO, "--post", POST, *who), (done,))

    found = check(done.path.read_bytes(), certificates.authorities(), instants.now())
    wrong = "" if found.status == VALID else "la firma debía valer"
    pdf = str(from_project(done.path))
    yield Step("Se comprueba la firma", ("verify", pdf), (found,), wrong=wrong)

    kept = filing.file(inventory, done.path, Filing("dictamen", FOLIO))
    words = ("file", pdf, "-i", name, "--as", "dictamen", "--folio", FOLIO)
    yield Step(f"Al expediente de {name}: dictamen", words, (kept,))


def _not_measured(office: Office, inventory: Path) -> Results:
    """Return the results of a measurement that found no server."""
    hosts = variables.read(inventory).hosts
    servers = {
        name: MeasuredServer(declared=Declared.of(values), unreachable=NO_SERVER)
        for name, values in hosts.items()
        if "difusor_fqdn" in values
    }
    calls = {name: spec.digest(name) for name in {each.declared.election_spec for each in servers.values()}}
    return Results(
        started=office.now, finished=office.now, inventory=str(from_home(inventory)), revision=revision(inventory),
        calls=calls, commit=commit(), tools={"prep-difusor": version()}, servers=servers, findings=(),
    )  # fmt: skip
