"""What earlier versions kept of cortes and mirrors in two folders is found in the one that they have now."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from difusor.project import UnusableError
from difusor.publish import notes

ELECTION = SimpleNamespace(id="mor-2024", environment="simulacro")
STEM = "mor-2024-simulacro-20240603T020000Z"


@pytest.fixture
def earlier(records: Path) -> Path:
    """Write what an earlier version kept, and what it kept of another election; return the folder of both."""
    build = records.parent
    (build / "signed").mkdir(parents=True)
    (build / "espejos/mor-2024-simulacro").mkdir(parents=True)
    for name in (f"{STEM}.last.json", f"{STEM}.history.jsonl", "mor-2024-official-20240603T020000Z.last.json", ".lock"):
        (build / "signed" / name).write_text(name)
    for name in ("publicado.json", "norte@192.0.2.1.json", "norte@192.0.2.1-1.json"):
        (build / "espejos/mor-2024-simulacro" / name).write_text(name)
    return build


def test_nothing_that_an_earlier_version_kept_is_lost(earlier: Path) -> None:
    folder = notes.folder(ELECTION)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "20240603T020000Z.firmado.json": f"{STEM}.last.json",
        "20240603T020000Z.historia.jsonl": f"{STEM}.history.jsonl",
        **{name: name for name in ("publicado.json", "norte@192.0.2.1.json", "norte@192.0.2.1-1.json")},
    }
    assert [path.name for path in sorted((earlier / "signed").glob("*.json"))] == [
        "mor-2024-official-20240603T020000Z.last.json"
    ]
    assert notes.folder(ELECTION) == folder


def test_what_is_kept_already_is_not_replaced(earlier: Path) -> None:
    new = earlier / "cortes/mor-2024-simulacro/publicado.json"
    new.parent.mkdir(parents=True)
    new.write_text("newer")
    notes.folder(ELECTION)
    assert new.read_text() == "newer"
    assert (earlier / "espejos/mor-2024-simulacro/publicado.json").exists()


def test_what_cannot_be_moved_is_not_forgotten(earlier: Path) -> None:
    (earlier / "cortes").write_text("")
    with pytest.raises(UnusableError, match="lo que guardó una versión anterior: no es una carpeta"):
        notes.folder(ELECTION)
