"""Goes through the steps of an acceptance, keeps each result as it ends, and writes the archive."""

from __future__ import annotations

import errno
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from corte.format.refusal import Refusal
from difusor.acceptance.case import Case, LostError
from difusor.acceptance.journal import Journal, Outcome, Record, Verdict
from difusor.acceptance.steps import STEPS, Step, folders, perform
from difusor.baseline.record import BaselineError
from difusor.project import UnusableError, write
from difusor.report.results import ResultsError
from difusor.servers.child import BoundError
from difusor.terminal import StepFailed, console, printable

STYLE = {
    Verdict.PASSED: "[green]✓[/]",
    Verdict.FAILED: "[bold red]✗[/]",
    Verdict.UNVERIFIED: "[magenta]?[/]",
    Verdict.SKIPPED: "[dim]·[/]",
}
FAULTS = (StepFailed, UnusableError, BaselineError, ResultsError, Refusal, BoundError, OSError)
"""What a step raises when it fails; anything else is a mistake of the program's own."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Why this machine can keep nothing more, which says nothing of the server."""
MISTAKE = "error-del-programa.txt"


class BrokenOffError(Exception):
    """The acceptance stopped in the middle; the message is a Spanish sentence."""


@dataclass(frozen=True)
class Result:
    """An acceptance that has ended: the results of its steps in order."""

    records: tuple[Record, ...]

    @property
    def first_failure(self) -> Record | None:
        """The first step that failed."""
        return next((record for record in self.records if record.verdict is Verdict.FAILED), None)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many steps ended in each way."""
        ended = Counter(record.verdict for record in self.records)
        return {verdict: ended[verdict] for verdict in Verdict if ended[verdict]}

    @property
    def accepted(self) -> bool:
        """Whether every step was done and passed."""
        return all(record.verdict is Verdict.PASSED for record in self.records)


def go(case: Case, journal: Journal, keep: bool, steps: Sequence[Step] = STEPS) -> Result:
    """Do the steps that the journal does not have yet; return the results of all.

    BrokenOffError when the server does not answer any more: the step under way is not in the journal then.
    """
    places = folders(journal, steps)
    records: dict[str, Record] = {}
    for number, step in enumerate(steps, 1):
        if keep and step.ending:
            continue
        console.print(f"[bold]{number:2}. {step.title}[/]")
        if (record := journal.kept(places[step.name])) is None:
            record = _attempt(step, case, journal, records, places)
            journal.keep(places[step.name], record)
        records[step.name] = record
        case.facts[step.name] = record.facts
        console.print(f"    {STYLE[record.verdict]} {record.verdict}: {printable(record.sentence)}", soft_wrap=True)
    journal.conclude([*records.values()])
    return Result(tuple(records.values()))


def hindered(step: Step, records: Mapping[str, Record]) -> Outcome | None:
    """Return the outcome of a step that cannot be done because of earlier ones; None when it can."""
    for other in (records[name] for name in step.needs):
        if other.verdict in (Verdict.FAILED, Verdict.SKIPPED):
            return Outcome(Verdict.SKIPPED, f"depende de «{other.title}»")
        if other.verdict is Verdict.UNVERIFIED:
            return Outcome(Verdict.UNVERIFIED, f"depende de «{other.title}», que no se verificó")
    if step.after and records[step.after].verdict is Verdict.SKIPPED:
        return Outcome(Verdict.SKIPPED, f"«{records[step.after].title}» no se intentó, y no hay nada que quitar")
    return None


def _attempt(
    step: Step, case: Case, journal: Journal, records: Mapping[str, Record], places: Mapping[str, Path]
) -> Record:
    started = datetime.now(UTC)
    outcome = hindered(step, records)
    if outcome is None:
        try:
            outcome = perform(step, case, places)
        except LostError as error:
            raise BrokenOffError(_broken(step, error, journal)) from error
        except KeyboardInterrupt as interrupt:
            raise BrokenOffError(_broken(step, "usted lo interrumpió", journal)) from interrupt
        except FAULTS as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            outcome = Outcome(Verdict.FAILED, str(error).rstrip("."))
        except Exception as error:
            # The server is given back all the same, and who reads the archive can mend the program.
            write(places[step.name] / MISTAKE, traceback.format_exc())
            outcome = Outcome(Verdict.FAILED, f"error del programa ({type(error).__name__}), que está en {MISTAKE}")
        if outcome.verdict is Verdict.FAILED and (silence := case.known().unreachable):
            raise BrokenOffError(_broken(step, silence, journal))
    seconds = (datetime.now(UTC) - started).total_seconds()
    return Record(
        step=step.name, title=step.title, verdict=outcome.verdict, sentence=outcome.sentence,
        started=started.replace(microsecond=0), seconds=round(seconds, 1), facts=outcome.facts or {},
    )  # fmt: skip


def _broken(step: Step, why: object, journal: Journal) -> str:
    return (
        f"«{step.title}» quedó a medias: {why}. Lo que ya terminó está guardado; siga con {journal.going_on}, o deje "
        f"esta aceptación: {journal.giving_up}"
    )
