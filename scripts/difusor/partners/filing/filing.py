"""Files a signed scan, excuses a paper that is missing, and tells which required ones a difusor lacks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from corte.format import files, instants
from difusor import spec
from difusor.inventory import Notice, counts, polling_day
from difusor.partners import election, record
from difusor.partners.facts import FactError, ahead, data
from difusor.partners.filing import attested, papers, scan
from difusor.partners.filing.papers import ENROLLED, REQUIRED, TITLES, Entry, Excuse, Paper, Papers, Required
from difusor.partners.letters import UNSIGNED, folder_of
from difusor.partners.record import LOGO, Record
from difusor.process import account
from difusor.project import UnusableError, home, locked
from difusor.spec import papers as texts
from difusor.terminal import local

TOLD = {"oficio": "el oficio digitalizado", "carta": "la carta compromiso (ANEXO 3), firmada y digitalizada"}
LONGEST = 500
"""Characters of what a clerk writes of a paper, which tables and papers repeat."""


@dataclass(frozen=True)
class Filing:
    """What the clerk says of a scan. `replace`: it may take the place of one that is on file."""

    paper: Paper
    folio: str
    clause: str = ""
    signed_by: str = ""
    received: datetime | None = None
    replace: bool = False


class Filed(BaseModel):
    """The answer to a filing. `replaced`: the scan that no longer counts and is kept, or ""; `notes`: sentences."""

    model_config = ConfigDict(frozen=True)

    difusor: str
    outcome: Literal["archivado", "sustituido", "ya estaba"]
    paper: Paper
    file: str
    sha256: str
    folio: str
    late: bool
    replaced: str = ""
    notes: tuple[str, ...] = ()


def file(inventory: Path, path: Path, filing: Filing) -> Filed:
    """File a scan; UnusableError or FactError say why not, and nothing has changed then.

    What an interrupted filing left undone is completed by the next one.
    """
    _refuse_faulty(inventory, filing)
    found = scan.read(path)
    day = day_of(inventory)
    kept = _enrolled(inventory, day)
    with locked(inventory):
        there = papers.read(inventory)
        whole = there.dated(day)
        before = whole.in_election(day)
        earlier = before.standing.get((filing.paper, filing.clause))
        entry = _entry(inventory, filing, found, kept, earlier)
        same = earlier is not None and _says_the_same(entry, earlier, filing.replace)
        entry = earlier if earlier and same else entry
        _refuse_mistaken(inventory, entry, before, None if same or filing.replace else earlier, kept)
        if not same or papers.fault(inventory, entry):  # the scan itself may have been lost
            papers.keep(inventory, entry, found.content)
        after = whole if same else whole.model_copy(update={"filed": (*whole.filed, entry)})
        if after != there:
            papers.write(inventory, after)
        obstacle = attested.tell(inventory, after)
    notes = [obstacle] if obstacle else []
    return Filed(
        difusor=inventory.name,
        outcome="ya estaba" if same else "sustituido" if earlier else "archivado",
        paper=entry.paper, file=entry.file, sha256=entry.sha256, folio=entry.folio, late=entry.late,
        replaced=earlier.file if earlier and earlier.file != entry.file else "",
        notes=(*notes, *_notes(inventory, entry, kept), *_former(entry, whole)),
    )  # fmt: skip


def _says_the_same(entry: Entry, earlier: Entry, replace: bool) -> bool:
    """Tell whether a scan is on file as it is said to be; with `replace`, also whether it is still late or in time.

    The institute may have moved the deadline since.
    """
    late = entry.late if not replace else earlier.late
    return entry == earlier.model_copy(update={"filed": entry.filed, "late": late, "day": entry.day})


def excuse(inventory: Path, paper: Required, reason: str) -> Excuse:
    """Record that the institute goes without a required paper until one is filed.

    FactError when the reason is none, UnusableError when the paper is there; nothing has changed then.
    """
    if problem := _fault(reason):
        raise FactError({"--reason": problem})
    if len(reason.strip()) < len("acuerdo"):
        raise FactError({"--reason": "diga la razón y quién lo decidió, como «acuerdo IEE/CG/12/2027»"})
    with locked(inventory):
        if paper not in missing(inventory):
            raise UnusableError(f"«{TITLES[paper]}» de {inventory.name} está en el expediente; nada se registró")
        day = day_of(inventory)
        found = Excuse(paper=paper, reason=reason.strip(), by=account(), at=instants.now(), day=day)
        before = papers.read(inventory).dated(day)
        papers.write(inventory, before.model_copy(update={"excused": (*before.excused, found)}))
    return found


def _fault(value: str) -> str:
    """Return what is wrong with what the clerk wrote; empty when nothing is."""
    if len(value) > LONGEST:
        return f"tiene {len(value)} letras; que no pase de {LONGEST}"
    try:
        data(value)
    except ValueError as error:
        return str(error)
    return ""


def day_of(inventory: Path) -> date | None:
    """Return the polling day of a difusor's election, for which its papers count; None when nobody knows it."""
    return polling_day(election.of(inventory))


def _enrolled(inventory: Path, day: date | None) -> Record | None:
    """Return the enrolment of a difusor as it is to be read in the election of this polling day."""
    kept = record.read(inventory)
    return kept.in_election(day) if kept else None


def missing(inventory: Path) -> dict[Required, str]:
    """Return what `lacking` does for the difusor's election."""
    return lacking(inventory, day_of(inventory))


def lacking(inventory: Path, day: date | None, thorough: bool = True) -> dict[Required, str]:
    """Return, by paper, a sentence without full stop on each required one that is not on file, excused or not.

    `day`: the polling day of the election for which they have to be; what was filed for another one is not on file.
    Without `thorough` the scans are not hashed. UnusableError when the record of the file, or of the enrolment, is
    damaged.
    """
    kept, filed = record.read(inventory), papers.read(inventory)
    found: dict[Required, str] = {}
    for paper in REQUIRED:
        former = _former_enrolment(paper, kept, day)
        if told := former or _lack(inventory, paper, kept, filed.in_election(day), thorough):
            found[paper] = f"{told}{'' if former else _former_scan(paper, filed, day)}"
    return found


def _former_enrolment(paper: Required, kept: Record | None, day: date | None) -> str:
    """Return what is missing when form and logo came for another election; else empty."""
    if paper not in ENROLLED or kept is None or kept.is_for(day):
        return ""
    return (
        f"falta el {paper}: el que se inscribió es de otra elección, la del {kept.day}; cuando llegue el de esta: "
        "./difusor enroll FORMATO --update"
    )


def _former_scan(paper: Required, filed: Papers, day: date | None) -> str:
    """Return what follows what is missing when the scan on file is another election's; else empty."""
    entry = filed.standing.get((paper, ""))
    return f" (lo archivado es de otra elección, la del {entry.day})" if entry and not counts(entry.day, day) else ""


def state(inventory: Path) -> tuple[tuple[str, str], ...]:
    """Return the title of each required paper that is asked for after the oficio, and what the institute has of it."""
    day = day_of(inventory)
    absent, filed = lacking(inventory, day), papers.read(inventory).in_election(day)

    def told(paper: Required) -> str:
        if paper not in absent:
            entry = filed.standing.get((paper, ""))
            return f"en el expediente, folio {entry.folio}" if entry else "en el expediente"
        return "exceptuado" if filed.excuse(paper) else "falta"

    return tuple((TITLES[paper], told(paper)) for paper in REQUIRED if paper != "oficio")


def _lack(inventory: Path, paper: Required, kept: Record | None, filed: Papers, thorough: bool) -> str:
    name = inventory.name
    entry = filed.standing.get((paper, ""))
    if paper == "formato" and (kept or entry):
        return "" if kept or entry is None else _unlike(inventory, entry, thorough)
    if paper in ("formato", "logotipo") and kept is None:
        if paper == "formato":
            how = f"./difusor file ARCHIVO -i {name} --as formato --folio FOLIO"
            return f"falta el formato, que se archiva firmado: {how}"
        return f"falta el logotipo, que puede exceptuarse: ./difusor file -i {name} --without logotipo --reason RAZÓN"
    if paper == "logotipo":
        assert kept is not None
        picture = inventory / LOGO
        right = picture.is_file() and hashlib.sha256(files.small(picture)).hexdigest() == kept.written.get(LOGO)
        if right:
            return ""
        lost = "falta:" if not picture.exists() else "no es el logotipo que se inscribió: bórrelo y"
        return f"{picture} {lost} ./difusor enroll FORMATO --update"
    if entry is None:
        return f"falta {TOLD[paper]}: ./difusor file ARCHIVO -i {name} --as {paper} --folio FOLIO"
    return _unlike(inventory, entry, thorough)


def _unlike(inventory: Path, entry: Entry, thorough: bool) -> str:
    """Return what is wrong with a filed scan; without `thorough` only whether it is there."""
    if thorough:
        return papers.fault(inventory, entry)
    return "" if (inventory / entry.file).is_file() else f"{inventory / entry.file} falta; recupérelo de su copia"


def _refuse_faulty(inventory: Path, filing: Filing) -> None:
    """Raise FactError with everything that is wrong with what the clerk said."""
    said = {"--folio": filing.folio, "--signed-by": filing.signed_by}
    faults = {option: problem for option, value in said.items() if (problem := _fault(value))}
    if not filing.folio.strip():
        faults["--folio"] = "falta; escriba el número con que se recibió o se emitió el documento"
    held = election.of(inventory)
    attestable = _attestable(held.spec)
    if (filing.paper == "constancia") is not bool(filing.clause) or (filing.clause and filing.clause not in attestable):
        faults["--clause"] = f"va con --as constancia, y es una de {', '.join(attestable)}"
    faults |= held.catalog.misplaced({"--received": filing.received})
    if problem := ahead(filing.received):
        faults["--received"] = problem
    if faults:
        raise FactError(faults)


def _attestable(call: str) -> list[str]:
    """Return the clauses of a call that a constancia may attest: those that a document can, but the letter's."""
    of_the_letter = texts.load(call).letter.clause
    by_document = [each.id for each in spec.load(call).clauses if each.on_paper or "atestado" in each.waivable]
    return [each for each in by_document if each != of_the_letter]


def _entry(inventory: Path, filing: Filing, found: scan.Scan, kept: Record | None, earlier: Entry | None) -> Entry:
    """Return what is recorded of a scan; what the clerk leaves out stays as it is, if this scan is on file already.

    An oficio came when its enrolment says, however much later it is scanned.
    """
    known = earlier if earlier and earlier.sha256 == found.sha256 else None
    noted = kept.notice if kept and filing.paper == "oficio" else None
    received = filing.received or (noted.received if noted else known.received if known else instants.now())
    held = election.of(inventory)
    limit = held.notice_until if filing.paper == "oficio" else None
    # Who signed for an outlet years ago may have left it.
    usual = kept.form.legal.name if kept and kept.is_for(polling_day(held)) else "Representante legal"
    signed_by = filing.signed_by.strip() or (known.signed_by if known else usual)
    return Entry(
        paper=filing.paper, clause=filing.clause, folio=filing.folio.strip(), signed_by=signed_by, received=received,
        filed=instants.now(), day=polling_day(held) or (known.day if known else None),
        late=bool(limit and received > limit), kind=found.kind, sha256=found.sha256,
    )  # fmt: skip


def _refuse_mistaken(
    inventory: Path, entry: Entry, before: Papers, standing: Entry | None, kept: Record | None
) -> None:
    """Raise UnusableError when a scan is not what the clerk takes it for; `standing`: what it must not replace."""
    for each in before.standing.values():
        if each.sha256 == entry.sha256 and each.subject != entry.subject:
            raise UnusableError(f"ese mismo archivo ya es «{TITLES[each.paper]}» de {inventory.name}; revise cuál es")
    unsigned = folder_of(inventory) / UNSIGNED
    if unsigned.is_file() and hashlib.sha256(files.small(unsigned)).hexdigest() == entry.sha256:
        raise UnusableError("es la carta sin firmar que hizo «difusor letter»; archive la digitalización firmada")
    if entry.paper == "oficio" and kept and kept.notice:
        _refuse_unlike(inventory, entry, kept.notice)
    if standing:
        raise UnusableError(
            f"ya está archivado «{TITLES[entry.paper]}», folio {standing.folio}, de {standing.signed_by}, recibido el "
            f"{_local(inventory, standing.received)} ({standing.file}), y nada cambió; si este lo sustituye, o para "
            "corregir lo que se anotó, repita con --replace: el anterior se conserva y deja de contar"
        )


def _refuse_unlike(inventory: Path, entry: Entry, noted: Notice) -> None:
    """Raise UnusableError when an oficio is not the one that was registered with the enrolment."""
    told = ""
    if noted.folio != entry.folio:
        told = f"tiene el folio {noted.folio} y no {entry.folio}; corrija --folio"
    elif noted.received != entry.received:
        came, said = _local(inventory, noted.received), _local(inventory, entry.received)
        told = f"llegó el {came} y no el {said}; corrija --received"
    if told:
        raise UnusableError(
            f"el oficio que se registró al inscribirlo {told}, o el registro: "
            "./difusor enroll FORMATO --folio … --notified … --update"
        )


def _local(inventory: Path, instant: datetime) -> str:
    return local(instant, election.of(inventory).catalog.zone)


def _former(entry: Entry, filed: Papers) -> Iterator[str]:
    """Yield a note when the very scan was filed for another election: only a constancia may be meant for both."""
    alike = [each for each in filed.filed if each.sha256 == entry.sha256 and not counts(each.day, entry.day)]
    if alike:
        yield f"el mismo archivo se guardó para otra elección, la del {alike[-1].day}; revise que sirva en la de ahora"


def _notes(inventory: Path, entry: Entry, kept: Record | None) -> Iterator[str]:
    if entry.late:
        yield "el oficio llegó después del plazo de la convocatoria; se conserva y queda marcado como tardío"
    if entry.paper == "oficio" and not (kept and kept.notice):
        enroll, by_hand = "./difusor enroll FORMATO --folio … --notified … --update", "con difusor_notice en main.yml"
        yield f"falta registrarlo para el dictamen: {enroll if kept else by_hand}"
    for other in sorted((home() / "inventories").glob("[!.]*/")):
        if other.resolve() == inventory.resolve():
            continue
        try:
            theirs = papers.read(other).filed
        except UnusableError:
            continue
        if any(each.sha256 == entry.sha256 for each in theirs):
            yield f"el mismo archivo está también en el expediente de {other.name}; revise de quién es"
