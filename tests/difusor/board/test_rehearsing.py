"""A difusor whose inventory still links a rehearsal is told by all that is done for the election."""

from __future__ import annotations

from pathlib import Path

import pytest
from corte_kit import make_key
from listing_kit import enrolled, furnish

from difusor.board import rows
from difusor.commands import _chosen
from difusor.countdown import subjects


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home with an official election, in which norte and sur have enrolled, and a rehearsal, which sur links."""
    home = furnish(tmp_path / "instituto", make_key(tmp_path, "firma"), monkeypatch)
    official = (home / "elections/demo.yml").read_text()
    rehearsal = official.replace("election_id: demo", "election_id: ensayo").replace(": official", ": simulacro")
    (home / "elections/ensayo.yml").write_text(rehearsal)
    for name in ("norte", "sur"):
        enrolled(home, name)
    _link(home / "inventories/sur", "ensayo")
    return home


def _link(folder: Path, election: str) -> None:
    (folder / "election.yml").unlink()
    (folder / "election.yml").symlink_to(f"../../elections/{election}.yml")


def test_who_still_links_a_rehearsal_is_told_to_whoever_publishes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _chosen.chosen(None, "demo", "no se les envía")
    said = " ".join(capsys.readouterr().err.split())
    assert [folder.name for folder in found.inventories] == ["norte"]
    assert "enlazan un simulacro y no se les envía: sur (ensayo)" in said


def test_who_still_links_a_rehearsal_is_red_in_the_countdown(home: Path) -> None:
    (row,) = subjects.rehearsing("demo")
    assert row.name == "sur" and "enlaza un simulacro" in row.check.found
    assert f"ln -sfn ../../elections/demo.yml {home}/inventories/sur/election.yml; ./difusor apply -i sur" in (
        row.check.remedy
    )


def test_who_rehearses_only_or_was_put_back_is_not_told(home: Path) -> None:
    assert subjects.rehearsing("ensayo") == []
    _link(home / "inventories/sur", "demo")
    assert subjects.rehearsing("demo") == []
    _link(home / "inventories/sur", "ensayo")
    (home / "inventories/sur/anexo2.json").unlink()  # made for rehearsals, and never enrolled
    assert rows.rehearsing(home / "elections/demo.yml") == []
