"""The rooms (packages) of scripts/: which may import which. Imports go one way only, so there is no cycle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from difusor.project import ROOT

ROOMS = (
    "corte.format",
    "corte.server",
    "difusor.process",
    "difusor.project",
    "difusor.terminal",
    "difusor.spec",
    "difusor.catalog",
    "difusor.inventory",
    "difusor.papers",
    "difusor.servers",
    "difusor.partners",
    "difusor.baseline",
    "difusor.report",
    "difusor.suite",
    "difusor.publish",
    "difusor.board",
    "difusor.listing",
    "difusor.countdown",
    "difusor.synthetic",
    "difusor.acceptance",
    "difusor.lab",
    "difusor.proof",
    "difusor.commands",
    "difusor.cli",
)
"""From the lowest to the highest: each room may import those before it in this list, and none after it."""
SERVER = "corte.server"
"""Code that runs only on a server: no module of the institute's side imports it."""
ENTRANCES = {"corte.__init__", "corte.__main__", "difusor.__init__", "difusor.__main__"}
LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines

MODULES = sorted((ROOT / "scripts").rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "scripts").with_suffix("").parts)


def room_of(module: str) -> str:
    return next((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), "")


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return the imports and functions of a file, wherever in it."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef)
    return tuple(node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds))


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of the project that a file imports, wherever in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the full name of the module instead of a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from filter(room_of, names)


module_test = pytest.mark.parametrize("path", MODULES, ids=name_of)


@module_test
def test_every_module_stands_in_a_room(path: Path) -> None:
    assert room_of(name_of(path)) or name_of(path) in ENTRANCES


@module_test
def test_rooms_import_only_rooms_below_them(path: Path) -> None:
    own = room_of(name_of(path))
    if not own:
        return  # an entrance, such as difusor.cli, may import every room
    upward = [name for name in imported(path) if ROOMS.index(room_of(name)) > ROOMS.index(own)]
    assert upward == []
    if own != SERVER:
        assert [name for name in imported(path) if room_of(name) == SERVER] == []


def test_few_modules_stand_beside_the_rooms() -> None:
    beside = {path.stem for path in (ROOT / "scripts/difusor").glob("*.py")}
    assert beside == {"__init__", "__main__", "cli", "project"}


@pytest.mark.parametrize("package", ["difusor", "corte"])
def test_tests_mirror_the_rooms(package: str) -> None:
    """Each folder of tests has the name of the room that it tests."""
    folders = {path.name for path in (ROOT / "tests" / package).iterdir() if any(path.glob("test_*.py"))}
    rooms = {path.name for path in (ROOT / "scripts" / package).iterdir() if any(path.glob("*.py"))}
    assert folders - rooms == set()


@module_test
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    long = [
        node.name
        for node in nodes(path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []
