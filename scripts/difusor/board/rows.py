"""The rows of the board: one difusor each, with the state of every step and what has to happen next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from corte.format import files
from corte.format.manifest import Window
from difusor.board import recorded
from difusor.board.calendar import Due, dues, window_of
from difusor.board.recorded import Recorded
from difusor.inventory import Election, InventoryError, linked, load_election, polling_day, shortfall
from difusor.partners import inventory, record, revocation
from difusor.partners.filing.papers import Entry
from difusor.partners.form.model import DELIVERED
from difusor.project import UnusableError, inventories
from difusor.report.verdict import Overall

State = Literal["hecho", "exceptuado", "falta", "vencido", "no cumple"]
SETTLED = ("hecho", "exceptuado")
OUTLET = {
    "oficio": "enviar su oficio", "formato": "enviar el ANEXO 2", "logotipo": "enviar su logotipo en PNG",
    "carta": "firmar y enviar la carta (ANEXO 3)",
}  # fmt: skip
PAPERS = {"oficio": "su oficio", "formato": "su ANEXO 2 firmado", "carta": "su carta (ANEXO 3) firmada"}
INSTITUTE = {
    "preflight": "revisar el servidor: ./difusor preflight -i {}",
    "instalado": "instalar: ./difusor apply -i {}",
    "dictamen": "emitir el dictamen: ./difusor report -i {}",
    "oficial": "publicar el primer corte de la noche",
}
UNTIL_OPENING = "incompleto hasta la apertura"
OVER = "incompleto; la publicación terminó"
REHEARSE = "participar en el simulacro: enlazar su elección, y ./difusor publish CORTE -i {}"


class Step(BaseModel):
    """One cell: its state, when it was settled (ISO, with offset), until when it is due, and a short note."""

    model_config = ConfigDict(frozen=True)

    key: str
    title: str
    state: State
    at: datetime | None = None
    until: datetime | None = None
    note: str = ""


class Row(BaseModel):
    """One difusor. `days`: left until the next step is due, negative when it is over; None without a date.

    `overdue`: that moment is over, be it on this same day. `actor` has to do `action`; `call` is whom to call, with
    telephone. `revoked`: since when it is off the list, and why; nothing is asked of it then. `damage`: records that
    could not be read. `ending`: what of it ends before the page does, and whom to ask for another one. `away`: that its
    inventory links a rehearsal, and what to do.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    steps: tuple[Step, ...]
    action: str = ""
    actor: str = ""
    call: str = ""
    until: datetime | None = None
    days: int | None = None
    overdue: bool = False
    revoked: str = ""
    damage: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    away: str = ""

    @property
    def is_behind(self) -> bool:
        """Whether a step that is asked of it is overdue, or does not comply."""
        return not self.revoked and any(step.state in ("vencido", "no cumple") for step in self.steps)


class Board(BaseModel):
    """The whole board, as `difusor status --json` prints it; rows are in the order of urgency.

    `astray`: the inventories of which nobody can say to which election they belong.
    """

    model_config = ConfigDict(frozen=True)

    election: str
    name: str
    institute: str
    contact: str
    timezone: str
    made: datetime
    dues: tuple[tuple[str, datetime | None], ...]
    rows: tuple[Row, ...]
    astray: tuple[str, ...] = ()


def board(election: Election, folders: Sequence[Path], now: datetime, gone: Mapping[Path, str] | None = None) -> Board:
    """Return the board of the difusores whose inventories these folders are, and of those of `away`, at an instant."""
    calendar, zone = dues(election), ZoneInfo(election.timezone)
    window = window_of(election)
    told = {**dict.fromkeys(folders, ""), **(gone or {})}
    rows = [_row(election, folder, calendar, window, now, why) for folder, why in told.items()]
    late = [row for row in rows if row.action]
    return Board(
        election=election.id, name=election.name, institute=election.institute.name, contact=election.contact,
        timezone=election.timezone, made=now.astimezone(zone),
        dues=tuple((each.title, each.until.astimezone(zone) if each.until else None) for each in calendar),
        rows=(*sorted(late, key=_urgency), *(row for row in rows if not row.action)),
        astray=tuple(folder.name for folder in linked.astray()),
    )  # fmt: skip


def folders_of(election_file: Path) -> list[Path]:
    """Return the inventories that link an election's file, by name."""
    return [folder for folder in inventories() if linked.election_file(folder) == election_file.resolve()]


def away(election_file: Path) -> dict[Path, str]:
    """Return the inventories of those who enrolled in an official election and which link a rehearsal, by name.

    Of each it says so in a sentence, and what to do. A link that was not put back after the rehearsal leaves them out
    of all that is done for the election.
    """
    with suppress(InventoryError, OSError):
        election = load_election(election_file)
        if election.environment == "official":
            others = [each for each in inventories() if linked.election_file(each) != election_file.resolve()]
            found = [folder for folder in others if _rehearses(folder, election)]
            return {folder: linked.of_rehearsal(folder, election_file.stem) for folder in found}
    return {}


def rehearsing(election_file: Path) -> list[Path]:
    """Return those of `away` who are not off the list."""
    return [folder for folder in away(election_file) if not is_off(folder)]


def apart(election_file: Path) -> dict[Path, str]:
    """Return those of `away`, and the inventories of which nobody can say whose they are: of each, what is wrong."""
    return {**{folder: linked.of_nobody(folder) for folder in linked.astray()}, **away(election_file)}


def _rehearses(folder: Path, election: Election) -> bool:
    file = linked.election_file(folder)
    with suppress(UnusableError, OSError):  # one that cannot be read is told elsewhere
        kept = record.read(folder) if file else None
        if file and kept and kept.is_for(polling_day(election)):
            return load_election(file).environment == "simulacro"
    return False


def beside(given: Iterable[Path]) -> list[Path]:
    """Return the home's other inventories that link the election of one of these and are not off the list, by name.

    An inventory that is outside the home, or links no election, has none beside it.
    """
    meant = {place for path in given for place in (path.resolve(), *path.resolve().parents)}
    own = [folder for folder in inventories() if folder.resolve() in meant]
    files = {file for folder in own if (file := linked.election_file(folder))}
    others = [folder for folder in inventories() if folder not in own and linked.election_file(folder) in files]
    return [folder for folder in others if not is_off(folder)]


def is_off(folder: Path) -> bool:
    """Tell whether a difusor is off the list; one whose record cannot be read is not known to be."""
    with suppress(UnusableError, OSError):
        return revocation.in_force(folder) is not None
    return False


def _urgency(row: Row) -> tuple[int, str]:
    return (row.days if row.days is not None else 10_000, row.id)


def _row(election: Election, folder: Path, calendar: Sequence[Due], window: Window, now: datetime, gone: str) -> Row:
    found = recorded.read(folder, election.id, polling_day(election), window.retain_until)
    zone = ZoneInfo(election.timezone)
    steps = tuple(_step(each, found, zone, now, window) for each in calendar)
    waiting = next((each for each in steps if each.state not in SETTLED and not _missed(each)), None)
    named = found.kept.form.name if found.kept else folder.name
    told: dict[str, Any] = {"id": folder.name, "name": named, "steps": steps, "damage": tuple(found.damage)}
    if found.revoked:
        return Row(**told, revoked=found.revoked)
    told |= {"ending": tuple(_ending(found, folder, election, now)), "away": gone}
    if waiting is None:
        return Row(**told)
    actor, action, call = _next(waiting, found, folder.name, election)
    until = waiting.until
    days = (until.date() - now.astimezone(zone).date()).days if until else None
    overdue = bool(until and now > until)
    return Row(**told, action=action, actor=actor, call=call, until=until, days=days, overdue=overdue)


def _ending(found: Recorded, folder: Path, election: Election, now: datetime) -> Iterator[str]:
    """Yield a sentence when the certificate that a difusor delivered ends before its page, which is not over yet."""
    if found.kept is None or found.kept.form.annex.certificate != DELIVERED:
        return
    if now > (election.retain_until or election.closes):
        return
    with suppress(OSError):
        if short := shortfall(files.small(folder / inventory.CERTIFICATE), election):
            technical = found.kept.form.technical
            yield f"su certificado {short}; pida otro que dure más a {technical.name}, {technical.phone}"


def _missed(step: Step) -> bool:
    """Tell whether a step can no longer be made up for: the day of a rehearsal is over."""
    return step.key.startswith("simulacro") and step.state == "vencido"


def _step(due: Due, found: Recorded, zone: ZoneInfo, now: datetime, window: Window) -> Step:
    settled, note = _settled(due, found, zone, now, window)
    due = replace(due, until=due.until.astimezone(zone) if due.until else None)
    if due.key in found.excused:
        return Step(key=due.key, title=due.title, state="exceptuado", until=due.until, note=found.excused[due.key])
    if due.key == "dictamen" and settled and found.verdict == Overall.FAILS:
        return Step(key=due.key, title=due.title, state="no cumple", until=due.until, note=found.verdict)
    if settled:
        return Step(
            key=due.key, title=due.title, state="hecho", at=settled.astimezone(zone), until=due.until, note=note
        )
    state: State = "vencido" if due.until and now > due.until else "falta"
    return Step(key=due.key, title=due.title, state=state, until=due.until, note=note)


def _scan(due: Due, found: Recorded) -> Entry | None:
    """Return the scan on file by which a step is settled; that of a form only where nobody enrolled with one."""
    return None if due.key == "formato" and found.kept else found.filed.standing.get((due.key, ""))


def _settled(due: Due, found: Recorded, zone: ZoneInfo, now: datetime, window: Window) -> tuple[datetime | None, str]:
    """Return when a step was settled, or None, and a note. `window`: when the election's results are shown."""
    match due.key:
        case "oficio" | "carta" | "formato" if (entry := _scan(due, found)) is not None:
            if due.key in found.lacking:
                return None, "el archivo falta"
            # An oficio came when its enrolment says, which may have been corrected since its scan was filed.
            notice = found.kept.notice if found.kept and due.key == "oficio" else None
            if notice:
                return notice.received, "tardío" * bool(due.until and notice.received > due.until)
            return entry.received, "tardío" * entry.late
        case "oficio" if found.kept and found.kept.notice:
            return None, "registrado; falta archivarlo"
        case "formato" | "logotipo" if found.kept and due.key not in found.lacking:
            return found.kept.received, "tardío" * found.kept.is_late
        case "preflight":
            return found.done.when("preflight"), ""
        case "instalado":
            return found.done.when("provisioned"), ""
        case "dictamen":
            return _dictamen(found, now, window)
        case "oficial":
            # Before the opening a mirror answers too, as to `audit` or a push that it refuses: nothing is shown yet.
            return min((each for each in found.answered.get("official", []) if each >= window.opens), default=None), ""
    if due.key.startswith("simulacro") and due.until:
        day = due.until.astimezone(zone).date()
        seen = [each for each in found.answered.get("simulacro", []) if each.astimezone(zone).date() == day]
        return min(seen, default=None), ""
    return None, ""


def _dictamen(found: Recorded, now: datetime, window: Window) -> tuple[datetime | None, str]:
    """Return when the server was judged, or None where that is still to be done, and a note.

    Before the opening no corte is shown, so what is asked of one cannot be measured: that much is all there can be.
    Nor is one shown after the end, when what is missing can no longer be measured.
    """
    if found.verdict == Overall.INCOMPLETE and found.measured:
        if now >= window.retain_until:
            return found.measured, OVER
        if found.measured < window.opens:
            return found.measured, UNTIL_OPENING
    return None if found.verdict in (Overall.UNREACHABLE, Overall.INCOMPLETE) else found.measured, found.verdict


def _next(step: Step, found: Recorded, name: str, election: Election) -> tuple[str, str, str]:
    """Return who must act, what to do, and whom to call."""
    if found.kept is None:
        return "Instituto", _without_form(step, found, name), election.contact
    legal, technical = found.kept.form.legal, found.kept.form.technical
    if step.key in OUTLET:
        call = f"{legal.name}, {legal.phone}, celular {legal.mobile}"
        if step.note.startswith("registrado"):
            return "Instituto", f"archivar el oficio: ./difusor file ARCHIVO -i {name} --as oficio --folio FOLIO", call
        return "Difusor", OUTLET[step.key], call
    actor = "Difusor" if step.state == "no cumple" else "Instituto"
    return actor, _at_server(step, name), f"{technical.name}, {technical.phone}, celular {technical.mobile}"


def _without_form(step: Step, found: Recorded, name: str) -> str:
    """Return what to do for a difusor that `new` made, which nobody can enrol any more."""
    if found.damage:
        return "corregir lo que impide leer sus registros"
    if step.key == "logotipo":
        return f"decidir si se exceptúa el logotipo: ./difusor file -i {name} --without logotipo --reason RAZÓN"
    if step.key in OUTLET:
        return f"archivar {PAPERS[step.key]}: ./difusor file ARCHIVO -i {name} --as {step.key} --folio FOLIO"
    return _at_server(step, name)


def _at_server(step: Step, name: str) -> str:
    if step.state == "no cumple":
        return "corregir lo que dice el dictamen"
    return (REHEARSE if step.key.startswith("simulacro") else INSTITUTE[step.key]).format(name)
