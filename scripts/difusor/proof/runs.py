"""Runs one suite and keeps its result."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

from difusor.project import write
from difusor.proof.found import failed
from difusor.proof.phases import TESTS, Phases
from difusor.proof.suites import Suite
from difusor.terminal import StepFailed, complain, run_step


@dataclass
class Run:
    """One run of a suite, and its result; `failure` is None when it succeeded."""

    suite: Suite
    phases: Phases = field(default_factory=Phases)
    failure: StepFailed | None = None
    is_set_up: Event = field(default_factory=Event)
    """Set when the server has been set up and its tests begin, and at the end of the suite."""

    def hear(self, line: str) -> None:
        """Process one line of the suite's output."""
        self.phases.hear(line)
        if self.phases.current == TESTS:
            self.is_set_up.set()


def run(done: Run) -> Run:
    """Run a suite to its end. Failures are printed at once, one line per test, and returned, not raised."""
    suite = done.suite
    _forget(suite)
    started = datetime.now(UTC)
    try:
        run_step(f"Prueba {suite.lab}", *suite.command, log=suite.log, env=suite.environment, heard=done.hear)
    except StepFailed as failure:
        lines = [f"{test.name}: {test.saw.partition('\n')[0]}" for test in failed(suite)]
        complain("\n".join([str(failure), *lines]))
        done.failure = failure
    finally:
        done.is_set_up.set()
        if suite.scratch:
            shutil.rmtree(suite.scratch, ignore_errors=True)
    record = done.phases.record(started, datetime.now(UTC), held=done.failure is None)
    write(suite.record, record.model_dump_json(indent=2) + "\n")
    return done


def _forget(suite: Suite) -> None:
    """Remove the files of the previous run, so that they are not taken for this one's."""
    for path in (suite.dictamen, suite.results, suite.junit):
        path.unlink(missing_ok=True)
    shutil.rmtree(suite.journals, ignore_errors=True)
