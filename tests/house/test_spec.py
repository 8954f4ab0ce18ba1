"""Every clause of the spec has a tag in its role and a test, and every tag and marker names a clause of the spec."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from difusor import spec
from difusor.proof.changed import files_of_tests
from difusor.spec import deviations, expected
from difusor.spec.clauses import Criteria

ROOT = Path(__file__).resolve().parents[2]
CALLS = {name: spec.load(name) for name in spec.names()}
CLAUSES = [(name, clause) for name, call in CALLS.items() for clause in call.clauses]
IDS = {clause.id for _, clause in CLAUSES}
CLAUSE = re.compile(r"[A-Z]{2,3}-\d\d")


def tags() -> dict[str, set[str]]:
    """Return, for each clause id, the roles whose tasks have it as a tag."""
    found = defaultdict(set)
    for path in (ROOT / "roles").glob("*/tasks/main.yml"):
        for task in yaml.safe_load(path.read_text(encoding="utf-8")):
            for tag in filter(CLAUSE.fullmatch, task.get("tags", [])):
                found[tag].add(path.parts[-3])
    return found


def markers(name: str = "clause") -> dict[str, list[str]]:
    """Return, for each clause id, the tests of the compliance suite that have it in a marker of this name."""
    found = defaultdict(list)
    for path in files_of_tests():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for decorator in getattr(node, "decorator_list", []):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{name}":
                    for argument in decorator.args:
                        found[ast.literal_eval(argument)].append(f"{path.parent.name}/{path.name}::{node.name}")
    return found


def test_clause_has_a_tag_in_its_role() -> None:
    there = tags()
    assert [(name, each.id) for name, each in CLAUSES if each.role and each.role not in there[each.id]] == []


def test_clause_has_a_test() -> None:
    there = markers()
    judged = [(name, each) for name, each in CLAUSES if not each.optional and not each.rests_on]
    assert [(name, each.id) for name, each in judged if not there[each.id]] == []


def test_no_tag_and_no_marker_is_of_no_call() -> None:
    assert set(tags()) - IDS == set()
    assert (set(markers()) | set(markers("criterion"))) - IDS == set()


def test_what_is_a_clause_and_a_criterion_is_lacking_in_some_call() -> None:
    """A test has both markers only where the project asks for what some call does not ask for."""
    everywhere = frozenset.intersection(*(frozenset(call.ids) for call in CALLS.values()))
    criteria = {test for tests in markers("criterion").values() for test in tests}
    both = {(clause, test) for clause, tests in markers().items() for test in tests if test in criteria}
    assert {clause for clause, _ in both} & everywhere == set()


def test_no_clause_can_be_measured_that_no_call_has() -> None:
    assert set(expected.VALUES) == IDS


def test_what_nginx_and_apt_go_by_too_is_not_mended_by_the_run_of_one_role() -> None:
    """DG-05 advised the tag corte: the gate had the new window, the pages and the hold of upgrades the old one."""
    of_all = ("election_opens", "election_closes", "election_environment")
    mended = [(name, each) for name, each in CLAUSES if any(variable in each.fix for variable in of_all)]
    assert {each.id for _, each in mended} >= {"DG-05"}
    assert [(name, each.id) for name, each in mended if TAGGED.search(each.fix)] == []


def test_what_mends_a_clause_is_told_by_the_verb_and_names_roles() -> None:
    """Who reads «qué corregir» types verbs; site.yml is the line that one of them prints."""
    assert [(name, each.id) for name, each in CLAUSES if "site.yml" in each.fix] == []
    named = {tag for _, each in CLAUSES for tags in TAGGED.findall(each.fix) for tag in tags.split(",")}
    assert named and named <= {path.name for path in (ROOT / "roles").iterdir()}


TAGGED = re.compile(r"-- --tags (\w+(?:,\w+)*)")
GAP = "[…]"


def passage(text: str) -> re.Pattern[str]:
    """Return a pattern of a passage of the call in which GAP stands for anything."""
    return re.compile(".*?".join(re.escape(part.strip()) for part in text.split(GAP)))


def words(call: str) -> str:
    """Return the text of a call on one line."""
    return " ".join((ROOT / f"spec/{call}.txt").read_text(encoding="utf-8").split())


def test_quote_is_literal() -> None:
    parts = [(name, clause.id, part.strip()) for name, clause in CLAUSES for part in clause.quote.split(GAP)]
    assert [(name, clause, part) for name, clause, part in parts if part not in words(name)] == []


@pytest.mark.parametrize("call", CALLS)
def test_every_sentence_of_the_call_is_quoted_or_left_out_for_a_reason(call: str) -> None:
    """What remains of the call without its quotes and the passages in `unjudged` is numbers, bullets and an «y»."""
    left = words(call)
    for each in CALLS[call].unjudged:
        assert passage(each.text).search(left), each.text
        left = passage(each.text).sub(" ", left, count=1)
    parts = [part.strip() for clause in CALLS[call].clauses for part in clause.quote.split(GAP)]
    for part in sorted(parts, key=len, reverse=True):
        left = left.replace(part, " ", 1)
    assert re.findall(r"[^\W\d_]{2,}[^.]*", left) == []


FALLBACKS = {"call.rsync_port": ("DG-07", "port"), "call.web_ports": ("RED-03", "ports")}
"""What the spec tells of every call: the value of a clause, or the project's own where the call lacks the clause."""


def read_values() -> dict[tuple[str, str], list[str]]:
    """Return which tests read which required value: as `expect("ID")["key"]`, by a variable, or in `criteria`."""
    found = defaultdict(list)
    for path in files_of_tests():
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            given = [pair for node in ast.walk(function) if isinstance(node, ast.Assign) for pair in pairs(node)]
            named = {name.id: clause for name, value in given if (clause := asked(value, {}))}
            for node in ast.walk(function):
                if (known := ast.unparse(node)) in FALLBACKS:
                    found[FALLBACKS[known]].append(f"{path.name}::{function.name}")
                index = node.slice if isinstance(node, ast.Subscript) else None
                if isinstance(index, ast.Constant) and (clause := asked(node.value, named)):
                    found[clause, str(index.value)].append(f"{path.name}::{function.name}")
    return found


def pairs(node: ast.Assign) -> list[tuple[ast.Name, ast.expr]]:
    """Return each name that a statement assigns, with its value: one of `a = x`, two of `a, b = x, y`."""
    found = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            found += list(zip(target.elts, node.value.elts, strict=False))
        else:
            found.append((target, node.value))
    return [(name, value) for name, value in found if isinstance(name, ast.Name)]


def asked(node: ast.expr, named: dict[str, str]) -> str:
    """Return the clause whose values an expression gives: `expect("HW-02")`, a variable for it, or the criteria."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "expect":
        return str(ast.literal_eval(node.args[0]))
    name = node.id if isinstance(node, ast.Name) else ""
    return named.get(name, "criteria" if name == "criteria" else "")


def test_every_required_value_is_read_by_a_test() -> None:
    required = {(clause.id, key) for _, clause in CLAUSES for key in clause.expect}
    required |= {("criteria", key) for key in Criteria.model_fields}
    assert required - set(read_values()) == set()


def reads(function: ast.FunctionDef) -> set[str]:
    """Return the clauses whose values a function asks for; "?" for one that is not written there."""
    asking = [node for node in ast.walk(function) if isinstance(node, ast.Call) and ast.unparse(node.func) == "expect"]
    return {str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else "?" for node in asking}


def wrong_reads(source: str) -> list[str]:
    """Return the functions of a file of tests that ask for the values of other clauses than they measure.

    A call may have any of a test's clauses without the others: a test that reads the values of one is about that one
    alone. What several tests share is given the values.
    """
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    marked = {each.name: set(_clauses_of(each)) for each in functions}
    return [each.name for each in functions if (asked_for := reads(each)) and asked_for != marked[each.name]]


def _clauses_of(function: ast.FunctionDef) -> list[str]:
    marks = [node for node in function.decorator_list if isinstance(node, ast.Call)]
    return [
        ast.literal_eval(each) for mark in marks if ast.unparse(mark.func) == "pytest.mark.clause" for each in mark.args
    ]


@pytest.mark.parametrize(
    "path",
    [path for folder in ("server", "outside", "") for path in sorted((ROOT / "molecule/tests" / folder).glob("*.py"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_a_test_reads_the_values_of_what_it_measures(path: Path) -> None:
    """In a call that lacks the other clause it would measure nothing, and the paper would be without its proof."""
    assert wrong_reads(path.read_text(encoding="utf-8")) == []


def test_the_rule_finds_values_of_other_clauses() -> None:
    for marks, value in (("RED-04", "RED-03"), ("RED-04", "DG-07"), ('DG-07", "SW-02', "DG-07")):
        source = f'@pytest.mark.clause("{marks}")\ndef test_x(expect):\n    assert expect("{value}")["port"]\n'
        assert wrong_reads(source) == ["test_x"], source
    assert wrong_reads('@pytest.fixture\ndef ports(expect):\n    return expect("RED-03")["ports"]\n') == ["ports"]
    assert wrong_reads('@pytest.mark.clause("RED-04")\ndef test_x(expect):\n    expect("RED-04")["ports"]\n') == []


def test_every_test_of_the_suite_is_evidence() -> None:
    """Every test has a docstring, because the dictamen prints it as the evidence."""
    silent = []
    for path in files_of_tests():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node):
                silent.append(f"{path.parent.name}/{path.name}::{node.name}")
    assert silent == []


def test_each_deviation_stands_once_with_its_reason() -> None:
    rules = [each.rule for topic in deviations.load().values() for each in topic]
    assert len(rules) == len(set(rules))


@pytest.mark.parametrize("auditor", deviations.AUDITORS)
def test_each_id_of_an_auditor_stands_once(auditor: deviations.Auditor) -> None:
    ids = [name for topic in deviations.load().values() for each in topic for name in each.ids(auditor)]
    assert ids
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize(
    ("auditor", "name"), [("cis", "xccdf.rule"), ("lynis", "ssh"), ("docker-bench", 2.9), ("docker-bench", "userns")]
)
def test_an_id_of_another_form_is_refused(tmp_path: Path, auditor: str, name: object) -> None:
    path = tmp_path / "deviations.yml"
    path.write_text(f"SSH: [{{rule: Uno, reason: dos, {auditor}: [{name}]}}]", encoding="utf-8")
    with pytest.raises(spec.SpecError, match="deviations"):
        deviations.load(path)


@pytest.mark.parametrize("text", ["SSH: []", "SSH: [{rule: Uno}]", "SSH: [{rule: Uno, reason: ''}]", "{"])
def test_a_deviation_without_a_reason_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deviations.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(spec.SpecError, match="deviations"):
        deviations.load(path)


def test_every_tag_of_a_task_is_one_that_runs_accept() -> None:
    """The check of a run's tags knows the roles, the clauses and a few more; a tag beyond them could not be used."""
    known = {path.name for path in (ROOT / "roles").iterdir()} | IDS | {"always", "never", "inventory"}
    files = [*(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "playbooks").glob("*.yml")]
    assert {tag for path in files for tag in all_tags(yaml.safe_load(path.read_text(encoding="utf-8")))} <= known


def all_tags(node: object) -> set[str]:
    """Return the tags anywhere below a node of a playbook or task file."""
    if isinstance(node, list):
        return set().union(*map(all_tags, node))
    if not isinstance(node, dict):
        return set()
    return set(node.get("tags", [])).union(*map(all_tags, node.values()))
