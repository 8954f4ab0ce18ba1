"""Ends what threads do with mirrors when Ctrl-C or a signal stops the run; neither reaches a thread by itself."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Event
from typing import Any

from difusor.process import Stopped
from difusor.servers import child
from difusor.terminal import console

STOPPED = Event()
"""Set while a run is being stopped: no mirror is asked or waited for any more."""
TOLD = "se interrumpió antes de que terminara"
LOOK_EVERY = 0.2
"""Seconds after which programs are looked for again to be killed: a delivery may begin its next attempt."""
SECONDS = 5
"""How long it takes at most, as the operator is told; usually less than one."""
AGAIN = (KeyboardInterrupt, Stopped)
"""Ctrl-C is pressed again, or another signal comes, such as those of a terminal that is closed."""


def stop(works: Iterable[Future[Any]]) -> None:
    """Say that the run stops, end what these works wait for, and return once they have ended, each with its result."""
    STOPPED.set()
    with suppress(OSError, *AGAIN):  # a terminal that is closed takes no more words
        console.print(f"\nSe detiene; en {SECONDS} segundos a lo más dice hasta dónde llegó.")
    while _goes_on(works):
        pass
    STOPPED.clear()  # and not before: works that still run would go on


def _goes_on(works: Iterable[Future[Any]]) -> bool:
    with suppress(*AGAIN):  # to leave now would leave programs behind, and nothing told
        child.kill_all()
        return bool(wait(works, timeout=LOOK_EVERY).not_done)
    return True
