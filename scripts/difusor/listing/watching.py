"""Watches the pages that the list links, round after round, and writes the list when it changes by that."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from corte.format import instants
from corte.format.errors import why
from corte.format.files import locked
from difusor.inventory import Election
from difusor.listing import folder, page, state
from difusor.listing.entries import Listed
from difusor.listing.looks import How, look_all
from difusor.listing.making import Made, Making, read, write
from difusor.listing.watch import Round, judge
from difusor.project import UnusableError
from difusor.publish.standing import Records


def rounds(wanted: Making, every: float, most: int | None = None) -> Iterator[Made | UnusableError]:
    """Look at every listed page each `every` seconds and yield what came of each round, `most` rounds at most.

    What prevents the first round is raised; later, a round that cannot be is yielded, and the watch goes on.
    """
    election, _ = read(wanted)
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
    election, found = read(wanted)
    standing = Records(election).standing()
    looks = look_all(found.listed, How(election, wanted.servers, wanted.authority, standing, now=wanted.now))
    now, kept = wanted.now(), state.folder(election.id)
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with locked(kept):
            before = state.read(election.id)
            result = judge(found.listed, looks, before, now)
            _log(election, result, now)
            digest = _digest(election, result.shown)
            is_new = digest != before.page or not (wanted.folder and (wanted.folder / page.TWIN).is_file())
            # Whoever fails is remembered even if the list cannot be written; the list is then written the next time.
            state.keep(election.id, result.state.model_copy(update={"page": "" if is_new else digest}))
            if is_new:
                write(wanted, election, result.shown, now)
                state.keep(election.id, result.state.model_copy(update={"page": digest}))
    except OSError as error:
        raise UnusableError(f"no se puede usar {error.filename or kept}: {why(error)}") from None
    return Made(
        election.id, election.timezone, found, result.shown, result.state.out, looks, result.events, now,
        time.monotonic() - started, result.is_blind, is_new,
    )  # fmt: skip


def _log(election: Election, result: Round, now: datetime) -> None:
    for each in result.events:
        state.log(
            election.id, now, que=each.change, difusor=each.listed.id, desde=instants.write(each.since),
            motivo=list(each.faults), llamar=each.listed.call,
        )  # fmt: skip
    if result.is_blind:
        state.log(election.id, now, que="ninguna página respondió bien; nadie sale por eso")


def _digest(election: Election, shown: Sequence[Listed]) -> str:
    """Return what changes when the list would say something else than its date."""
    told = [election.model_dump_json()]
    for each in shown:
        logo = hashlib.sha256(each.logo.read_bytes()).hexdigest() if each.logo else ""
        told.append(f"{each.name}\n{each.link}\n{logo}")
    return hashlib.sha256("\n\n".join(told).encode()).hexdigest()
