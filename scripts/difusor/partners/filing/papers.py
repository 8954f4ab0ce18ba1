"""The record of a difusor's file, papeles.json in its inventory, and the scans beside it in papeles/."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corte.format import files, instants
from corte.format.files import locked, read_capped
from corte.format.refusal import Refusal
from difusor.inventory.calendar import counts
from difusor.inventory.values import FILED
from difusor.partners.filing.scan import LARGEST, Kind
from difusor.partners.record import Moment
from difusor.project import UnusableError, denied, refuse_later

FILE, FOLDER = "papeles.json", FILED
Paper = Literal["oficio", "carta", "formato", "dictamen", "constancia"]
"""What may be filed: the oficio, the letter of ANEXO 3, the form of ANEXO 2 signed, the dictamen, a constancia."""
Required = Literal["oficio", "formato", "logotipo", "carta"]
REQUIRED: tuple[Required, ...] = ("oficio", "formato", "logotipo", "carta")
"""What an official difusor has on file before anything is installed."""
ENROLLED = ("formato", "logotipo")
"""Those that `difusor enroll` takes, be they filed or not."""
TITLES = {
    "oficio": "Oficio con que avisó que participa", "formato": "Formato de registro (ANEXO 2)",
    "logotipo": "Logotipo", "carta": "Carta compromiso (ANEXO 3)", "dictamen": "Dictamen firmado",
    "constancia": "Constancia",
}  # fmt: skip


class Entry(BaseModel):
    """One filed scan. `clause`: what a constancia attests, "" for other papers; `late`: it came after its deadline.

    `day`, here and of an excuse: the polling day of the election for which it is, in which alone it counts; None where
    nobody knows it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: Paper
    clause: str = ""
    folio: str
    signed_by: str = ""
    received: Moment
    filed: Moment
    day: date | None = None
    late: bool = False
    kind: Kind
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    @property
    def file(self) -> str:
        """Where the scan is, relative to the inventory."""
        return f"{FOLDER}/{self.paper}-{self.sha256[:12]}.{'jpg' if self.kind == 'jpeg' else self.kind}"

    @property
    def subject(self) -> tuple[str, str]:
        """What a later scan of the same paper replaces."""
        return self.paper, self.clause


class Excuse(BaseModel):
    """A required paper that the institute goes without: why, who said so, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: Required
    reason: Annotated[str, Field(min_length=1)]
    by: str
    at: Moment
    day: date | None = None


class Papers(BaseModel):
    """The whole file in the order in which it grew; nothing is taken out of it. Of a paper the last scan counts.

    `difusor`: whose it is, the name of the inventory; "" until it is written. `enrolled`: when `difusor enroll` last
    took form and logo after one of them had been excused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    difusor: str = ""
    filed: tuple[Entry, ...] = ()
    excused: tuple[Excuse, ...] = ()
    enrolled: Moment | None = None

    def in_election(self, day: date | None) -> Papers:
        """Return what counts of the file in the election of this polling day."""
        filed = tuple(each for each in self.filed if counts(each.day, day))
        return self.model_copy(
            update={"filed": filed, "excused": tuple(each for each in self.excused if counts(each.day, day))}
        )

    def dated(self, day: date | None) -> Papers:
        """Return the file with this polling day on what has none, so that it does not count in each later election."""

        def with_day[T: (Entry, Excuse)](each: T) -> T:
            return each if each.day or day is None else each.model_copy(update={"day": day})

        filed, excused = tuple(map(with_day, self.filed)), tuple(map(with_day, self.excused))
        return self.model_copy(update={"filed": filed, "excused": excused})

    @property
    def standing(self) -> dict[tuple[str, str], Entry]:
        """The entries that count, by paper and clause."""
        return {each.subject: each for each in self.filed}

    def excuse(self, paper: str) -> Excuse | None:
        """Return the last excuse for a paper; None when that was filed or enrolled after it, which ends it."""
        entry, enrolled = self.standing.get((paper, "")), self.enrolled if paper in ENROLLED else None
        came = [each for each in (entry and entry.filed, enrolled) if each]
        found = next((each for each in reversed(self.excused) if each.paper == paper), None)
        return found if found and all(found.at >= each for each in came) else None


def read(inventory: Path) -> Papers:
    """Return the record in an inventory, an empty one when there is none.

    UnusableError when it is damaged, or another difusor's, or a later version's (LaterVersionError).
    """
    path, name = inventory / FILE, inventory.resolve().name
    try:
        found = Papers.model_validate_json(files.small(path))
    except FileNotFoundError:
        if (inventory / FOLDER).is_dir() and any((inventory / FOLDER).glob("[!.]*")):
            raise UnusableError(f"falta {path} y hay documentos en {FOLDER}/; recupérelo de su copia") from None
        return Papers()
    except OSError as error:
        raise UnusableError(f"no se puede leer {path}: {denied(error)}") from None
    except ValidationError as error:
        refuse_later(path, error)
        raise UnusableError(f"{path} no es un registro que se entienda; recupérelo de su copia") from None
    if found.difusor not in ("", name):
        raise UnusableError(f"{path} es el expediente de «{found.difusor}» y no de «{name}»; recupérelo de su copia")
    return found


def fault(inventory: Path, entry: Entry) -> str:
    """Return what is wrong with a filed scan, a sentence without full stop; empty when it is the one that was filed."""
    try:
        content = read_capped(str(inventory / entry.file), LARGEST)
    except Refusal:
        return f"{inventory / entry.file} falta o no se puede leer; recupérelo de su copia"
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        return f"{inventory / entry.file} no es el que se archivó (otro SHA-256); recupérelo de su copia"
    return ""


def keep(inventory: Path, entry: Entry, content: bytes) -> None:
    """Write a scan into the file's folder; only what is recorded afterwards is part of the file."""
    if not (inventory / FILE).exists():  # or else a scan whose recording was interrupted looks like a lost record
        write(inventory, Papers())
    (inventory / FOLDER).mkdir(exist_ok=True)
    files.replace(inventory / entry.file, content, mode=0o600)


def enrolled(inventory: Path, day: date | None) -> None:
    """Note that form and logo were enrolled now, if one of them was excused, for the election of this polling day.

    A damaged record excuses nothing.
    """
    with suppress(UnusableError), locked(inventory):
        kept = read(inventory)
        after = kept.dated(day)
        if any(after.in_election(day).excuse(paper) for paper in ENROLLED):
            after = after.model_copy(update={"enrolled": instants.now()})
        if after != kept:
            write(inventory, after)


def write(inventory: Path, papers: Papers) -> None:
    """Write the record, with whose it is."""
    named = papers.model_copy(update={"difusor": inventory.resolve().name})
    files.replace(inventory / FILE, f"{named.model_dump_json(indent=1)}\n".encode())
