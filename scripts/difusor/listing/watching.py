"""Makes the list from what is on record now, once or again and again while its pages are watched."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from corte.format import instants
from corte.format.errors import why
from difusor.board.rows import folders_of
from difusor.inventory import Election, load_election
from difusor.listing import entries, folder, page, state
from difusor.listing.entries import Entries, Listed
from difusor.listing.looks import How, Look, look_all
from difusor.listing.state import Failing
from difusor.listing.watch import Event, Round, judge
from difusor.partners import election as elections_file
from difusor.partners.files import alone
from difusor.project import UnusableError
from difusor.publish.standing import Records


@dataclass(frozen=True)
class Making:
    """What the operator wants: of which election, into which folder, signed by whom; and how to look at pages."""

    election: str | None
    folder: Path | None
    key: Path | None
    servers: Sequence[str] = ()
    authority: Path | None = None
    now: Callable[[], datetime] = instants.now


@dataclass(frozen=True)
class Made:
    """What came of it. `out`: by id, whom the watch left out; `looks`: what it found; `written`: the folder is new."""

    election: str
    timezone: str
    entries: Entries
    shown: tuple[Listed, ...]
    out: dict[str, Failing]
    looks: dict[str, Look]
    events: tuple[Event, ...]
    at: datetime
    seconds: float = 0.0
    is_blind: bool = False
    written: bool = False


def make(wanted: Making) -> Made:
    """Make the list of now without looking at any page; whom the watch left out stays out.

    UnusableError says why it cannot be written; what was there is there then.
    """
    election, found = _read(wanted)
    before = state.read(election.id)
    shown = tuple(each for each in found.listed if each.id not in before.out)
    now = wanted.now()
    if wanted.folder:
        _write(wanted, election, shown, now)
    return Made(election.id, election.timezone, found, shown, before.out, {}, (), now, written=bool(wanted.folder))


def rounds(wanted: Making, every: float, most: int | None = None) -> Iterator[Made | UnusableError]:
    """Look at every listed page each `every` seconds and yield what came of each round, `most` rounds at most.

    What prevents the first round is raised; later, a round that cannot be is yielded, and the watch goes on.
    """
    election, _ = _read(wanted)
    folder.refuse_early(election, wanted.now())
    number = 0
    while most is None or number < most:
        started, number = time.monotonic(), number + 1
        try:
            yield watch_once(wanted)
        except UnusableError as problem:
            if number == 1:
                raise
            yield problem
        if number != most:
            time.sleep(max(0.0, every - (time.monotonic() - started)))


def watch_once(wanted: Making) -> Made:
    """Look at every listed page, remember who failed, and write the list if it differs from the one that is there."""
    started = time.monotonic()
    election, found = _read(wanted)
    standing = Records(election).standing()
    looks = look_all(found.listed, How(election, wanted.servers, wanted.authority, standing, now=wanted.now))
    now, kept = wanted.now(), state.folder(election.id)
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with alone(kept):
            before = state.read(election.id)
            result = judge(found.listed, looks, before, now)
            _log(election, result, now)
            digest = _digest(election, result.shown)
            is_new = digest != before.page or not (wanted.folder and (wanted.folder / page.TWIN).is_file())
            # Whoever fails is remembered even if the list cannot be written; the list is then written the next time.
            state.keep(election.id, result.state.model_copy(update={"page": "" if is_new else digest}))
            if is_new:
                _write(wanted, election, result.shown, now)
                state.keep(election.id, result.state.model_copy(update={"page": digest}))
    except OSError as error:
        raise UnusableError(f"no se puede usar {error.filename or kept}: {why(error)}") from None
    return Made(
        election.id, election.timezone, found, result.shown, result.state.out, looks, result.events, now,
        time.monotonic() - started, result.is_blind, is_new,
    )  # fmt: skip


def _read(wanted: Making) -> tuple[Election, Entries]:
    path = elections_file.file(elections_file.chosen(wanted.election))
    return load_election(path), entries.entries(folders_of(path))


def _log(election: Election, result: Round, now: datetime) -> None:
    for each in result.events:
        state.log(
            election.id, now, que=each.change, difusor=each.listed.id, desde=instants.write(each.since),
            motivo=list(each.faults), llamar=each.listed.call,
        )  # fmt: skip
    if result.is_blind:
        state.log(election.id, now, que="ninguna página respondió bien; nadie sale por eso")


def _write(wanted: Making, election: Election, shown: Sequence[Listed], now: datetime) -> None:
    assert wanted.folder is not None
    if wanted.key is None:
        raise UnusableError("la lista va firmada; dé la llave de un firmante de la elección con --key")
    try:
        folder.write(wanted.folder, election, shown, wanted.key, now)
    except OSError as error:
        raise UnusableError(f"no se puede escribir {error.filename or wanted.folder}: {why(error)}") from None
    state.log(election.id, now, que="lista escrita", carpeta=str(wanted.folder), difusores=[each.id for each in shown])


def _digest(election: Election, shown: Sequence[Listed]) -> str:
    """Return what changes when the list would say something else than its date."""
    told = [election.model_dump_json()]
    for each in shown:
        logo = hashlib.sha256(each.logo.read_bytes()).hexdigest() if each.logo else ""
        told.append(f"{each.name}\n{each.link}\n{logo}")
    return hashlib.sha256("\n\n".join(told).encode()).hexdigest()
