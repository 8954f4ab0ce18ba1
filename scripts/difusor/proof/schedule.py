"""Decides in which order the suites run, and how many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

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

    The unit tests take only what the others leave of the processors, and so fill every gap from the start. None of the
    programs interrupts another just because something woke it up (sched(7)): they change places half as often, and
    take a twentieth less of the processors. The launcher starts the Docker engine in the same way, and so the servers.
    """
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, longest_first(suites)))
