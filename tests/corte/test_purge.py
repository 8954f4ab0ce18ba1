"""Purging a rehearsal removes every file of it, and is refused on a server that accepted an official corte."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from corte_kit import FILES, Server, make_key
from orders_kit import Institute

from corte.format import instants
from corte.format.refusal import Refusal
from corte.server.gate import Gate
from corte.server.memory import Memory
from corte.server.purge import known, purge
from difusor.commands import purge as command
from difusor.project import UnusableError
from difusor.publish import notes, rehearsal, target


@pytest.fixture
def server(tmp_path: Path) -> Server:
    server = Server.make(tmp_path / "srv", make_key(tmp_path, "firma"))
    assert server.send(1)["result"] == "shown"
    assert server.send(2, {**FILES, "nuevo.csv": b"n"})["result"] == "shown"
    return server


def test_nothing_of_a_rehearsal_is_left_and_the_next_begins_anew(server: Server):
    (server.config.incoming / "enlace").symlink_to("/etc/passwd")
    head = server.status()["log"]["head"]
    evidence = purge(server.config)
    assert evidence["remaining"] == {}
    assert (evidence["log"]["entries"], evidence["log"]["head"]) == (2, head)
    assert evidence["removed_files"] > 2 * len(FILES)
    for folder in (server.config.incoming, server.config.store, server.config.public, server.config.status_file.parent):
        assert list(folder.iterdir()) == []
    assert Path("/etc/passwd").exists()
    assert server.send(1)["result"] == "shown"


def test_asking_first_touches_nothing(server: Server):
    before = sorted(server.config.store.parent.rglob("*"))
    assert known(server.config)["environment"] == "simulacro"
    assert sorted(server.config.store.parent.rglob("*")) == before


def test_a_log_that_was_edited_is_not_thrown_away(server: Server):
    path = server.config.store / "bitacora.jsonl"
    path.write_text(path.read_text().replace("shown", "SHOWN", 1))
    with pytest.raises(Refusal, match="renglón 2"):
        purge(server.config)
    assert server.shown() == 2


def test_purging_twice_is_no_error(server: Server):
    purge(server.config)
    assert purge(server.config)["removed_files"] == 0


def test_the_real_night_is_never_purged(server: Server):
    official = replace(server, config=replace(server.config, environment="official"))
    Gate(official.config).forget_other_elections()
    assert purge(official.config)["remaining"] == {}, "an official server that has shown nothing yet may be cleaned"
    assert official.send(1, environment="official")["result"] == "shown"
    for asked in (known, purge):
        with pytest.raises(Refusal, match="corte oficial"):
            asked(official.config)
    assert official.shown() == 1


@pytest.fixture
def night(tmp_path: Path) -> Server:
    """A server of the real night that has taken in nothing yet, after a rehearsal that nobody purged."""
    server = Server.make(tmp_path / "srv", make_key(tmp_path, "firma"))
    assert server.send(9)["result"] == "shown"
    server.config = replace(server.config, environment="official")
    Gate(server.config).forget_other_elections()
    return server


def test_the_real_night_is_not_purged_after_its_only_corte_was_withdrawn(night: Server):
    institute = Institute(night)
    assert institute.push(institute.sign(1, environment="official")) == ["shown"]
    assert institute.push(institute.sign(1, withdraw=1, environment="official")) == ["withdrawn"]
    assert Memory(night.config).load().accepted is None
    is_kept(night)


def test_the_real_night_is_not_purged_after_its_only_signer_was_revoked(night: Server):
    assert night.send(1, environment="official")["result"] == "shown"
    night.config.revoked.write_text(night.key.with_suffix(".pub").read_text())
    Gate(night.config).disown()
    assert not Memory(night.config).load().kept
    is_kept(night)


def test_the_real_night_is_not_purged_after_an_order_whose_corte_was_refused(night: Server):
    institute = Institute(night)
    refused = institute.sign(1, "clock-override", environment="official")
    (night.config.incoming / "datos/corte.json").unlink()
    assert night.push(refused.to_bytes())["code"] == "missing"
    is_kept(night)


def is_kept(server: Server) -> None:
    """Assert that purging is refused, and touches nothing."""
    for asked in (known, purge):
        with pytest.raises(Refusal, match="corte oficial"):
            asked(server.config)
    assert (server.config.store / "bitacora.jsonl").exists()


def test_the_real_night_is_not_purged_after_the_server_went_on_to_a_rehearsal(night: Server):
    """As a rehearsal of the next election: its log, with the official cortes, was deleted."""
    assert night.send(1, environment="official")["result"] == "shown"
    night.config = replace(night.config, election="otra-2027", environment="simulacro")
    Gate(night.config).forget_other_elections()
    assert not Memory(night.config).load().kept
    is_kept(night)
    night.config = replace(night.config, election="tercera-2028")
    Gate(night.config).forget_other_elections()
    is_kept(night)


def test_a_rehearsal_is_purged_after_an_official_election_of_which_nothing_was_taken_in(night: Server):
    assert night.send(1)["code"] == "recipient"
    night.config = replace(night.config, environment="simulacro")
    Gate(night.config).forget_other_elections()
    assert night.send(2)["result"] == "shown"
    assert purge(night.config)["remaining"] == {}


def test_what_an_earlier_version_logged_of_a_server_that_went_on_says_no_environment(night: Server):
    log = night.config.store / "bitacora.jsonl"
    assert night.send(1, environment="official")["result"] == "shown"
    memory = Memory(night.config)
    fresh = replace(memory.load(), environment="simulacro", accepted=None, shown=None)
    night.config = replace(night.config, environment="simulacro")
    memory.save(memory.record(fresh, "election", instants.now(), election="demo"))
    assert '"left_environment"' not in log.read_text().splitlines()[-1]
    assert known(night.config)["environment"] == "simulacro"


def test_a_rehearsal_is_refused_by_an_official_server_and_the_reverse(server: Server):
    official = replace(server, config=replace(server.config, environment="official"))
    assert official.send(3)["code"] == "recipient"
    assert server.send(3, environment="official")["code"] == "recipient"


def test_an_official_election_is_not_purged_whatever_its_servers_say(monkeypatch: pytest.MonkeyPatch):
    servers = [SimpleNamespace(election=SimpleNamespace(id="demo", environment="official"))]
    monkeypatch.setattr(target, "read", lambda source: servers)
    with pytest.raises(UnusableError, match="elección oficial"):
        rehearsal.servers(Path("norte"))


def test_what_is_kept_of_one_rehearsal_does_not_replace_what_is_kept_of_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The evidence of each purge is kept in a folder of its own, because the institute rehearses several times."""

    def play(*command: str, **_: object) -> None:
        values = json.loads(command[command.index("--extra-vars") + 1])
        folder = Path(values["purge_evidence"], "norte")
        folder.mkdir(parents=True)
        (folder / "evidence.json").write_text(json.dumps({"remaining": {}}))

    monkeypatch.setattr(notes, "build", lambda: tmp_path)
    monkeypatch.setattr(rehearsal, "run_step", play)
    election = SimpleNamespace(id="demo", environment="simulacro")
    monkeypatch.setattr(
        target, "read", lambda source: [SimpleNamespace(name="norte", address="192.0.2.1", election=election)]
    )
    kept = tmp_path / "build/cortes/demo-simulacro/norte@192.0.2.1.json"
    for day in (12, 19):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("{}")
        monkeypatch.setattr(instants, "now", lambda day=day: datetime(2024, 5, day, tzinfo=UTC))
        with pytest.raises(typer.Exit) as end:
            command.run([Path("norte")], simulacro=True, as_json=True)
        assert end.value.exit_code == 0
    assert (
        len(list(tmp_path.glob("purge/*/norte/evidence.json")))
        == len(list(tmp_path.glob("purge/*/norte/visto-norte@*.json")))
        == 2
    )
    assert not kept.exists(), "the log begins anew, and would seem to have lost entries"
