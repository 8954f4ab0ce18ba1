"""What the tests of a suite found, one by one, wherever the suite wrote it."""

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
    """One test that ran: what it took, what it measures (`wanted`) and, unless it passed, what it met (`saw`)."""

    name: str
    seconds: float
    wanted: str = ""
    saw: str = ""
    ended: datetime | None = None


def tests(suite: Suite) -> list[Test]:
    """Return every test of a suite's last run, of those that came as far as writing what they found."""
    found = [_of_finding(each) for each in load(suite.results).findings] if suite.results.exists() else []
    return found + (list(_of_junit(suite.junit)) if suite.junit.exists() else [])


def failed(suite: Suite) -> list[Test]:
    """Return the tests that speak against a suite's last run; those that a waiver excuses do not."""
    found = [each for each in _of_junit(suite.junit) if each.saw] if suite.junit.exists() else []
    if suite.dictamen.exists():
        said = unexcused(json.loads(suite.dictamen.read_text()))
        against = [Finding.model_validate({"clauses": (), "host": "", **each}) for each in said]
    else:
        against = unexcused_of_a_part(load(suite.results)) if suite.results.exists() else []
    return found + [_of_finding(each) for each in against]


def unexcused_of_a_part(results: Results) -> list[Finding]:
    """Return what speaks against the server in a run that was not whole, of which there is no dictamen."""
    clauses = {clause.id: clause for clause in spec.load().clauses}
    against = []
    for finding in results.findings:
        declared = results.servers[finding.host].declared if finding.host else Declared()
        today = results.finished.astimezone(declared.zone).date()
        if finding.outcome != "passed" and not excused(finding, clauses, declared.difusor_waivers, today):
            against.append(finding)
    return against


def _of_finding(finding: Finding) -> Test:
    saw = "" if finding.outcome == "passed" else finding.detail or "no pasó"
    return Test(finding.test, finding.seconds, finding.sentence, saw, finding.ended)


def _of_junit(path: Path) -> Iterator[Test]:
    """Yield what pytest wrote; a file that could not be read is a test that failed, too."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        module, name = case.get("classname", ""), case.get("name", "")
        complaints = [each for each in case if each.tag in ("failure", "error")]
        yield Test(
            f"{module.replace('.', '/')}.py::{name}" if module else f"{name.replace('.', '/')}.py",
            float(case.get("time", 0)),
            saw="\n".join(map(_complaint, complaints)),
        )


def _complaint(element: ElementTree.Element) -> str:
    """Return the exception; of a file that could not be read it stands only in pytest's marked lines."""
    marked = [line[1:].strip() for line in (element.text or "").splitlines() if line.startswith("E ")]
    message = element.get("message", "")
    return "\n".join(marked) if marked and message == "collection failure" else message
