"""Prints the closing lines of `difusor test`, which count the tests by their results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from difusor.proof.runs import Run
from difusor.proof.suites import Suite
from difusor.report.results import load
from difusor.terminal import console, printable

CLOSING = re.compile(r"\b\d+ (?:passed|failed|skipped|error).* in [\d.]+s\b")
"""The last line of a pytest run; Molecule prints a similar line that counts scenarios."""
OUTCOMES = re.compile(r"\b(\d+) (passed|failed|skipped|error)s?\b")
REPEATED = re.compile(r"^\W*REPETIDA (.+?):\s", re.MULTILINE)
"""The line of a test that failed and was repeated, whether or not it then passed (see suite/repeats.py)."""


def say(runs: Iterable[Run]) -> None:
    """Print the repeated tests, the excused ones, and one closing line on standard output that counts every test.

    Before them stands, for each suite with a server, which tests the call of its election does not ask for.
    In a suite that succeeded, failed tests are those that a waiver excuses (the lab is no physical server); they are
    printed as excused, skipped ones as skipped. A suite that ended before its tests counts as one failure.
    """
    passed = failed = excused = skipped = 0
    again: list[str] = []
    for run in runs:
        text = _said(run.suite)
        counts: Counter[str] = Counter()
        for number, outcome in OUTCOMES.findall("\n".join(CLOSING.findall(text))):
            counts[outcome] += int(number)
        wrong = counts["failed"] + counts["error"]
        passed += counts["passed"]
        skipped += counts["skipped"]
        failed += max(wrong, 1) if run.failure else 0
        excused += 0 if run.failure else wrong
        again += [f"{test} ({run.suite.lab})" for test in dict.fromkeys(REPEATED.findall(text))]
        if run.suite.results.exists():
            console.print(printable(_asked(run.suite)), soft_wrap=True)
    if again:
        what = "prueba repetida (depende" if len(again) == 1 else "pruebas repetidas (dependen"
        console.print(
            f"{len(again)} {what} de la velocidad de la máquina): {printable(', '.join(again))}", soft_wrap=True
        )
    console.print(f"{excused} pruebas con exención vigente, mostradas en los dictámenes del laboratorio")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))


def _asked(suite: Suite) -> str:
    """Return how many tests a suite's server had, by which call, and those left out because the call does not ask."""
    results = load(suite.results)
    calls = dict.fromkeys(server.declared.election_spec for server in results.servers.values())
    told = f"{suite.lab}: {len(results.findings)} pruebas del servidor con la convocatoria {', '.join(calls)}"
    left = sorted(f"{test} ({', '.join(clauses)})" for test, clauses in results.left_out.items())
    return f"{told}; {len(left)} no se hicieron, porque no tiene su cláusula: {', '.join(left)}" if left else told


def _said(suite: Suite) -> str:
    return suite.log.read_text() if suite.log.exists() else ""
