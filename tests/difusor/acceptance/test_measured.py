"""The second dictamen of an acceptance: what fails only now is the server's; what could not be measured is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from difusor.acceptance.journal import Verdict
from difusor.acceptance.measured import compared, otherwise
from difusor.report.results import Finding, Results

NOW = datetime(2027, 6, 6, 20, tzinfo=UTC)


def results(**outcomes: Any) -> Results:
    findings = [
        Finding(clauses=("DG-02",), host="difusor", test=test, outcome=outcome, sentence="", seconds=0, ended=NOW)
        for test, outcome in outcomes.items()
    ]
    return Results.model_construct(started=NOW, finished=NOW, findings=findings)


@pytest.mark.parametrize(
    ("before", "after", "verdict", "said"),
    [
        ({"a": "passed"}, {"a": "passed"}, Verdict.PASSED, "todas las pruebas terminan como antes"),
        ({"a": "failed"}, {"a": "failed"}, Verdict.PASSED, "todas las pruebas terminan como antes"),
        ({"a": "error", "b": "failed"}, {"a": "passed", "b": "passed"}, Verdict.PASSED, "a: error → passed"),
        ({"a": "passed"}, {"a": "failed"}, Verdict.FAILED, "a: passed → failed"),
        ({"a": "error"}, {"a": "failed"}, Verdict.FAILED, "a: error → failed"),
        ({"a": "passed"}, {"a": "unreachable"}, Verdict.FAILED, "a: passed → unreachable"),
        ({"a": "passed"}, {"a": "error"}, Verdict.UNVERIFIED, "a: passed → error"),
        ({"a": "passed"}, {}, Verdict.UNVERIFIED, "a: passed → no corrió"),
        ({"a": "passed", "b": "error"}, {"a": "skipped", "b": "failed"}, Verdict.FAILED, "b: error → failed"),
    ],
)
def test_a_test_that_ends_otherwise(before: Any, after: Any, verdict: Verdict, said: str) -> None:
    """One that could not be measured before the restart, and passes now, was told as a failure of the server."""
    found = compared(otherwise(results(**before), results(**after)))
    assert found.verdict is verdict
    assert said in found.sentence
