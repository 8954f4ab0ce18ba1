"""A difusor whose inventory still links a rehearsal is told by all that is done for the election."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
import typer
from click.testing import CliRunner, Result
from corte_kit import FILES, make_key, write_files
from listing_kit import enrolled, furnish
from publish_kit import command_of, make_target

from corte.format import instants
from difusor.board import dictamens, page, rows
from difusor.commands import _chosen, publish, status
from difusor.commands import list as list_verb
from difusor.countdown import subjects
from difusor.inventory import linked, load_election
from difusor.listing import making, watching
from difusor.listing.making import Making
from difusor.partners import revocation
from difusor.publish import deliver, signing
from difusor.publish import target as targets
from difusor.publish.deliver import Outcome
from difusor.report.index import OFF_THE_LIST
from difusor.report.verdict import Overall

TOLD = "se inscribió en demo, y su election.yml enlaza un simulacro (ensayo)"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


@pytest.fixture
def home(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home with an official election, in which norte and sur have enrolled, and a rehearsal, which sur links."""
    home = furnish(tmp_path / "instituto", key, monkeypatch)
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


def _revoke(folder: Path) -> None:
    (folder / f"group_vars/{folder.name}").mkdir(parents=True)
    revocation.revoke(folder, revocation.Order(by="Pleno", reason="alteró los resultados"))


def _run(verb: ModuleType, *words: str | Path) -> tuple[Result, str]:
    """Run a verb for the election; return how it ended, and what it said on the terminal, in one line."""
    done = CliRunner().invoke(command_of(verb), [*map(str, words), "--election", "demo"])
    return done, " ".join(done.stderr.split())


def _remedy(home: Path) -> str:
    return f"ln -sfn ../../elections/demo.yml {home}/inventories/sur/election.yml; ./difusor apply -i sur"


def test_who_still_links_a_rehearsal_is_told_to_whoever_publishes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _chosen.chosen(None, "demo", "no se les envía")
    said = " ".join(capsys.readouterr().err.split())
    assert [folder.name for folder in found.inventories] == ["norte"]
    assert "enlazan un simulacro y no se les envía: sur (ensayo)" in said
    assert "./difusor status --election demo" in said
    _link(home / "inventories/norte", "ensayo")
    with pytest.raises(typer.Exit):
        _chosen.chosen(None, "demo", "no se les envía")
    assert "simulacro y no se les envía: norte (ensayo), sur (ensayo)" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("good", [True, False])
def test_a_corte_that_they_did_not_get_is_not_with_all(
    home: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: bool
) -> None:
    """All others have it. A timer that reads the exit status took it for one that everybody has."""
    folder, election = tmp_path / "corte", home / "elections/demo.yml"
    write_files(folder, {**FILES, "datos/corte.json": b'{"secuencia": 7, "corte": "2024-06-03T03:10:00Z"}'})
    signing.sign(folder, load_election(election), key)
    outcome = Outcome("norte", "shown" if good else "failed", "corte 7", 1, 0.1)
    monkeypatch.setattr(deliver, "deliver", lambda *_: outcome)
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election, source.name)])
    done, said = _run(publish, folder, "--json")
    document = json.loads(done.stdout)
    assert [each["result"] for each in document["difusores"]] == [outcome.result]
    assert (document["rehearsing"], document["astray"], document["left_out"]) == (["sur"], [], [])
    assert done.exit_code == (3 if good else 1) and "sur (enlaza un simulacro)" in said
    assert f"Bien: {int(good)} de 2" in said
    _link(home / "inventories/sur", "demo")
    done, _ = _run(publish, folder, "--json")
    assert (done.exit_code, json.loads(done.stdout)["rehearsing"]) == (0 if good else 1, [])


def test_the_official_list_is_not_signed_without_them_in_silence(home: Path, key: Path) -> None:
    done, said = _run(list_verb, home / "lista", "--key", key)
    assert done.exit_code == 1
    assert f"sur no está en la lista: {TOLD}; si ya terminó: {_remedy(home)}." in said
    assert "sur" not in (home / "lista/lista.json").read_text()


def test_the_watch_says_why_they_leave_the_list(home: Path, key: Path) -> None:
    """It said that their inventory was no longer there."""
    wanted = Making("demo", home / "lista", key)
    _link(home / "inventories/sur", "demo")
    assert [each.id for each in making.make(wanted).shown] == ["norte", "sur"]
    _link(home / "inventories/sur", "ensayo")
    *_, (event,) = watching._known(wanted)
    assert (event.change, event.listed.id) == ("sale", "sur") and event.faults[0].startswith(TOLD)
    _revoke(home / "inventories/sur")
    *_, (event,) = watching._known(wanted)
    assert event.faults[0].startswith("fuera de la lista desde ")


def test_the_board_keeps_their_row_and_says_what_is_wrong(home: Path) -> None:
    done, said = _run(status)
    assert f"sur: {TOLD}; si ya terminó: {_remedy(home)}." in said and "norte:" not in said
    done, _ = _run(status, "--json")
    away = {row["id"]: row["away"] for row in json.loads(done.stdout)["rows"]}
    assert away.keys() == {"norte", "sur"} and away["norte"] == "" and away["sur"].startswith(TOLD)
    official = home / "elections/demo.yml"
    board = rows.board(load_election(official), [], instants.now(), rows.away(official))
    assert f"<p>Aviso: {TOLD}" in page.html(board)


def test_who_is_off_the_list_is_only_that(home: Path) -> None:
    _revoke(home / "inventories/sur")
    assert _chosen.chosen(None, "demo", "no se les envía").rehearsing == ()
    done, _ = _run(status, "--json")
    (sur,) = (row for row in json.loads(done.stdout)["rows"] if row["id"] == "sur")
    assert sur["revoked"].startswith("fuera de la lista desde ") and sur["away"] == ""
    (left,) = making.read(Making("demo", None, None))[1].left
    assert (left.id, left.revoked, left.damage) == ("sur", True, False)
    found = dictamens.chosen("demo")
    assert [folder.name for folder in found.folders] == ["norte", "sur"] and found.apart == {}
    off = dictamens.measure_all(found.folders[1:], home / "build/dictamen", 1, lambda *_: None, lambda _: None)
    assert [row.verdict for row in off] == [OFF_THE_LIST]


def test_the_index_of_dictamens_has_their_row(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictamens, "measure_all", lambda *_: [])
    found = dictamens.chosen("demo")
    assert [folder.name for folder in found.folders] == ["norte"]
    measured = dictamens.measure(found, tmp_path / "dictamen", 1, lambda *_: None, lambda _: None)
    (sur,) = measured.index.rows
    assert (sur.id, sur.verdict, measured.status) == ("sur", Overall.UNREACHABLE, 2)
    assert sur.why.startswith(TOLD) and sur.action.endswith("./difusor report -i sur")


def test_who_still_links_a_rehearsal_is_red_in_the_countdown(home: Path) -> None:
    (row,) = subjects.rehearsing("demo")
    assert row.name == "sur" and "enlaza un simulacro" in row.check.found
    assert row.check.remedy == linked.back(home / "inventories/sur", "demo") == _remedy(home)


def test_the_countdown_has_rows_when_all_of_them_link_a_rehearsal(home: Path) -> None:
    """It said that no inventory was of the election, and to enrol the difusores."""
    _link(home / "inventories/norte", "ensayo")
    assert subjects.of_election("demo") == []
    assert [row.name for row in subjects.rehearsing("demo")] == ["norte", "sur"]


def test_who_rehearses_only_or_was_put_back_is_not_told(home: Path) -> None:
    assert subjects.rehearsing("ensayo") == []
    _link(home / "inventories/sur", "demo")
    assert subjects.rehearsing("demo") == []
    _link(home / "inventories/sur", "ensayo")
    (home / "inventories/sur/anexo2.json").unlink()  # made for rehearsals, and never enrolled
    assert rows.rehearsing(home / "elections/demo.yml") == []
