"""Makes the list from what is on record now; nothing is asked of any server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from corte.format import instants
from corte.format.errors import why
from difusor.board import rows
from difusor.inventory import Election, load_election, polling_day
from difusor.listing import entries, folder, state
from difusor.listing.entries import Entries, Listed
from difusor.listing.folder import VALID
from difusor.listing.state import Failing
from difusor.partners import election as elections_file
from difusor.project import UnusableError

if TYPE_CHECKING:
    from difusor.listing.looks import Look
    from difusor.listing.watch import Event


@dataclass(frozen=True)
class Making:
    """What the operator wants: of which election, into which folder, signed by whom; and how to look at pages.

    `valid`: how long the list is to be believed; `asks`: whether somebody may be asked for the key's passphrase.
    """

    election: str | None
    folder: Path | None
    key: Path | None
    servers: Sequence[str] = ()
    authority: Path | None = None
    now: Callable[[], datetime] = instants.now
    valid: timedelta = VALID
    asks: bool = True


@dataclass(frozen=True)
class Made:
    """What came of it. `out`: by id, whom the watch left out; `looks`: what it found.

    `until`: until when the list is valid that was written; None when none was. `is_blind` and `held` as in watch.Round.
    """

    election: str
    zone: ZoneInfo
    entries: Entries
    shown: tuple[Listed, ...]
    out: dict[str, Failing]
    looks: dict[str, Look]
    events: tuple[Event, ...]
    at: datetime
    seconds: float = 0.0
    is_blind: bool = False
    until: datetime | None = None
    held: tuple[str, ...] = ()

    @property
    def written(self) -> bool:
        """Whether the folder has a new list."""
        return self.until is not None


def make(wanted: Making) -> Made:
    """Make the list of now without looking at any page; whom the watch left out stays out.

    UnusableError says why it cannot be written; what was there is there then.
    """
    if wanted.folder is None:
        return _made(wanted)
    with state.turn(load_election(_file(wanted))):
        return _made(wanted)


def _made(wanted: Making) -> Made:
    election, found = read(wanted)
    before = state.read(election)
    shown = tuple(each for each in found.listed if each.id not in before.out)
    now = wanted.now()
    until = write(wanted, election, shown, now) if wanted.folder else None
    return Made(election.id, election.catalog.zone, found, shown, before.out, {}, (), now, until=until)


def read(wanted: Making) -> tuple[Election, Entries]:
    """Return the election as its file says it now, and who is on its list; UnusableError says why not."""
    path = _file(wanted)
    election = load_election(path)
    return election, entries.entries(rows.folders_of(path), polling_day(election), rows.apart(path))


def _file(wanted: Making) -> Path:
    return elections_file.file(elections_file.chosen(wanted.election))


def write(wanted: Making, election: Election, shown: Sequence[Listed], now: datetime) -> datetime:
    """Write the list, say so in the log, and return until when it is valid.

    UnusableError says why not, and what was there is there then.
    """
    assert wanted.folder is not None
    if wanted.key is None:
        raise UnusableError("la lista va firmada; dé la llave de un firmante de la elección con --key")

    def announce(until: datetime) -> None:
        state.log(
            election, now, que="lista escrita", carpeta=str(wanted.folder), caduca=instants.write(until),
            difusores=[each.id for each in shown],
        )  # fmt: skip

    try:
        return folder.write(wanted.folder, election, shown, wanted.key, now, wanted.valid, announce, wanted.asks)
    except OSError as error:
        raise UnusableError(f"no se puede escribir {error.filename or wanted.folder}: {why(error)}") from None
