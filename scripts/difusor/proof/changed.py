"""What `difusor test --changed` runs: the unit tests and, on one release, the test files that a change can affect."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from difusor.project import ROOT
from difusor.proof.affected import EVERYTHING, MACHINE_ONLY, NEEDS_MACHINE, SECONDS, affected, unit_tests_apart
from difusor.proof.suites import UNIT, Suite, releases
from difusor.suite.measurement import TESTS
from difusor.terminal import console, printable

UPSTREAM = "origin/main"
LONG = 90
"""Seconds of tests from which on a second server saves more than it takes to set up; tests mostly wait."""
SHOWN = 20
"""How many changed files are printed by name; the others are only counted."""


class RevisionError(ValueError):
    """The files cannot be compared with a git revision; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What is run for a change. `tests` are names as in `all_tests`; `whole` means all of them.

    `apart` are the folders and files of the unit tests that are left out.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]
    whole: bool
    apart: tuple[str, ...] = ()

    def suites(self) -> list[Suite]:
        """Return the suites to run."""
        release = releases()[0]
        unit = Suite(UNIT, left_out=self.apart)
        if self.whole:
            return [unit, Suite(release)]
        parts = enumerate(dealt_out(self.tests), 1)
        return [unit, *(Suite(release, files_of(names), server=number) for number, names in parts)]


def dealt_out(tests: Iterable[str]) -> list[list[str]]:
    """Deal out names of test files, the longest first, to the servers that run them side by side: none, one or two."""
    longest_first = sorted(tests, key=lambda name: (-SECONDS.get(name, 0), name))
    parts: list[list[str]] = [[], []] if _seconds(longest_first) >= LONG else [[]]
    for name in longest_first:
        min(parts, key=_seconds).append(name)
    return [part for part in parts if part]


def _seconds(names: Iterable[str]) -> int:
    return sum(SECONDS.get(name, 0) for name in names)


def files_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of the test files of these names, which may be in several folders, below the project."""
    chosen = set(names)
    return tuple(path.relative_to(ROOT).as_posix() for path in files_of_tests() if name_of(path) in chosen)


def plan(files: Iterable[str]) -> Plan:
    """Return the plan for a change of these files (paths below the project)."""
    files = tuple(sorted(files))
    reached = {name for path in files for name in affected(path)[0]}
    tests = reached & set(all_tests()) - set(MACHINE_ONLY)
    return Plan(files, tuple(sorted(tests)), EVERYTHING in reached, unit_tests_apart(files))


def all_tests() -> list[str]:
    """Return the names of the test files, each once: without folder, `test_` and `.py`."""
    return sorted(set(map(name_of, files_of_tests())))


def files_of_tests() -> list[Path]:
    """Return the paths of all test files in molecule/tests."""
    return sorted((ROOT / TESTS).glob("*/test_*.py"))


def name_of(path: Path) -> str:
    """Return the name of a test file: the role or the concern that it tests."""
    return path.stem.removeprefix("test_")


def changed_files(revision: str | None = None) -> tuple[str, list[str]]:
    """Return the revision compared with, and the files changed since this branch left it.

    Uncommitted and untracked files count too. The default revision is UPSTREAM if git knows it, else HEAD.
    RevisionError when there is no such revision.
    """
    revision = revision or (UPSTREAM if _git("rev-parse", "--verify", "--quiet", UPSTREAM).returncode == 0 else "HEAD")
    differing = _git("diff", "--name-only", "--no-renames", "-z", "--merge-base", revision, "--")
    if differing.returncode:
        said = differing.stderr.strip().splitlines()[0]
        raise RevisionError(f"no se puede comparar con {revision}; git dice: «{said}»")
    unknown = _git("ls-files", "--others", "--exclude-standard", "-z")
    return revision, sorted({name for name in (differing.stdout + unknown.stdout).split("\0") if name})


def say(revision: str, plan: Plan) -> None:
    """Print which files changed, which tests run for them, and which files need no test and why."""
    console.print(f"Archivos que cambiaron desde {printable(revision)}: {len(plan.files)}")
    for path in plan.files[:SHOWN]:
        names, why = affected(path)
        what = why or ("todo" if EVERYTHING in names else ", ".join(f"test_{name}" for name in names))
        console.print(f"  {printable(path)} [dim]→ {what}[/]", soft_wrap=True)
    if len(plan.files) > SHOWN:
        console.print(f"  y {len(plan.files) - SHOWN} más")
    first, *others = releases()
    if plan.whole:
        console.print(f"[bold]Se prueba[/] unit y {first} completa: el cambio puede alcanzar todo")
        console.print(f"[bold]No se prueba[/] {', '.join(others)} ni vm", soft_wrap=True)
        return
    chosen = f", y en {first}: {_names(plan.tests)}" if plan.tests else "; ninguna prueba de servidor"
    console.print(f"[bold]Se prueba[/] unit{chosen}", soft_wrap=True)
    rest = [name for name in all_tests() if name not in plan.tests and name not in MACHINE_ONLY]
    console.print(f"[bold]No se prueba[/] {', '.join(others)}: una versión basta para una vista rápida", soft_wrap=True)
    console.print(f"  {_names(rest)}: el cambio no las alcanza", soft_wrap=True)
    if plan.apart:
        console.print(f"  de unit, {', '.join(plan.apart)}: el cambio no las alcanza", soft_wrap=True)
    console.print(f"  {_names(MACHINE_ONLY)}: {NEEDS_MACHINE}", soft_wrap=True)
    if plan.tests:
        console.print("  la vista previa (--check) sobre un servidor vacío y sobre uno terminado, ni el dictamen")
    console.print("  todo ello lo hace ./difusor test")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"test_{name}" for name in names)


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
