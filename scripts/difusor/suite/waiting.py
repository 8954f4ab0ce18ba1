"""Waits for an event in a test; the only place where tests sleep.

A fixed pause is too long on a fast machine and too short on a busy one, so the condition is checked again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 60.0
"""Seconds that an event may take by default: many, because only a failing test waits for all of them."""
SLOWING, SLOWEST = 0.1, 1.0
"""The pause between two looks grows to this share of the time already waited, and to this many seconds at most: three
hundred looks by SSH at what takes half a minute would take the processor from what is awaited.
"""
SHOWN = 1_000
"""How many characters of what was seen last a failure quotes: the last ones, where logs tell the cause."""


class TooSlow(Exception):
    """Nothing was measured in time; the message is a Spanish sentence. Unlike an AssertionError it blames nobody."""


def until[Seen](
    look: Callable[[], Seen],
    holds: Callable[[Seen], object] = bool,
    *,
    what: str,
    within: float = LIMIT,
    every: float = 0.1,
    despite: tuple[type[Exception], ...] = (),
) -> Seen:
    """Call `look` until `holds` is true of what it returns, and return that.

    `what` completes the failure's sentence "no ocurrió que …". `within` is the limit and `every` the shortest pause
    between two calls, in seconds; with 0 there is none. An exception of a type in `despite` means that the event has
    not happened yet. AssertionError when the time is over: what was awaited, for how long, and what was seen last.
    """
    started = time.monotonic()
    while True:
        waited = time.monotonic() - started
        try:
            seen = look()
        except despite as error:
            last: object = error
        else:
            if holds(seen):
                return seen
            last = seen
        if waited >= within:
            raise AssertionError(f"no ocurrió que {what}, en {waited:.1f} s; lo último que se vio: {_shown(last)}")
        time.sleep(max(every, min(waited * SLOWING, SLOWEST)) if every else 0)


def _shown(seen: object) -> str:
    text = seen if isinstance(seen, str) else repr(seen)
    return text if len(text) <= SHOWN else f"…{text[-SHOWN:]}"
