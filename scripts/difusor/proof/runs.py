"""One run of one suite."""

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
    """What became of a suite; `failure` is None when it held."""

    suite: Suite
    phases: Phases = field(default_factory=Phases)
    failure: StepFailed | None = None


def run(suite: Suite) -> Run:
    """Run a suite to its end. A failure is said at once, in a line a test, and returned, so that the others go on."""
    _forget(suite)
    done = Run(suite)
    started = datetime.now(UTC)
    try:
        run_step(f"Prueba {suite.name}", *suite.command, log=suite.log, env=suite.environment, heard=done.phases.hear)
    except StepFailed as failure:
        lines = [f"{test.name}: {test.saw.partition('\n')[0]}" for test in failed(suite)]
        complain("\n".join([str(failure), *lines]))
        done.failure = failure
    record = done.phases.record(started, datetime.now(UTC), held=done.failure is None)
    write(suite.record, record.model_dump_json(indent=2) + "\n")
    return done


def _forget(suite: Suite) -> None:
    """Remove what the run before found: it would be taken for this one's."""
    for path in (suite.dictamen, suite.results, suite.junit):
        path.unlink(missing_ok=True)
    shutil.rmtree(suite.journals, ignore_errors=True)
