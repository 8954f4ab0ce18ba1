"""Recognises Molecule's phases and errors in its output, with the instants at which their lines were read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

PHASE = re.compile(r"INFO +\[[\w-]+ > (\w+)\] Executing\n?")
END = re.compile(r"\w+ +\[[\w-]+ > \w+\] .*Executed: ")
TASK = re.compile(r"TASK \[(.*)\]")
FAULT = ("fatal:", "[ERROR]", "ERROR ", "CRITICAL ")
START, TESTS = "start", "verify"
"""The phase before Molecule's first one, which is the only phase of a suite without Molecule; and that of the tests."""


class Phase(BaseModel):
    """One phase of a suite, as Molecule names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    started: datetime
    seconds: float


class Record(BaseModel):
    """The phases and durations of one run of a suite. Instants are UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    started: datetime
    seconds: float
    held: bool
    phases: tuple[Phase, ...]


class Fault(BaseModel):
    """The first error of a phase: the Ansible task running, when the error was read, its line number (from 0)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phase: str
    task: str
    at: datetime
    line: int


class Phases:
    """Collects phases and errors from the lines of a suite's output."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take what returns the present instant in UTC."""
        self._now = now
        self._marks: list[tuple[str, datetime]] = []
        self._open = True
        self._task = ""
        self._lines = 0
        self.faults: list[Fault] = []

    @property
    def current(self) -> str:
        """The name of the phase that has begun last."""
        return self._marks[-1][0] if self._marks else START

    def hear(self, line: str) -> None:
        """Process one line of output at the moment at which it is read."""
        if match := PHASE.fullmatch(line):
            self._marks.append((match[1], self._now()))
            self._open, self._task = True, ""
        elif END.match(line):
            self._open = False
        elif match := TASK.match(line):
            self._task = match[1]
        elif line.startswith(FAULT) and self._open:
            # The first error of a phase is its cause; at the end Molecule only repeats them.
            self._complain()
            self._open = False
        self._lines += 1

    def _complain(self) -> None:
        self.faults.append(Fault(phase=self.current, task=self._task, at=self._now(), line=self._lines))

    def record(self, started: datetime, ended: datetime, held: bool) -> Record:
        """Return the record of the run: how long each phase took between `started` and `ended`."""
        marks = [(START, started), *self._marks, ("", ended)]
        phases = tuple(
            Phase(name=name, started=since, seconds=round((until - since).total_seconds(), 1))
            for (name, since), (_, until) in pairwise(marks)
        )
        seconds = round((ended - started).total_seconds(), 1)
        return Record(started=started, seconds=seconds, held=held, phases=phases)
