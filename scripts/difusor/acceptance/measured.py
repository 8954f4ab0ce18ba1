"""The dictamen as a step, and the comparison of two of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from difusor.acceptance.case import VERB_LOG, Case
from difusor.acceptance.journal import Outcome, Verdict
from difusor.project import write
from difusor.report.results import Results, load
from difusor.report.verdict import Overall
from difusor.terminal import StepFailed

GOOD = (Overall.COMPLIES, Overall.WAIVED)
RECAP = re.compile(r"\bchanged=(\d+)")
SHOWN = 6
"""How many names a sentence has; the rest are in the step's files."""


def report(case: Case, folder: Path) -> Outcome:
    """Measure the server and write its dictamen; failed when a clause does not hold."""
    results = _measure(case, folder)
    dictamen = json.loads((folder / f"{case.inventory.resolve().name}.json").read_text(encoding="utf-8"))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in dictamen["counts"].items())
    bad = sorted({name for each in results.findings if each.outcome != "passed" for name in each.clauses})
    if dictamen["verdict"] in GOOD:
        return Outcome(Verdict.PASSED, f"{dictamen['verdict']} ({counts})")
    return Outcome(Verdict.FAILED, f"{dictamen['verdict']} ({counts}): {some(bad)}")


def report_again(case: Case, folder: Path, earlier: Path) -> Outcome:
    """Measure the server again; failed when a test now ends otherwise than in the dictamen of the folder `earlier`."""
    name = f"{case.inventory.resolve().name}.results.json"
    if not (earlier / name).exists():
        return Outcome(Verdict.UNVERIFIED, "no hay un dictamen anterior con el cual comparar")
    changed = otherwise(load(earlier / name), _measure(case, folder))
    write(folder / "cambios.txt", "".join(f"{line}\n" for line in changed))
    if changed:
        return Outcome(Verdict.FAILED, f"pruebas que terminan de otra manera ({len(changed)}): {some(changed)}")
    return Outcome(Verdict.PASSED, "todas las pruebas terminan como antes del reinicio")


def otherwise(before: Results, after: Results) -> list[str]:
    """Return a line for each test that ended otherwise, or ran in one of two measurements only."""
    was, now = ({(each.test, each.host): each.outcome for each in run.findings} for run in (before, after))
    return [
        f"{test}: {was.get((test, host), 'no corrió')} → {now.get((test, host), 'no corrió')}"
        for test, host in sorted(was.keys() | now.keys())
        if was.get((test, host)) != now.get((test, host))
    ]


def changes(log: Path) -> int | None:
    """Return how many changes a playbook's recap in a log counts; None when it has no recap."""
    _, found, recap = log.read_text(encoding="utf-8").rpartition("PLAY RECAP")
    numbers = [int(number) for number in RECAP.findall(recap)]
    return sum(numbers) if found and numbers else None


def some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" y {len(names) - SHOWN} más" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _measure(case: Case, folder: Path) -> Results:
    """Run `difusor report`; StepFailed when it could not measure. A clause that does not hold is no failure here."""
    name = case.inventory.resolve().name
    for old in (f"{name}.results.json", f"{name}.json"):
        (folder / old).unlink(missing_ok=True)
    try:
        case.verb("Medición", folder / VERB_LOG, "report", "-i", case.inventory, "--output", folder)
    except StepFailed:
        if not (folder / f"{name}.json").exists():
            raise
    return load(folder / f"{name}.results.json")
