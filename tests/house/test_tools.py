"""The linters and the type checker find nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_kit import in_path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = (sys.executable, "-m")
TOOLS = {
    "ansible-lint": (sys.executable, str(ROOT / "tests/lint_kit.py"), "--offline", "--nocolor", "--format=pep8"),
    "yamllint": (*PYTHON, "yamllint", "--strict", "."),
    "ruff check": (*PYTHON, "ruff", "check", "--quiet", "."),
    "ruff format": (*PYTHON, "ruff", "format", "--check", "--quiet", "."),
    # Nobody comes back to what it would keep of a clone that is deleted.
    "mypy": (*PYTHON, "mypy", "--no-error-summary", *(["--cache-dir=/dev/null"] if os.environ.get("CI") else [])),
}

TWO_MODULES = """---
- name: Play
  hosts: localhost
  tasks:
    - name: Say it
      ansible.builtin.debug:
      ansible.builtin.ping:
"""
FAULTS = """---
- name: Play
  hosts: localhost
  tasks:
    - name: say it
      shell: echo it
    - name: Say it
      ansible.builtin.command: echo {{it}}
      when: "{{ it }}"
"""
FOUND = ("command-instead-of-shell", "fqcn[action-core]", "jinja[spacing]", "name[casing]", "no-jinja-when")
"""What as many rules say of the same tasks."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder, with the programs of this Python environment first in PATH.

    The linter of playbooks starts Ansible for each of them, which is most of its work if each imports Ansible anew.
    """
    with in_path() as environment:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("tool", TOOLS)
def test_linter_finds_nothing(tool: str) -> None:
    result = run(*TOOLS[tool])
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of two playbooks, in one run because its start takes longer than that."""
    folder = tmp_path_factory.mktemp("playbooks")
    for name, text in (("two_modules", TWO_MODULES), ("faults", FAULTS)):
        (folder / f"{name}.yml").write_text(text)
    result = run(*TOOLS["ansible-lint"], *map(str, sorted(folder.iterdir())))
    assert result.returncode == 2, result.stderr
    return result.stdout


def test_the_linter_finds_what_ansible_does_not_take(linted: str) -> None:
    """What only Ansible itself knows: a task has two modules."""
    assert "two_modules.yml:5" in linted and "syntax-check[specific]" in linted, linted


def test_each_rule_of_the_linter_sees_each_task(linted: str) -> None:
    """The rules share what the linter has parsed of a task (lint_kit)."""
    assert [rule for rule in FOUND if f" {rule}" not in linted] == [], linted
    assert linted.count(" no-changed-when") == 2, linted


def test_ansible_lint_ignores_nothing() -> None:
    ignored = ROOT / ".ansible-lint-ignore"
    assert not ignored.exists() or not ignored.read_text(encoding="utf-8").strip()


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_finds_nothing() -> None:
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    scripts = [
        name for name in names if not name.endswith(".j2") and (ROOT / name).is_file() and _is_shell(ROOT / name)
    ]
    result = run("shellcheck", "--external-sources", "--check-sourced", "--source-path=SCRIPTDIR", *scripts)
    assert result.returncode == 0, result.stdout


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and first.split()[-1].rsplit(b"/")[-1] in (b"sh", b"bash")
