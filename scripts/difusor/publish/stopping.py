"""Ends what threads do with mirrors when Ctrl-C or a signal stops the run; neither reaches a thread by itself."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Event
from typing import Any

from difusor.servers import child
from difusor.terminal import console

STOPPED = Event()
"""Set while a run is being stopped: no mirror is asked or waited for any more."""
TOLD = "se interrumpió antes de que terminara"
LOOK_EVERY = 0.2
"""Seconds after which programs are looked for again to be killed: a delivery may begin its next attempt."""
SECONDS = 5
"""How long it takes at most, as the operator is told; usually less than one."""


def stop(works: Iterable[Future[Any]]) -> None:
    """Say that the run stops, end what these works wait for, and return once they have ended, each with its result."""
    console.print(f"\nSe detiene; en {SECONDS} segundos a lo más dice hasta dónde llegó.")
    STOPPED.set()
    try:
        while _goes_on(works):
            child.kill_all()
    finally:
        STOPPED.clear()


def _goes_on(works: Iterable[Future[Any]]) -> bool:
    with suppress(KeyboardInterrupt):  # pressed again: to leave now would leave programs behind, and nothing told
        return bool(wait(works, timeout=LOOK_EVERY).not_done)
    return True
