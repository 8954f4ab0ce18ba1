"""What this machine has on record of a difusor: papers, steps, dictamen, and the days on which its mirror answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from corte.format import files, instants
from corte.format.errors import why
from difusor.partners import record, revocation, steps
from difusor.partners.filing import filing, papers
from difusor.partners.record import Record
from difusor.partners.steps import Steps
from difusor.project import DAMAGE, UnusableError, build
from difusor.publish import notes


@dataclass
class Recorded:
    """Of one difusor. `excused` and `lacking` map required papers to sentences; `damage`: what could not be read.

    `day`: the polling day of the election, for which papers have to be; `end`: when results are no longer shown.
    `revoked`: since when it is off the list, and why; empty while it is not.
    `answered`: by environment, when the mirror's log was seen to grow, in UTC.
    """

    day: date | None = None
    end: datetime | None = None
    kept: Record | None = None
    revoked: str = ""
    filed: papers.Papers = field(default_factory=papers.Papers)
    lacking: dict[str, str] = field(default_factory=dict)
    excused: dict[str, str] = field(default_factory=dict)
    done: Steps = field(default_factory=Steps)
    verdict: str = ""
    measured: datetime | None = None
    answered: dict[str, list[datetime]] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)


def read(inventory: Path, election: str, day: date | None, end: datetime | None = None) -> Recorded:
    """Return what is on record of the difusor of an inventory in an election; never fails.

    `day` and `end` are the election's, as Recorded has them.
    """
    found = Recorded(day=day, end=end)
    for part in (_revocation, _papers, _steps, _dictamen, _mirror):
        try:
            part(found, inventory, election)
        except UnusableError as error:
            found.damage.append(str(error))
        except OSError as error:
            found.damage.append(f"no se puede leer {error.filename or inventory.name}: {why(error)}")
    return found


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a record is read into its sentence."""
    try:
        yield
    except DAMAGE:
        raise UnusableError(f"{path} no se entiende; apártelo, o recupérelo de su copia") from None


def _revocation(found: Recorded, inventory: Path, election: str) -> None:
    found.revoked = off.told if (off := revocation.in_force(inventory)) else ""


def _papers(found: Recorded, inventory: Path, election: str) -> None:
    kept = record.read(inventory)
    found.kept = kept.in_election(found.day) if kept else None
    found.filed = papers.read(inventory).in_election(found.day)
    found.lacking = {str(paper): told for paper, told in filing.lacking(inventory, found.day, thorough=False).items()}
    found.excused = {paper: said.reason for paper in found.lacking if (said := found.filed.excuse(paper))}


def _steps(found: Recorded, inventory: Path, election: str) -> None:
    found.done = steps.read(inventory)


def _dictamen(found: Recorded, inventory: Path, election: str) -> None:
    """Take the dictamen in force, which is of all servers of the difusor."""
    path = build() / "dictamen" / f"{inventory.name}.json"
    if content := dictamen(path, election, found.done, found.end):
        found.verdict, found.measured = content["verdict"], instants.parse_offset(content["finished"])


def dictamen(path: Path, election: str, done: Steps, end: datetime | None) -> dict[str, Any] | None:
    """Return the dictamen of a file, if it is of this election; None where there is none. UnusableError for damage.

    None too where a server was given back, or replaced by another, after the measurement: the server in use has to be
    measured. A server that is given back after the `end` of the publication keeps its dictamen.
    """
    if not path.exists():
        return None
    gone = done.forgotten
    with _whole(path):
        content: dict[str, Any] = json.loads(files.small(path))
        measured, of = instants.parse_offset(content["finished"]), content["election"]["id"]
        content["verdict"] = str(content["verdict"])
    is_past = gone is not None and measured <= gone and (end is None or gone < end)
    return content if of == election and not is_past else None


def _mirror(found: Recorded, inventory: Path, election: str) -> None:
    if found.kept is None:
        return
    host = found.kept.server_name or found.kept.form.link.partition("/")[0]
    for path, of, environment in notes.of_mirror(host):
        # An official one is of this opening: what another one saw is no evidence of this night.
        if environment == "official" and (of != election or path.parent.name == notes.EARLIER):
            continue
        try:
            with _whole(path):
                kept = json.loads(json.loads(files.small(path))["kept"])
                seen = [instants.parse_offset(each["answered"]) for each in kept["heads"]]
        except UnusableError as error:  # what the others say still counts
            found.damage.append(str(error))
        else:
            found.answered.setdefault(environment, []).extend(seen)
