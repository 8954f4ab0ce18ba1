"""Waiting for an event in a test: the one place where tests sleep.

A fixed pause is too long on a fast machine and too short on a busy one; a look that is repeated is neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 60.0
"""Seconds that an event may take, unless the test says otherwise: long, because only a failure waits for all of it."""
SHOWN = 1_000
"""Characters of what was last seen that a failure quotes: the last ones, since logs tell the cause at their end."""


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

    `what` completes the failure's sentence "no ocurrió que …". `within` and `every` are seconds: until when, and
    between two looks. An exception of the types in `despite` is one more thing seen that is not yet the event.
    AssertionError after the last look in time: what was awaited, for how long, and what was seen last.
    """
    started = time.monotonic()
    while True:
        late = time.monotonic() - started >= within
        try:
            seen = look()
        except despite as error:
            last: object = error
        else:
            if holds(seen):
                return seen
            last = seen
        if late:
            waited = time.monotonic() - started
            raise AssertionError(f"no ocurrió que {what}, en {waited:.1f} s; lo último que se vio: {_shown(last)}")
        time.sleep(every)


def _shown(seen: object) -> str:
    text = seen if isinstance(seen, str) else repr(seen)
    return text if len(text) <= SHOWN else f"…{text[-SHOWN:]}"
