"""In which order the suites run, and how many at a time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from difusor.proof.runs import Run, run
from difusor.proof.suites import MACHINE, Suite, last_record

AT_ONCE = 4
"""Suites at a time: a release waits for its server half of the time, and two cores are to be busy until the end."""

USUAL_SECONDS = {"bookworm": 1211, "bullseye": 1148, "trixie": 940, "unit": 240, MACHINE: 3600}
"""What each suite took on two quiet cores; used until it has been run here."""
UNKNOWN = 1000
"""Seconds of a suite that was never measured: a release like the others."""


def longest_first(suites: Iterable[Suite]) -> list[Suite]:
    """Return the suites in the order in which they should begin.

    The longest begins first, so that no core waits for one that began last. A run that failed says nothing of how long
    the suite takes.
    """
    return sorted(suites, key=_expected, reverse=True)


def _expected(suite: Suite) -> float:
    last = last_record(suite)
    return last.seconds if last and last.held else USUAL_SECONDS.get(suite.name, UNKNOWN)


def run_all(suites: Iterable[Suite]) -> list[Run]:
    """Run every suite, AT_ONCE at a time; return the runs in the order in which they began."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, longest_first(suites)))
