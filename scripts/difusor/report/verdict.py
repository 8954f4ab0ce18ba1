"""Derives a clause's verdict from its findings: the worst one decides, and an untested clause is never met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from difusor.inventory import Waiver
from difusor.report.results import Finding
from difusor.spec import Clause


class Verdict(StrEnum):
    """The verdicts on a clause, worst first."""

    FAILS = "NO CUMPLE"
    EXPIRED = "EXPIRADA"
    UNREACHABLE = "NO EVALUADO"
    UNTESTED = "SIN PRUEBA"
    WAIVED = "EXENTO"
    MANUAL = "MANUAL"
    ATTESTED = "ATESTADO"
    COMPLIES = "CUMPLE"
    NOT_APPLICABLE = "NO APLICA"


SHOWN: dict[str, str] = {Verdict.UNTESTED: "NO VERIFICADO", Verdict.ATTESTED: "ACREDITADO"}
"""The word to print for a verdict when it differs from the verdict's id, which programs and older dictámenes use."""

REFUSED = {Verdict.FAILS, Verdict.EXPIRED, Verdict.UNTESTED}


class Overall(StrEnum):
    """The verdicts on a whole server."""

    FAILS = "NO CUMPLE"
    UNREACHABLE = "NO EVALUADO"
    INCOMPLETE = "INCOMPLETO"
    WAIVED = "CUMPLE CON EXENCIONES"
    COMPLIES = "CUMPLE"


def shown(verdict: str) -> str:
    """Return the word to print for the id of a verdict."""
    return SHOWN.get(verdict, str(verdict))


@dataclass(frozen=True)
class Assessment:
    """A clause's verdict, with the findings and the waiver that it is based on.

    `deciding`: the other clauses because of which a derived clause has that verdict: those that have it too and, where
    it is met, those that a document attests.
    """

    clause: Clause
    verdict: Verdict
    findings: tuple[Finding, ...]
    waiver: Waiver | None
    deciding: tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        """How many of the clause's tests passed."""
        return sum(finding.outcome == "passed" for finding in self.findings)


GOOD = {Verdict.MANUAL, Verdict.ATTESTED, Verdict.COMPLIES, Verdict.NOT_APPLICABLE}


def assess_all(
    clauses: Iterable[Clause],
    findings: Iterable[Finding],
    waivers: Iterable[Waiver],
    today: date,
    reachable: bool = True,
) -> list[Assessment]:
    """Judge every clause on one server, as `assess` does; a derived clause by the worst verdict that it rests on."""
    everything, excuses = tuple(findings), tuple(waivers)
    found = [assess(clause, everything, excuses, today, reachable) for clause in clauses]
    return [_derived(each, found) if each.clause.rests_on else each for each in found]


def _derived(assessment: Assessment, others: Iterable[Assessment]) -> Assessment:
    # One that is derived too has no findings of its own, and would make of all that hold one that nobody tested.
    measured = (each for each in others if not each.clause.rests_on)
    base = [each for each in measured if each.clause.group in assessment.clause.rests_on]
    ranks = list(Verdict)
    worst = min((each.verdict for each in base), key=ranks.index, default=Verdict.UNTESTED)
    if worst in GOOD:
        met = tuple(each.clause.id for each in base if each.verdict in (Verdict.COMPLIES, Verdict.ATTESTED))
        return replace(assessment, verdict=Verdict.COMPLIES, deciding=met)
    deciding = tuple(each.clause.id for each in base if each.verdict is worst)
    return replace(assessment, verdict=worst, deciding=deciding)


def assess(
    clause: Clause, findings: Iterable[Finding], waivers: Iterable[Waiver], today: date, reachable: bool = True
) -> Assessment:
    """Judge one clause on one server from that server's findings; `today` is the local day of the measurement."""
    own = tuple(finding for finding in findings if clause.id in finding.clauses)
    mine = [each for each in waivers if each.clause == clause.id]
    waiver = max(mine, key=lambda each: (each.date <= today, each.expires), default=None)
    verdict = _judge(clause, own, waiver, today) if reachable else Verdict.UNREACHABLE
    return Assessment(clause, verdict, own, waiver)


def _judge(clause: Clause, findings: tuple[Finding, ...], waiver: Waiver | None, today: date) -> Verdict:
    outcomes = {finding.outcome for finding in findings}
    failed = [finding for finding in findings if finding.outcome == "failed"]
    if failed and not (waiver and all(finding.method in clause.waivable for finding in failed)):
        return Verdict.FAILS
    if failed and waiver and waiver.date > today:
        return Verdict.FAILS
    if failed and waiver and waiver.expires < today:
        return Verdict.EXPIRED
    if "unreachable" in outcomes:
        return Verdict.UNREACHABLE
    if clause.optional and outcomes <= {"skipped"}:
        return Verdict.NOT_APPLICABLE
    if not findings and clause.method == "manual":
        return Verdict.MANUAL
    methods = {finding.method for finding in findings}
    if not findings or outcomes & {"skipped", "error"} or (clause.attested and "atestado" not in methods):
        return Verdict.UNTESTED
    if failed:
        return Verdict.WAIVED
    return Verdict.ATTESTED if methods == {"atestado"} else Verdict.COMPLIES


def excused(finding: Finding, clauses: Mapping[str, Clause], waivers: Iterable[Waiver], today: date) -> bool:
    """Tell whether one test that did not pass is excused, whatever the other tests of its clauses found.

    It is when it failed and waivers in force on `today` (the local day) cover every clause that it measures, or when it
    was skipped and all its clauses are optional. A test that could not measure is never excused.
    """
    own = [clauses[name] for name in finding.clauses if name in clauses]
    if finding.outcome == "skipped":
        return bool(own) and all(clause.optional for clause in own)
    in_force = {waiver.clause for waiver in waivers if waiver.date <= today <= waiver.expires}
    covered = all(clause.id in in_force and finding.method in clause.waivable for clause in own)
    return finding.outcome == "failed" and bool(own) and covered


def overall(verdicts: Iterable[Verdict]) -> Overall:
    """Return the overall verdict that follows from the verdicts of all clauses."""
    count = Counter(verdicts)
    if count[Verdict.FAILS] or count[Verdict.EXPIRED]:
        return Overall.FAILS
    if count[Verdict.UNREACHABLE]:
        return Overall.UNREACHABLE
    if count[Verdict.UNTESTED]:
        return Overall.INCOMPLETE
    return Overall.WAIVED if count[Verdict.WAIVED] else Overall.COMPLIES


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """Return 1 when a clause is not met, has an expired waiver or no test; else 2 when not evaluated; else 0."""
    seen = set(verdicts)
    if seen & REFUSED:
        return 1
    return 2 if Verdict.UNREACHABLE in seen else 0
