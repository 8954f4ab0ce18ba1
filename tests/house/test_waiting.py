"""House rules for time in tests: they wait for events, and the few that depend on the machine's speed say why."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "molecule/tests").rglob("*.py")])
# Finds a call of sleep in Python (also in a script that is sent to a host) and the shell's command `sleep`.
SLEEP = re.compile(r"""\bsleep\(|\bsleep["']?,? ["']?[\d.{$%]|import .*\bsleep\b""")
PACE = re.compile(r"# pace: \w+")
MOST_MARKS = 9
REASON = 20  # the least number of characters that a reason must have


def test_nothing_sleeps_but_what_sets_a_pace() -> None:
    """Tests wait with `difusor.suite.waiting.until`; a line that must sleep says why in a comment `# pace: ...`."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in TESTS
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SLEEP.search(line) and not PACE.search(line)
    ]
    assert found == []


def test_the_rule_finds_tests_that_sleep() -> None:
    for line in ("time.sleep(1)", "await asyncio.sleep(0.1)", "do sleep 1; done", '["sleep", "60"]', "sleep {delay};"):
        assert SLEEP.search(line), line
    for line in ("from time import sleep", "from asyncio import sleep as nap"):
        assert SLEEP.search(line), line
    for line in ("sleep infinity", "--no-random-sleep-on-renew", 'monkeypatch.setattr(push.time, "sleep", pass_over)'):
        assert not SLEEP.search(line), line


def test_few_tests_depend_on_the_machines_speed_and_each_says_why() -> None:
    marks, reasons = [], {}
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("pytest.mark.timing", "pytest.mark.flaky"):
                marks.append(f"{path.relative_to(ROOT)}:{node.lineno}")
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.timing":
                reasons[f"{path.relative_to(ROOT)}:{node.lineno}"] = [getattr(each, "value", "") for each in node.args]
    assert sorted(reasons) == sorted(marks), "the marker is `timing`, and it takes a reason"
    assert [where for where, said in reasons.items() if len(said) != 1 or len(said[0]) < REASON] == []
    assert len(marks) <= MOST_MARKS, sorted(marks)
