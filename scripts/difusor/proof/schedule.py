"""Decides in which order the suites run, and how many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event

from difusor.proof.runs import Run, run
from difusor.proof.suites import MACHINE, UNIT, Suite, last_record

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

    A program that wakes up waits until the one that runs has had its turn (SCHED_BATCH, see sched(7)): the processors
    switch half as often between programs, and all together need a twentieth less of them. Where the launcher starts the
    Docker engine, the engine and its servers wait in the same way.
    """
    with suppress(OSError):  # a machine may forbid it; there the suites take a little longer
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    runs, ended = [Run(suite) for suite in longest_first(suites)], Event()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return list(pool.map(partial(_in_turn, runs, ended), runs))
        finally:  # also by Ctrl-C, after which no suite begins
            ended.set()
            for each in runs:
                each.is_set_up.set()


def _in_turn(runs: Sequence[Run], ended: Event, one: Run) -> Run:
    """Run a suite; the unit tests wait until fewer servers are being set up than this machine has processors.

    They take only what the others leave. Setting up a server keeps a processor busy; from then on its tests often wait,
    and leave more. With next to nothing a program under test would be too slow for its own limits.
    Once `ended` is set, nothing begins any more.
    """
    if one.suite.name == UNIT:
        others = [each for each in runs if each is not one]
        for each in others[: max(0, len(others) + 1 - len(os.sched_getaffinity(0)))]:
            each.is_set_up.wait()
    return one if ended.is_set() else run(one)
