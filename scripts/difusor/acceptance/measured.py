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
from difusor.terminal import StepFailed, some

GOOD = (Overall.COMPLIES, Overall.WAIVED)
RECAP = re.compile(r"changed=(\d+)")  # a colour may come before it (ANSIBLE_FORCE_COLOR)
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
    return Outcome(Verdict.FAILED, f"{dictamen['verdict']} ({counts}): {some(bad, SHOWN)}")


def report_again(case: Case, folder: Path, earlier: Path) -> Outcome:
    """Measure the server again and compare with the dictamen of the folder `earlier`.

    Failed when a test fails now that did not; unverified when one cannot be measured now. What passes now is no worse.
    """
    name = f"{case.inventory.resolve().name}.results.json"
    if not (earlier / name).exists():
        return Outcome(Verdict.UNVERIFIED, "no hay un dictamen anterior con el cual comparar")
    changed = otherwise(load(earlier / name), _measure(case, folder))
    write(folder / "cambios.txt", "".join(f"{line}\n" for lines in changed.values() for line in lines))
    return compared(changed)


def otherwise(before: Results, after: Results) -> dict[str, list[str]]:
    """Return, by how it ends now ("" when it did not run), a line for each test that ended otherwise before."""
    was, now = ({(each.test, each.host): each.outcome for each in run.findings} for run in (before, after))
    lines: dict[str, list[str]] = {}
    for test, host in sorted(was.keys() | now.keys()):
        then, ends = was.get((test, host), ""), now.get((test, host), "")
        if then != ends:
            lines.setdefault(ends, []).append(f"{test}: {then or 'no corrió'} → {ends or 'no corrió'}")
    return lines


def compared(changed: dict[str, list[str]]) -> Outcome:
    """Return what the tests that end otherwise than before say of the server."""
    if failed := [*changed.get("failed", ()), *changed.get("unreachable", ())]:
        return Outcome(Verdict.FAILED, f"pruebas que ahora fallan ({len(failed)}): {some(failed, SHOWN)}")
    if unknown := [line for ends, lines in changed.items() if ends != "passed" for line in lines]:
        return Outcome(
            Verdict.UNVERIFIED, f"pruebas que ahora no se pudieron medir ({len(unknown)}): {some(unknown, SHOWN)}"
        )
    if better := changed.get("passed"):
        return Outcome(
            Verdict.PASSED, f"ninguna prueba termina peor; pasan también ({len(better)}): {some(better, SHOWN)}"
        )
    return Outcome(Verdict.PASSED, "todas las pruebas terminan como antes del reinicio")


def changes(log: Path) -> int | None:
    """Return how many changes a playbook's recap in a log counts; None when it has no recap."""
    _, found, recap = log.read_text(encoding="utf-8").rpartition("PLAY RECAP")
    numbers = [int(number) for number in RECAP.findall(recap)]
    return sum(numbers) if found and numbers else None


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
