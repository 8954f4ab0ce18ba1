"""The desk: from a form that arrived to an answer, and to a difusor when nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

from corte.format import instants
from difusor import spec
from difusor.inventory import Election, linked, load_election, polling_day, uplink
from difusor.partners import asked, enrolment, inventory, login_keys, record, revocation, roster
from difusor.partners import election as elections_file
from difusor.partners.answer import Answer, answer
from difusor.partners.changes import replaced
from difusor.partners.enrolment import Desk
from difusor.partners.facts import FactError, PartnerFacts, ahead, data, fault
from difusor.partners.files import refuse_existing
from difusor.partners.filing import papers
from difusor.partners.form.items import Received, Remark, read, texts
from difusor.partners.form.model import Form
from difusor.partners.form.received import open_form
from difusor.partners.likeness import folded
from difusor.partners.record import Record
from difusor.partners.review import Surroundings, accepted_key, review, undecided
from difusor.project import UnusableError, locked
from difusor.terminal import console, local
from difusor.terminal.arguments import absolute


class Options(TypedDict):
    """What the command line says."""

    election: str | None
    name: str | None
    update: bool
    check: bool
    accept: list[str]
    received: datetime | None
    folio: str
    notified: datetime | None
    logo: Path | None
    ssh_key: str | None
    certificate: Path | None
    certificate_key: Path | None
    server_name: str | None


def enroll(path: Path, **options: Unpack[Options]) -> Answer:
    """Review a form and, unless it is only to be checked, enrol its sender; UnusableError or FactError say why not.

    Whoever enrols in the same home waits: two at once would not see each other's outlet, or lose a correction.
    """
    accepted = _accepted(options["accept"])
    _refuse_unless_data("--folio", options["folio"])
    of_election = elections_file.chosen(options["election"])
    received = open_form(path)
    with _turn(elections_file.file(of_election).parent, options["check"]):
        return _enrolled(path, received, of_election, accepted, options)


@contextmanager
def _turn(folder: Path, check: bool) -> Iterator[None]:
    """Let nobody else enrol in this home meanwhile; whoever only checks changes nothing, and waits for nobody."""
    with ExitStack() as stack:
        try:
            if not check:
                stack.enter_context(locked(folder, wait=False))
        except BlockingIOError:
            console.print("Otra persona inscribe en este momento; se espera a que termine.")
            stack.enter_context(locked(folder))
        yield


def _enrolled(path: Path, received: Received, of_election: str, accepted: dict[str, str], options: Options) -> Answer:
    form, said, findings = read(received)
    known = roster.enrolled(of_election, said["nombre"], said["enlace"])
    name = _name(said, options["name"] or known)
    before = _before(name) if name else None
    if before and not options["name"]:
        _refuse_namesake(said["nombre"], name, before)
    election = load_election(elections_file.file(of_election))
    _refuse_dates(options, election)
    day = polling_day(election)
    now = before.in_election(day) if before else None
    desk = _desk(name, of_election, options, {**_stands(said, now), **accepted}, form, before, day)
    picture, more = enrolment.picture(said["logotipo"], received, path.parent, desk)
    findings += more
    findings += enrolment.certificate(said[enrolment.CERTIFICATE_ITEM], received, desk, before, election)
    call = spec.load(election.spec)
    desk = replace(desk, least_mbps=uplink.least(call))
    if before is None or not before.is_for(desk.day):
        _refuse_over(election, desk)
    reviewed = _reviewed(said, received, desk, now, election, picture)
    findings += [*reviewed, *_somebody_else(said, received, name, before)]
    changes = replaced(form, desk, picture, before, election) if before and form else []
    told = partial(answer, name or path.name, findings, dict(desk.accepted), changes, _signature(election))
    if waiting := undecided(findings, desk.accepted):
        return told("por corregir" if any(each.weight == "error" for each in waiting) else "por confirmar")
    if options["check"]:
        return told("revisado")
    assert form is not None  # what it lacks is an error among the findings
    if changes and not options["update"]:
        return told("por confirmar")
    if before:
        revocation.refuse_revoked(inventory.folder(name), "no se corrige su inscripción")
    desk, note = _with_keys(desk, options["ssh_key"], before)
    entrance = (form.annex.ssh_account, desk.public_keys)
    unkept = uplink.left_out(form.annex.mbps, call)
    if before is None:
        created = (str(enrolment.enrol(form, desk, picture, findings)),)
        return told("creado", created, entrance, (unkept,) if unkept else ())
    written = tuple(enrolment.correct(form, desk, picture, findings, before))
    if written:
        papers.enrolled(inventory.folder(name), desk.day)
    if form.annex.mbps == before.form.annex.mbps:
        unkept = ""  # told when it was enrolled
    return told("corregido" if written else "sin cambios", written, entrance, tuple(filter(None, (note, unkept))))


def _name(said: dict[str, str], given: str | None) -> str:
    """Return the short name under which the difusor is, or will be; empty when the form says none that can be used."""
    name = given or (enrolment.name_for(said["nombre"]) if said["nombre"] else "")
    if name and (problem := fault(PartnerFacts, "id", name)):
        raise FactError({"--name": problem})
    return name


def _refuse_namesake(said: str, name: str, before: Record) -> None:
    """Raise FactError when an outlet of another name got the same short one, which ends after 40 letters."""
    if folded(said) != folded(before.form.name):
        told = (
            f"«{name}» es el nombre corto de «{before.form.name}», que ya está inscrito; si es otro, dele un nombre "
            f"corto propio, y si es el mismo y corrigió el suyo, dé --name {name}"
        )
        raise FactError({"--name": told})


def _refuse_over(election: Election, desk: Desk) -> None:
    """Raise UnusableError when a form came after the election for which nobody enrols any more."""
    if desk.received > election.closes:
        ended = local(election.closes, election.catalog.zone)
        raise UnusableError(
            f"la elección «{election.id}» terminó el {ended} y nada se creó; dé --election con la que sigue, o "
            "--received si el formato llegó antes"
        )


def _stands(said: dict[str, str], before: Record | None) -> dict[str, str]:
    """Return what was accepted before of the items that still say the same."""
    if not before:
        return {}
    then = texts(before.form)
    return {key: why for key, why in before.accepted.items() if said[key] == then[key]}


def _signature(election: Election) -> tuple[str, ...]:
    """Return the lines with which the institute signs a reply."""
    institute = f"{election.institute.name} ({election.institute.acronym})"
    return (institute, election.contact) if election.contact else (institute,)


def _somebody_else(said: dict[str, str], received: Received, name: str, before: Record | None) -> list[Remark]:
    """Return a doubt when the form is hardly a correction of the one that was enrolled under this name."""
    if not before or said["nombre"] == before.form.name or said["sitio"] == before.form.site:
        return []
    told = f"ni el nombre ni el sitio son los de «{before.form.name}», inscrito como {name}; si es otro, dé --name"
    return [received.finding("nombre", told, "revisar")]


def _with_keys(desk: Desk, given: str | None, before: Record | None) -> tuple[Desk, str]:
    """Return the desk with the keys that enter, and what the clerk has to know of them.

    Who creates gives his own. An enrolled difusor has those of its inventory, which the signed notice confirms.
    """
    private, public = login_keys.pair(given) if given or before is None else (desk.ssh_key, "")
    if before is None:
        return replace(desk, public_keys=(public,), ssh_key=asked.unless_own(private)), ""
    keys, problem = login_keys.admitted(inventory.folder(desk.id))
    return replace(desk, public_keys=keys), login_keys.note(desk.id, keys, problem, private)


def _accepted(given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        named, _, reason = text.partition("=")
        key = accepted_key(named.strip())
        if not key or not reason.strip():
            raise FactError({"--accept": f"«{text}» no es DATO=RAZÓN, como T9=exención en trámite"})
        _refuse_unless_data("--accept", reason)
        found[key] = reason.strip()
    return found


def _refuse_unless_data(option: str, value: str) -> None:
    try:
        data(value)
    except ValueError as error:
        raise FactError({option: str(error)}) from None


def _refuse_dates(options: Options, election: Election) -> None:
    said = {"--received": options["received"], "--notified": options["notified"]}
    faults = {option: problem for option, at in said.items() if (problem := ahead(at))}
    if faults := election.catalog.misplaced(said) | faults:
        raise FactError(faults)


def _before(name: str) -> Record | None:
    """Return what was enrolled under this name; UnusableError when the name is of somebody who never sent a form."""
    folder = inventory.folder(name)
    kept = record.read(folder)
    if kept is None:
        refuse_existing(folder, "el difusor")
    return kept


def _refuse_elsewhere(name: str, election: str) -> None:
    """Raise UnusableError when a difusor who is enrolled is in another election, or in nobody knows which."""
    folder = inventory.folder(name)
    if linked.is_of(folder, election):
        return
    if not (other := linked.election_of(folder)):
        raise UnusableError(f"de «{name}» {linked.of_nobody(folder)}")
    raise UnusableError(
        f"«{name}» está inscrito en la elección «{other}» y nada cambió. Si el formato es para ella, dé --election "
        f"{other}; si es otro medio, dele un nombre corto propio con --name; si ahora participa en «{election}», antes "
        f"de repetir {linked.remedy(folder, election)}"
    )


def _desk(
    name: str,
    election: str,
    options: Options,
    accepted: dict[str, str],
    form: Form | None,
    before: Record | None,
    day: date | None,
) -> Desk:
    if before:
        _refuse_elsewhere(name, election)
    now = before if before and before.is_for(day) else None
    came, corrected = _dates(options["received"], form, now)
    given = options["ssh_key"]
    ssh_key = asked.unless_own(absolute(given)) if given else before.ssh_key if before else ""
    server_name = _server_name(options["server_name"], form, before)
    return Desk(
        id=name, election=election, received=came, corrected=corrected, ssh_key=ssh_key, logo=options["logo"],
        day=(now.day if now else None) or day,  # as it was, where the election's day was corrected since
        certificate=options["certificate"], server_name=server_name, accepted=accepted,
        certificate_key=options["certificate_key"], folio=options["folio"], notified=options["notified"],
    )  # fmt: skip


def _server_name(given: str | None, form: Form | None, before: Record | None) -> str:
    """Return the server's own name; empty where that is the name of the link, be it because it is given to say so."""
    if not given:
        return before.server_name if before else ""
    if problem := fault(PartnerFacts, "fqdn", given):
        raise FactError({"--server-name": problem})
    return "" if form and given == form.link.partition("/")[0] else given


def _dates(given: datetime | None, form: Form | None, before: Record | None) -> tuple[datetime, datetime | None]:
    """Return when the first form came, and when the one that corrects it; a form that came before keeps its date.

    `before`: what was enrolled for the same election; for another one each form is the first, be it the same file.
    With `given`, which is said of the form at hand, a mistyped date is corrected.
    """
    if before is None:
        return given or instants.now(), None
    if form != before.form:
        return before.received, given or instants.now()
    if before.corrected is None or (given and given < before.received):
        return given or before.received, before.corrected
    return before.received, given or before.corrected


def _reviewed(
    said: dict[str, str], received: Received, desk: Desk, before: Record | None, election: Election, picture: bytes
) -> list[Remark]:
    others, unread = roster.known(desk.election, desk.id)
    # A correction is no later than the form that it corrects, nor than its oficio.
    notified = desk.notified or (before.notice.received if before and before.notice else None)
    logo = record.digest(picture) if picture else ""
    may_correct = before is None and "nombre" not in desk.accepted
    around = Surroundings(election, others, desk.received, notified, logo, may_correct)
    told = [
        Remark("nombre", "difusores", f"no se comparó con «{each}»: {reason}", "aviso")
        for each, reason in unread.items()
    ]
    return [*review(said, received, around), *told]
