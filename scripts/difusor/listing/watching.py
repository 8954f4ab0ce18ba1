"""Watches the pages that the list links, round after round, and writes the list when it changes by that."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from corte.format import files, instants
from difusor.inventory import Election
from difusor.inventory.signers import signed
from difusor.listing import checking, folder, state
from difusor.listing.checking import Published
from difusor.listing.entries import Entries, Left, Listed, registered
from difusor.listing.looks import How, Look, look_all
from difusor.listing.making import Made, Making, read, write
from difusor.listing.page import PURPOSE
from difusor.listing.state import State
from difusor.listing.watch import Event, Round, judge
from difusor.partners import inventory
from difusor.project import UnusableError, fallen, home
from difusor.publish.standing import Records


def rounds(wanted: Making, every: float, most: int | None = None) -> Iterator[Made | UnusableError]:
    """Look at every listed page each `every` seconds and yield what came of each round, `most` rounds at most.

    What prevents the first round is raised; later, a round that cannot be is yielded, and the watch goes on. It signs
    without asking anybody, and tries at its start whether it can: later nobody is there to answer.
    """
    wanted = replace(wanted, asks=False)
    election, _ = read(wanted)
    folder.refuse_early(election, wanted.now())
    number = 0
    with state.alone(election):
        if wanted.key:
            signed(b"", wanted.key, election, PURPOSE, asks=False)
        while most is None or number < most:
            started, number = time.monotonic(), number + 1
            try:
                yield watch_once(wanted)
            except UnusableError as problem:
                if number == 1:
                    raise
                yield problem
            except Exception as error:  # a fault of this program's is no reason to leave the night unwatched
                if number == 1:
                    raise
                yield UnusableError(fallen(error))
            if number != most:
                time.sleep(max(0.0, every - (time.monotonic() - started)))


def watch_once(wanted: Making) -> Made:
    """Look at every listed page, remember who failed, and write the list if it differs or the one there soon ends."""
    started = time.monotonic()
    election, asked, *_ = _known(wanted)
    standing = Records(election).standing()
    failed = {id: each.faults for id, each in state.read(election).failing.items()}
    how = How(election, wanted.servers, wanted.authority, standing, now=wanted.now, failed=failed)
    looks = look_all(asked.listed, how)
    with state.turn(election):
        # While it looked, somebody may have been revoked, and the list been written without him.
        election, found, there, gone = _known(wanted)
        now, before = wanted.now(), state.read(election)
        result = _judged(asked.listed, found.listed, looks, before, now)
        _log(election, result, now)
        result = replace(result, events=(*gone, *result.events))
        digest = _digest(election, result.shown)
        is_new = there is None or digest != before.page or _differs(there, result.shown) or _is_due(there, wanted, now)
        # Whoever fails is remembered even if the list cannot be written, and so is that nobody has been told of it; the
        # list is then written, and it is told, the next time.
        untold = {"page": "", "told": before.known_out}
        state.keep(election, result.state.model_copy(update=untold if is_new else {"page": digest, "told": None}))
        until = write(wanted, election, result.shown, now) if is_new else None
        if is_new:
            with suppress(UnusableError):  # the list is written; forgotten, it is written once more the next time
                state.keep(election, result.state.model_copy(update={"page": digest, "told": None}))
            _log_changes(election, gone, now)  # only now: they are found anew each time until the list is written
    return Made(
        election.id, election.catalog.zone, found, result.shown, result.state.out, looks, result.events, now,
        time.monotonic() - started, result.is_blind, until, result.held,
    )  # fmt: skip


def _known(wanted: Making) -> tuple[Election, Entries, Published | None, tuple[Event, ...]]:
    """Return the election, who is on its list by the records, the list that is there, and who of it is no more."""
    election, found = read(wanted)
    there = checking.current(wanted.folder, election) if wanted.folder else None
    if there is None:
        return election, found, None, ()
    gone = _gone(found, there)
    _refuse_lost(gone, there)
    told = [_reason(left) if left else f"{_reason(left)}; si no debe salir, recupérelo de su copia" for _, left in gone]
    leaving = tuple(Event("sale", each, None, (why,)) for (each, _), why in zip(gone, told, strict=True))
    return election, found, there, leaving


def _gone(found: Entries, there: Published) -> list[tuple[Listed, Left | None]]:
    """Return who of the list that is there is not on it by the records, and why; None when no inventory is theirs.

    A list has no ids: a difusor is known by its name or its link, of which it may have corrected one since.
    """

    def is_of(one: Listed, name: str, url: str) -> bool:
        return name == one.name or url == one.url

    lost = [each for each in there.difusores if not any(is_of(one, *each) for one in found.listed)]
    left = [(one, each) for each in found.left if (one := registered(inventory.folder(each.id)))] if lost else []
    return [
        next(
            (pair for pair in left if is_of(pair[0], name, url)),
            (Listed(name, name, url.removeprefix("https://")), None),
        )
        for name, url in lost
    ]


def _reason(left: Left | None) -> str:
    return left.reason if left else f"en {home() / 'inventories'} ya no hay inventario con ese nombre o enlace"


def _judged(
    asked: Sequence[Listed], listed: Sequence[Listed], looks: Mapping[str, Look], before: State, now: datetime
) -> Round:
    """Judge who was looked at and is on the list still; who came meanwhile, or has another link now, is on it."""
    places = {(each.id, each.link) for each in asked}
    looked = [each for each in listed if (each.id, each.link) in places]
    result = judge(looked, looks, before, now)
    return replace(result, shown=tuple(each for each in listed if each in result.shown or each not in looked))


def _differs(there: Published, shown: Sequence[Listed]) -> bool:
    return list(there.difusores) != [(each.name, each.url) for each in shown]


def _is_due(there: Published, wanted: Making, now: datetime) -> bool:
    """Tell whether a list has to be signed anew: less than half of its time is left, or whoever checks it refuses it.

    At half of the time, so that whoever copies it is never late.
    """
    try:
        checking.refuse_past(there, now)
    except UnusableError:
        return True
    return there.until is None or there.until - now < wanted.valid / 2


def _refuse_lost(gone: Sequence[tuple[Listed, Left | None]], there: Published) -> None:
    """Raise UnusableError when most of those on the list are not on it any more, and not because they were revoked.

    That is a disk, another version of the folder of inventories or of the election, or somebody who works on them, and
    no reason to publish a list without them.
    """
    lost = [(each, left) for each, left in gone if not (left and left.revoked)]
    if 2 * len(lost) > len(there.difusores):
        first, left = lost[0]
        raise UnusableError(
            f"la lista tiene {len(there.difusores)} difusores y por los registros de hoy saldrían {len(lost)}, como "
            f"{first.name} ({_reason(left)}); recupere de su copia lo que falte en {home() / 'inventories'} o en la "
            "elección, o, si así debe quedar, escríbala sin --watch"
        )


def _log_changes(election: Election, changes: Iterable[Event], now: datetime) -> None:
    for each in changes:
        state.log(
            election, now, que=each.change, difusor=each.listed.id, desde=instants.write(each.since or now),
            motivo=list(each.faults), llamar=each.listed.call,
        )  # fmt: skip


def _log(election: Election, result: Round, now: datetime) -> None:
    _log_changes(election, result.changes, now)
    if result.is_blind:
        state.log(election, now, que="ninguna página respondió bien; nadie sale por eso")
    if result.held:
        state.log(
            election, now, que="falla más de la mitad de la lista; nadie más sale por eso", difusores=[*result.held]
        )


def _digest(election: Election, shown: Sequence[Listed]) -> str:
    """Return what changes when the list would say something else than its date."""
    told = [election.model_dump_json()]
    for each in shown:
        logo = hashlib.sha256(files.small(each.logo)).hexdigest() if each.logo else ""
        told.append(f"{each.name}\n{each.link}\n{logo}")
    return hashlib.sha256("\n\n".join(told).encode()).hexdigest()
