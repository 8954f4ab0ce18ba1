"""Decides in which order the suites run, how many at a time, and when the unit tests begin."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from difusor.proof.runs import Run, run
from difusor.proof.suites import MACHINE, UNIT, Suite, last_record, releases

AT_ONCE = 4
"""How many suites run at a time: each waits for its server half of the time, and two cores should never be idle."""

USUAL_SECONDS = {"bookworm": 1211, "bullseye": 1148, "trixie": 940, "unit": 240, MACHINE: 3600}
"""Seconds that each suite took on two otherwise idle cores; used until the suite has been run on this machine."""
TESTS = "verify"
"""Molecule's name of the phase in which a release's tests run."""
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

    While their servers are made, releases leave no core idle; their tests, which wait for clocks, do. The unit tests,
    which can fill any gap, therefore begin when the first release has come to its tests, if at least as many releases
    run as there are cores.
    """
    ordered, gaps = longest_first(suites), Event()
    if sum(suite.name in releases() for suite in ordered) < (os.cpu_count() or 1):
        gaps.set()

    def enter(phase: str) -> None:
        if phase == TESTS:
            gaps.set()

    def run_in_turn(suite: Suite) -> Run:
        if suite.name == UNIT:
            gaps.wait()
        try:
            return run(suite, enter)
        finally:
            gaps.set()  # a release that failed may be the only one

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run_in_turn, ordered))
