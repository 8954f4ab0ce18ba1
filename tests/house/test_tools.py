"""The linters and the type checker find nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = (sys.executable, "-m")
TOOLS = {
    "ansible-lint": (*PYTHON, "ansiblelint", "--offline", "--nocolor", "--format=pep8"),
    "yamllint": (*PYTHON, "yamllint", "--strict", "."),
    "ruff check": (*PYTHON, "ruff", "check", "--quiet", "."),
    "ruff format": (*PYTHON, "ruff", "format", "--check", "--quiet", "."),
    # Nobody comes back to what it would keep of a clone that is deleted.
    "mypy": (*PYTHON, "mypy", "--no-error-summary", *(["--cache-dir=/dev/null"] if os.environ.get("CI") else [])),
}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder, with the programs of this Python environment first in PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PATH": path})


@pytest.mark.parametrize("tool", TOOLS)
def test_linter_finds_nothing(tool: str) -> None:
    result = run(*TOOLS[tool])
    assert result.returncode == 0, result.stdout + result.stderr


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
