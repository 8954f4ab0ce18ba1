"""The map of `difusor test --changed` names every role and every test file, and none that no longer exists."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from house_kit import tracked

from difusor.proof.affected import APART, EVERYTHING, MACHINE_ONLY, PATHS, SECONDS, TESTS_OF_ROLES, affected
from difusor.proof.changed import all_tests
from difusor.proof.suites import ONCE

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
TARGETS = {name for names in TESTS_OF_ROLES.values() for name in names}
TARGETS |= {name for _, names in PATHS if not isinstance(names, str) for name in names}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_tests(role: str) -> None:
    names, _ = affected(f"roles/{role}/tasks/main.yml")
    assert names and EVERYTHING not in names
    assert set(names) <= set(all_tests())


@pytest.mark.parametrize("name", all_tests())
def test_a_file_of_tests_is_reached_from_elsewhere(name: str) -> None:
    """Otherwise no change of the code that it tests would ever run it."""
    assert name in TARGETS | set(MACHINE_ONLY)


def test_every_name_of_the_map_exists() -> None:
    names = [str(path.relative_to(ROOT)) for path in tracked()]
    assert set(TESTS_OF_ROLES) == set(ROLES)
    assert (TARGETS | set(MACHINE_ONLY) | set(SECONDS)) - set(all_tests()) == set()
    assert [path for path in APART if not (ROOT / path).exists()] == []
    assert [pattern for pattern, _ in PATHS if not any(fnmatchcase(name, pattern) for name in names)] == []


def test_unit_tests_that_a_change_of_roles_leaves_out_name_none() -> None:
    """Nor what would run playbooks or render a role's files, but for the pages that nginx shows by itself."""
    naming = re.compile(
        r"\b(ansible|managed|nginx|variables)_kit\b|\"roles\"|\broles/(?!nginx/templates/usr/share/prep/avisos)"
    )
    folders = [ROOT / path for path in APART]
    files = [path for each in folders for path in ([each] if each.is_file() else each.rglob("*.py"))]
    assert [path for path in files if naming.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("name", ONCE)
def test_what_runs_on_one_release_carries_no_clause(name: str) -> None:
    """Otherwise the dictamen of the other releases would lack its evidence."""
    text = (ROOT / "molecule/tests" / name).read_text(encoding="utf-8")
    assert "def test_" in text
    assert "mark.clause" not in text
