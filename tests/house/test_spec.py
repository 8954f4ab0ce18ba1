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
from difusor.spec import deviations

ROOT = Path(__file__).resolve().parents[2]
CLAUSES = spec.load().clauses
IDS = {clause.id for clause in CLAUSES}
CLAUSE = re.compile(r"[A-Z]{2,3}-\d\d")


def tags() -> dict[str, set[str]]:
    """Return, for each clause id, the roles whose tasks have it as a tag."""
    found = defaultdict(set)
    for path in (ROOT / "roles").glob("*/tasks/main.yml"):
        for task in yaml.safe_load(path.read_text(encoding="utf-8")):
            for tag in filter(CLAUSE.fullmatch, task.get("tags", [])):
                found[tag].add(path.parts[-3])
    return found


def markers() -> dict[str, list[str]]:
    """Return, for each clause id, the tests of the compliance suite that have it as a marker."""
    found = defaultdict(list)
    for path in files_of_tests():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for decorator in getattr(node, "decorator_list", []):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.clause":
                    for argument in decorator.args:
                        found[ast.literal_eval(argument)].append(f"{path.parent.name}/{path.name}::{node.name}")
    return found


@pytest.mark.parametrize("clause", [each for each in CLAUSES if each.role], ids=lambda clause: clause.id)
def test_clause_has_a_tag_in_its_role(clause: spec.Clause) -> None:
    assert clause.role in tags()[clause.id]


@pytest.mark.parametrize("clause", [each for each in CLAUSES if not each.optional], ids=lambda clause: clause.id)
def test_clause_has_a_test(clause: spec.Clause) -> None:
    assert markers()[clause.id]


def test_no_tag_and_no_marker_is_unknown() -> None:
    assert set(tags()) - IDS == set()
    assert set(markers()) - IDS == set()


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
