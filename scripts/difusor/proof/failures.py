"""Prints each failure at the end: the test, its place, what it expected and saw, and the servers' journal of then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile

from difusor.project import ROOT
from difusor.proof import journal
from difusor.proof.found import Test, failed
from difusor.proof.phases import END, Fault
from difusor.proof.runs import Run
from difusor.terminal import complain

SHOWN = 10
"""How many failed tests of one suite are printed: when the server died all fail, and the first ones tell why."""
LINES = 12
"""How many lines are printed of what a test saw."""
WORDS = 30
"""How many lines are printed of a phase's error, output of the failed command included."""


def say(runs: list[Run]) -> None:
    """Print the failures of every suite that failed."""
    for run in runs:
        if run.failure:
            complain("\n".join([f"{run.failure}", *_story(run)]))


def _story(run: Run) -> Iterator[str]:
    against = sorted(failed(run.suite), key=lambda test: test.ended or datetime.max.replace(tzinfo=UTC))
    for test in against[:SHOWN]:
        yield from _of_test(run, test)
    if len(against) > SHOWN:
        yield f"  y {len(against) - SHOWN} pruebas más"
    if not against and run.phases.faults:
        yield from _of_phase(run, run.phases.faults[-1])


def _of_test(run: Run, test: Test) -> Iterator[str]:
    yield f"  {test.name} en {run.suite.lab}" + (f", {_clock(test.ended)}" if test.ended else "")
    if test.wanted:
        yield f"    esperaba: {test.wanted}"
    first, *others = [line for line in test.saw.splitlines() if line.strip()][:LINES] or ["nada"]
    yield f"    encontró: {first}"
    yield from (f"              {line}" for line in others)
    if test.ended:
        yield from _of_journal(run, test.name, test.ended, test.seconds)


def _of_phase(run: Run, fault: Fault) -> Iterator[str]:
    yield f"  fase {fault.phase} en {run.suite.lab}, {_clock(fault.at)}" + (f": {fault.task}" if fault.task else "")
    words = run.suite.log.read_text().splitlines()[fault.line : fault.line + WORDS]
    yield from (f"    {line}" for line in takewhile(lambda line: not END.match(line), words) if line.strip())
    yield from _of_journal(run, fault.phase, fault.at)


def _of_journal(run: Run, name: str, ended: datetime, seconds: float = 0.0) -> Iterator[str]:
    if file := journal.cut(run.suite.journals, name, ended, seconds):
        yield f"    diario de esos momentos: {file.relative_to(ROOT)} (entero: journal-*.log, junto a él)"


def _clock(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%H:%M:%S} UTC"
