"""Decides in which order the suites run, and how many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from difusor.proof.runs import Run, run
from difusor.proof.suites import MACHINE, Suite, last_record

AT_ONCE = 4
"""How many suites run at a time: each waits for its server half of the time, and two cores should never be idle."""

USUAL_SECONDS = {"bookworm": 1211, "bullseye": 1148, "trixie": 940, "unit": 240, MACHINE: 3600}
"""Seconds that each suite took on two otherwise idle cores; used until the suite has been run on this machine."""
UNKNOWN = 1000
"""Seconds assumed for a suite that was never measured: about those of the releases."""


def longest_first(suites: Iterable[Suite]) -> list[Suite]:
    """Return the suites in the order in which they should begin.

    The longest begins first, so that the cores do not wait for a long one at the end. Durations of failed runs are
    ignored.
    """
    return sorted(suites, key=_expected, reverse=True)


def _expected(suite: Suite) -> float:
    last = last_record(suite)
    return last.seconds if last and last.held else USUAL_SECONDS.get(suite.name, UNKNOWN)


def run_all(suites: Iterable[Suite]) -> list[Run]:
    """Run every suite, AT_ONCE at a time; return the runs in the order in which they began.

    The unit tests take only what the others leave of the processors, and so fill every gap from the start. A program
    that wakes up waits until the one that runs has had its turn (SCHED_BATCH, see sched(7)): the processors switch
    half as often between programs, and all together need a twentieth less of them. Where the launcher starts the Docker
    engine, the engine and its servers wait in the same way.
    """
    with suppress(OSError):  # a machine may forbid it; there the suites take a little longer
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, longest_first(suites)))
