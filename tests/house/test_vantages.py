"""House rules for the compliance suite: tests that only measure and tests that alter a server stay apart."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from interpreter_kit import interpreter

from difusor.project import ROOT
from difusor.suite.fixtures import OWN
from difusor.suite.measurement import OFFICIAL, TESTS

LAB = f"{TESTS}/lab"
FOLDERS = (*OFFICIAL, LAB)
# Text of commands that alter a server; a test in server/ or outside/ must not contain it.
ALTERS = re.compile(
    r"""\b(?:
    systemctl\ (?:--?\S+\ )*(?:start|stop|restart|reload|kill|enable|disable|mask)|
    docker\ (?:run|start|stop|kill|rm|pause|update|restart|load)|ufw\ (?:allow|deny|delete|reload)|sed\ -i|
    (?:apt-get|modprobe|chmod|chown|truncate|touch|mkdir|rm|mv|usermod|userdel|useradd(?!\ --defaults))\ |
    (?:banip|certbot|ansible-playbook|publish\.push)\b
    )""",
    re.VERBOSE,
)


def written(folder: str) -> set[str]:
    """Return the tests that the files of a folder define, as <file>::<function>; that of OWN is no test yet."""
    return {
        f"{path.relative_to(ROOT / TESTS)}::{node.name}"
        for path in (ROOT / folder).glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and OWN not in {argument.arg for argument in node.args.args}
    }


def collected(*options: str) -> list[str]:
    """Return the tests that the suite would run with these options, in order, without their parameters."""
    started = interpreter("pytest", "difusor.suite.plugin", "difusor.suite.fixtures")
    done = started.run("-m", "pytest", TESTS, "--collect-only", "-q", *options, cwd=ROOT)
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout + done.stderr
    return [line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line]


def test_what_only_looks_needs_no_lab() -> None:
    assert set(collected()) == set().union(*map(written, OFFICIAL))


def test_what_alters_needs_a_lab_and_comes_last() -> None:
    found, altering = collected("--lab"), written(LAB)
    assert set(found) == set().union(*map(written, FOLDERS))
    alters = [test in altering for test in found]
    assert alters == sorted(alters)


def test_every_test_of_an_official_paper_measures_a_clause_or_a_criterion() -> None:
    assert collected("-m", "not clause and not criterion") == []


def test_no_test_stands_elsewhere() -> None:
    """Every test is in one of the three folders; these rules would not see a test elsewhere."""
    files = (ROOT / TESTS).rglob("test_*.py")
    assert {path.parent.relative_to(ROOT).as_posix() for path in files} == set(FOLDERS)


@pytest.mark.parametrize(
    "path", sorted((ROOT / TESTS).rglob("*.py")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_the_folder_is_the_only_mark(path: Path) -> None:
    assert "mark.lab" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [path for folder in OFFICIAL for path in sorted((ROOT / folder).glob("*.py"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_what_only_looks_names_nothing_that_alters(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line.strip() for line in lines if ALTERS.search(line)] == []


def test_every_question_by_curl_is_asked_past_proxies() -> None:
    """The command stands in one place; with another one a proxy of the vantage point's would answer for the server."""
    asks = re.compile(r"\bcurl -")
    files = [path for folder in (TESTS, *OFFICIAL) for path in sorted((ROOT / folder).glob("*.py"))]
    found = [(path.name, line) for path in files for line in path.read_text().splitlines() if asks.search(line)]
    assert [name for name, _ in found] == ["web_fixtures.py"]
    assert "curl --disable --noproxy '*' " in found[0][1]


def test_the_rule_finds_tests_that_alter() -> None:
    for line in (
        "systemctl --quiet restart nginx",
        "docker kill x",
        "modprobe $name",
        "from difusor.publish.push import",
    ):
        assert ALTERS.search(line), line
    for line in (
        "systemctl show nginx --property Restart",
        "docker inspect x",
        "apt-config dump",
        "systemctl is-active",
    ):
        assert not ALTERS.search(line), line
