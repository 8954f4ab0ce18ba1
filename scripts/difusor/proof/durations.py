"""`difusor test --durations`: what each phase took, which tests are the slowest, and where the cores stood idle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.table import Table

from difusor.proof import cores
from difusor.proof.found import tests
from difusor.proof.runs import Run
from difusor.proof.suites import last_record
from difusor.terminal import console, printable

SLOWEST = 40
SHORTEST = 0.5
"""Seconds from which on a phase gets a line; Molecule also names phases in which it does nothing."""


def say(runs: Sequence[Run], samples: Sequence[cores.Sample]) -> None:
    """Print the tables of a run of suites that has just ended."""
    console.print(_phases(runs, samples))
    console.print(_slowest(runs))
    if samples:
        since, until = samples[0].since, samples[-1].until
        console.print(
            f"Toda la ejecución: {(until - since).total_seconds():.0f} s, núcleos {_idleness(samples, since, until)}"
        )


def _phases(runs: Sequence[Run], samples: Sequence[cores.Sample]) -> Table:
    table = Table(title="Qué tardó cada fase", title_justify="left")
    table.add_column("Suite")
    table.add_column("Fase")
    table.add_column("Segundos", justify="right")
    table.add_column("Núcleos ocupados, y el tramo más largo bajo la mitad")
    for run in runs:
        record = last_record(run.suite)
        for phase in record.phases if record and len(record.phases) > 1 else ():
            if phase.seconds < SHORTEST:
                continue
            until = phase.started + timedelta(seconds=phase.seconds)
            load = _idleness(samples, phase.started, until)
            table.add_row(run.suite.lab, phase.name, f"{phase.seconds:.0f}", load)
        if record:
            load = _idleness(samples, record.started, record.started + timedelta(seconds=record.seconds))
            table.add_row(run.suite.lab, "[bold]todas[/]", f"[bold]{record.seconds:.0f}[/]", load, end_section=True)
    return table


def _idleness(samples: Sequence[cores.Sample], since: datetime, until: datetime) -> str:
    share = cores.busy(samples, since, until)
    if share is None:
        return "—"
    start, seconds = cores.longest_idle(samples, since, until)
    stretch = f", {seconds:.0f} s desde {start:%H:%M:%S} UTC" if seconds else ""
    return f"{share:.0%}{stretch}"


def _slowest(runs: Sequence[Run]) -> Table:
    table = Table(title=f"Las {SLOWEST} pruebas más lentas", title_justify="left")
    table.add_column("Segundos", justify="right")
    table.add_column("Prueba", overflow="fold")
    table.add_column("Suite")
    found = [(test.seconds, test.name, run.suite.lab) for run in runs for test in tests(run.suite)]
    for seconds, name, suite in sorted(found, reverse=True)[:SLOWEST]:
        table.add_row(f"{seconds:.1f}", printable(name), suite)
    return table
