"""Reads the results of a suite's tests, from its results file or from pytest's JUnit file."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from difusor import spec
from difusor.inventory import Declared
from difusor.proof.suites import Suite
from difusor.report.dictamen import unexcused
from difusor.report.results import Finding, Results, load
from difusor.report.verdict import excused


@dataclass(frozen=True)
class Test:
    """One test that ran: its duration, what it checks (`wanted`) and, unless it passed, what it found (`saw`)."""

    name: str
    seconds: float
    wanted: str = ""
    saw: str = ""
    ended: datetime | None = None


def tests(suite: Suite) -> list[Test]:
    """Return every test of a suite's last run that wrote a result."""
    found = [_of_finding(each) for each in load(suite.results).findings] if suite.results.exists() else []
    return found + (list(_of_junit(suite.junit)) if suite.junit.exists() else [])


def failed(suite: Suite) -> list[Test]:
    """Return the tests that make a suite's last run a failure; tests that a waiver excuses are left out."""
    found = [each for each in _of_junit(suite.junit) if each.saw] if suite.junit.exists() else []
    if suite.dictamen.exists():
        said = unexcused(json.loads(suite.dictamen.read_text()))
        against = [Finding.model_validate({"clauses": (), "host": "", **each}) for each in said]
    else:
        against = unexcused_of_a_part(load(suite.results)) if suite.results.exists() else []
    return found + [_of_finding(each) for each in against]


def unexcused_of_a_part(results: Results) -> list[Finding]:
    """Return the findings against the server in a run of some test files only, which has no dictamen."""
    against = []
    for finding in results.findings:
        declared = results.servers[finding.host].declared if finding.host else Declared()
        call = spec.load(declared.election_spec).clauses if declared.election_spec else ()
        clauses = {clause.id: clause for clause in call}
        today = results.finished.astimezone(declared.zone).date()
        if finding.outcome != "passed" and not excused(finding, clauses, declared.difusor_waivers, today):
            against.append(finding)
    return against


def _of_finding(finding: Finding) -> Test:
    saw = "" if finding.outcome == "passed" else "\n".join(filter(None, (finding.detail, finding.raised))) or "no pasó"
    return Test(finding.test, finding.seconds, finding.sentence, saw, finding.ended)


def _of_junit(path: Path) -> Iterator[Test]:
    """Yield the tests in pytest's JUnit file; a test file that could not be imported counts as a failed test."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        module, name = case.get("classname", ""), case.get("name", "")
        complaints = [each for each in case if each.tag in ("failure", "error")]
        yield Test(
            f"{module.replace('.', '/')}.py::{name}" if module else f"{name.replace('.', '/')}.py",
            float(case.get("time", 0)),
            saw="\n".join(map(_complaint, complaints)),
        )


def _complaint(element: ElementTree.Element) -> str:
    """Return the exception; for a test file that could not be imported it is only in pytest's lines marked "E"."""
    marked = [line[1:].strip() for line in (element.text or "").splitlines() if line.startswith("E ")]
    message = element.get("message", "")
    return "\n".join(marked) if marked and message == "collection failure" else message
