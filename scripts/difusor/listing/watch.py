"""One round of the watch: look at every listed page, decide who is left out and who comes back, write the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from difusor.listing.entries import Listed
from difusor.listing.looks import Look
from difusor.listing.state import FAILURES, Failing, State

Change = Literal["sale", "vuelve"]


@dataclass(frozen=True)
class Event:
    """That a difusor was left out of the page, or came back: why it failed, since when, and whom to call.

    `since` is None for one that the institute's own records no longer have on the list.
    """

    change: Change
    listed: Listed
    since: datetime | None
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """What a round decides: the new state, who is on the page, and what changed.

    `events`: since somebody was last told; `changes`: since the last round, whose list may not have been written.
    `is_blind`: not one page was found good, so the fault is this machine's; nothing changes then. `held`: the ids of
    those that would leave now, and stay because more than half of the list would be gone.
    """

    state: State
    shown: tuple[Listed, ...]
    events: tuple[Event, ...] = ()
    changes: tuple[Event, ...] = ()
    is_blind: bool = False
    held: tuple[str, ...] = ()


def judge(listed: Sequence[Listed], found: Mapping[str, Look], before: State, now: datetime) -> Round:
    """Return what follows from what was found at each page, given what was remembered.

    So many pages that fail at once have one cause, here or at somebody whom they share. Citizens are better served by
    links of which some do not answer than by a list without them, which would send all to the few that are left. A page
    of which this machine could not tell what it shows stays what it was.
    """
    if listed and all(found[each.id].faults or found[each.id].is_unknown for each in listed):
        return Round(before, _shown(listed, before), _events(listed, before.known_out, before.out), is_blind=True)
    failing = {
        each.id: _counted(found[each.id], before.failing.get(each.id), now) for each in listed if found[each.id].faults
    }
    failing |= {
        each.id: before.failing[each.id]
        for each in listed
        if each.id in before.failing and found[each.id].is_unknown and not found[each.id].faults
    }
    state = before.model_copy(update={"failing": failing})
    held = () if 2 * len(state.out) <= len(listed) else tuple(each for each in state.out if each not in before.out)
    waiting = {each: failing[each].model_copy(update={"failures": FAILURES - 1}) for each in held}
    state = before.model_copy(update={"failing": {**failing, **waiting}})
    events, changes = (_events(listed, was, state.out) for was in (before.known_out, before.out))
    return Round(state, _shown(listed, state), events, changes, held=held)


def _events(listed: Sequence[Listed], was: Mapping[str, Failing], out: Mapping[str, Failing]) -> tuple[Event, ...]:
    """Return who of the list left it and who came back, given who was out of it and who is."""
    left = [each for each in listed if each.id in out and each.id not in was]
    back = [each for each in listed if each.id in was and each.id not in out]
    return (
        *(Event("sale", each, out[each.id].since, out[each.id].faults) for each in left),
        *(Event("vuelve", each, was[each.id].since, was[each.id].faults) for each in back),
    )


def _counted(found: Look, before: Failing | None, now: datetime) -> Failing:
    if before is None:
        return Failing(failures=1, since=now, faults=found.faults)
    return Failing(failures=before.failures + 1, since=before.since, faults=found.faults)


def _shown(listed: Sequence[Listed], state: State) -> tuple[Listed, ...]:
    return tuple(each for each in listed if each.id not in state.out)
