"""What an operator reads is in Spanish, also where a library, the system or systemd would say it in English."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from house_kit import tracked

ROOT = Path(__file__).resolve().parents[2]
UNITS = [path for path in tracked() if path.is_relative_to(ROOT / "roles") and "/etc/systemd/system/" in str(path)]
DESCRIBED = [path for path in UNITS if "Description=" in path.read_text(encoding="utf-8")]
ENGLISH = {"and", "for", "from", "in", "is", "of", "on", "or", "that", "the", "to", "what", "whether", "with"}
"""Words that hardly an English sentence lacks, and no Spanish one has."""

SYSTEM = {"OSError", "FileNotFoundError", "PermissionError"}
"""The errors whose texts are the system's."""


@pytest.mark.parametrize("path", DESCRIBED, ids=lambda path: path.name)
def test_a_unit_is_described_in_spanish(path: Path) -> None:
    """Operators read the description in `systemctl status`."""
    (said,) = re.findall(r"(?m)^Description=(.*)$", path.read_text(encoding="utf-8"))
    words = set(re.findall(r"[^\W\d_]+", said.lower()))
    assert words & ENGLISH == set()


@pytest.mark.parametrize("room", ["scripts/corte", "scripts/difusor"])
def test_no_message_quotes_what_the_system_says(room: str) -> None:
    """`corte.format.errors.why` says it in Spanish."""
    files = [path for path in tracked() if path.is_relative_to(ROOT / room) and path.suffix == ".py"]
    assert files
    assert [path for path in files if ".strerror" in path.read_text(encoding="utf-8").replace("os.strerror", "")] == []


def quoting(path: Path) -> Iterator[int]:
    """Yield the lines in which a file quotes, as a text, an error of the system that it has caught."""
    for handler in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
            continue
        if SYSTEM.isdisjoint(node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)):
            continue
        for node in ast.walk(handler):
            match node:
                case ast.Call(func=ast.Name("str"), args=[ast.Name(name)]) if name == handler.name:
                    yield node.lineno
                case ast.FormattedValue(value=ast.Name(name)) if name == handler.name:
                    yield node.lineno


@pytest.mark.parametrize("room", ["scripts/corte", "scripts/difusor"])
def test_no_message_is_an_error_of_the_system(room: str) -> None:
    """`difusor.project.refusal` tells any error that may be one. picture.py takes what it has itself said."""
    files = [path for path in tracked() if path.is_relative_to(ROOT / room) and path.suffix == ".py"]
    found = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in quoting(path)]
    assert [each for each in found if not each.startswith("scripts/difusor/inventory/picture.py:")] == []
