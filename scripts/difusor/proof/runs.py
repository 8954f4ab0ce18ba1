"""Runs one suite and keeps its result."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime

from difusor.project import write
from difusor.proof.found import failed
from difusor.proof.phases import Phases
from difusor.proof.suites import Suite
from difusor.terminal import StepFailed, complain, run_step


@dataclass
class Run:
    """The result of running a suite; `failure` is None when it succeeded."""

    suite: Suite
    phases: Phases = field(default_factory=Phases)
    failure: StepFailed | None = None


def run(suite: Suite) -> Run:
    """Run a suite to its end. Failures are printed at once, one line per test, and returned, not raised."""
    _forget(suite)
    done = Run(suite)
    started = datetime.now(UTC)
    try:
        run_step(f"Prueba {suite.name}", *suite.command, log=suite.log, env=suite.environment, heard=done.phases.hear)
    except StepFailed as failure:
        lines = [f"{test.name}: {test.saw.partition('\n')[0]}" for test in failed(suite)]
        complain("\n".join([str(failure), *lines]))
        done.failure = failure
    finally:
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
