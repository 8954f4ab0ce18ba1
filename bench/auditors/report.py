"""For bench/auditors: python report.py RESULTS MACHINE prints a table, the unexplained rules, and a last line.

Exits with 1 when a rule fails that spec/deviations.yml does not explain, or when OpenSCAP checked a rule although the
tailoring leaves it out.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from difusor.spec import deviations
from difusor.spec.deviations import Auditor
from difusor.spec.tailoring import CONTENT, GUIDES, OWN, XCCDF

SCAP_WRONG = ("fail", "error", "unknown")
LYNIS = re.compile(r"^(?:warning|suggestion|details)\[\]=([A-Z]+-\d{4})\|(?:.*field:([^;]+);)?")


@dataclass
class Found:
    """One auditor's results: how many rules passed, ids of the failed and of the left out rules, its own score."""

    auditor: Auditor
    passed: int
    failed: set[str]
    left_out: set[str] = field(default_factory=set)
    figure: str = ""


def main() -> None:
    """Print what the auditors found; exit with 1 as described above."""
    results, machine = Path(sys.argv[1]), sys.argv[2]
    profiles = {name: guide.auditor for guide in GUIDES for name in guide.profiles}
    found = {name: scap(results, f"{CONTENT}_profile_{name}", auditor) for name, auditor in profiles.items()}
    found["lynis"] = lynis(results / "lynis.dat")
    if (path := results / "docker-bench.json").exists():
        found["docker-bench"] = docker_bench(path)
    print(f"{'auditor':26}{'passed':>8}{'failed':>8}  {'':10}")
    for name, each in found.items():
        print(f"{name:26}{each.passed or '':>8}{len(each.failed):>8}  {each.figure}")
    unexplained, stale = compare(found)
    tailored = disobeyed(results)
    for title, names in {"unexplained": unexplained, "needed no more": stale, "not left out": tailored}.items():
        for name in names:
            print(f"{title}: {name}")
    figures = " ".join(f"{name}={each.figure}" for name, each in found.items())
    print(f'auditors: {figures} unexplained={len(unexplained)} needed_no_more={len(stale)} machine="{machine}"')
    sys.exit(1 if unexplained or tailored else 0)


def scap(results: Path, profile: str, auditor: Auditor) -> Found:
    """Read OpenSCAP's results of one profile (XCCDF 1.2); ids are without their common prefix."""
    by_result: dict[str, set[str]] = {}
    for rule in ElementTree.parse(results / f"{profile}.xml").iter(f"{{{XCCDF}}}rule-result"):
        result = rule.findtext(f"{{{XCCDF}}}result", "")
        by_result.setdefault(result, set()).add(rule.attrib["idref"].removeprefix(f"{CONTENT}_rule_"))
    passed, failed = len(by_result.get("pass", ())), set().union(*(by_result.get(each, set()) for each in SCAP_WRONG))
    return Found(auditor, passed, failed, by_result.get("notselected", set()), f"{passed}/{passed + len(failed)}")


def lynis(path: Path) -> Found:
    """Read lynis's report: a test that makes a suggestion has failed; with several fields, each field is one id."""
    text = path.read_text()
    named: dict[str, set[str]] = {}
    for test, name in filter(None, (match and match.groups() for match in map(LYNIS.match, text.splitlines()))):
        named.setdefault(test, set()).update({f"{test}:{name}"} if name else ())
    failed = {each for test, names in named.items() for each in names or {test}}
    index = re.search(r"^hardening_index=(\d+)$", text, re.MULTILINE)
    return Found("lynis", 0, failed, figure=index[1] if index else "?")


def docker_bench(path: Path) -> Found:
    """Read docker-bench's JSON."""
    log = json.loads(path.read_text())
    checks = [check for section in log["tests"] for check in section["results"]]
    failed = {check["id"] for check in checks if check["result"] == "WARN"}
    return Found("docker-bench", sum(check["result"] == "PASS" for check in checks), failed, figure=str(log["score"]))


def compare(found: dict[str, Found]) -> tuple[list[str], list[str]]:
    """Return the failed rules without an explanation, and the explained rules that did not fail; `auditor: id` each."""
    unexplained, stale = [], []
    for auditor in dict.fromkeys(each.auditor for each in found.values()):
        failed = set().union(*(each.failed for each in found.values() if each.auditor == auditor))
        explained = deviations.by_id(deviations.load(), auditor)
        unexplained += [f"{auditor}: {name}" for name in sorted(failed - explained.keys())]
        stale += [f"{auditor}: {name}" for name in sorted(explained.keys() - failed) if explained[name].lab]
    return unexplained, stale


def disobeyed(results: Path) -> list[str]:
    """Return the explained rules that were checked despite the tailoring; `auditor: id` each."""
    judged = []
    for guide in GUIDES:
        tailored = scap(results, f"{OWN}_profile_{guide.profiles[-1]}", guide.auditor)
        explained = deviations.by_id(deviations.load(), guide.auditor).keys()
        judged += [f"{guide.auditor}: {name}" for name in sorted(explained - tailored.left_out)]
    return judged


if __name__ == "__main__":
    main()
