"""What this machine keeps of mirrors: a log that lost entries is told from one that begins a new segment."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_kit import FILES, write_files
from publish_kit import make_target

from corte.format import files, instants, manifest
from corte.format.standing import Standing
from corte.server import log
from difusor.inventory import load_election
from difusor.publish import deliver, mirror, seen, signing
from difusor.publish.deliver import Options
from difusor.publish.seen import Seen
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target

NAME = "norte@10.0.0.1"


@pytest.fixture
def target(election: Path) -> Target:
    return make_target(election)


@pytest.fixture
def kept(tmp_path: Path) -> Seen:
    return Seen(tmp_path / "cortes")


class Server:
    """A mirror's log, written by the server's own code, and what its estado.json says of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bitacora.jsonl"
        self.head, self.segments = log.Head(), 1

    def write(self, lines: int = 1, event: str = "shown") -> dict[str, Any]:
        for _ in range(lines):
            self.head, is_new = log.append(self.path, self.head, event, instants.now())
            self.segments += is_new
        return self.status()

    def status(self) -> dict[str, Any]:
        return {"log": {"entries": self.head.entries, "head": self.head.sha256, "segments": self.segments}}

    def cut(self, lines: int) -> None:
        """Remove lines from the log's end, as root on the server can."""
        self.path.write_bytes(b"".join(self.path.read_bytes().splitlines(keepends=True)[:-lines]))


def forget(server: Server) -> dict[str, Any]:
    """Have the state forget what the log lost, too: its root can write both."""
    server.head = log.end(server.path)
    return server.status()


def rewrite(server: Server) -> dict[str, Any]:
    server.cut(1)
    forget(server)
    return server.write(event="gate")


def begin_anew(server: Server) -> dict[str, Any]:
    server.path.unlink()
    server.head = log.Head()
    return server.write(2)


def cut_with_state(server: Server) -> dict[str, Any]:
    server.cut(2)
    return forget(server)


def cut_alone(server: Server) -> dict[str, Any]:
    server.cut(2)
    return server.write()


def damage(server: Server) -> dict[str, Any]:
    content = bytearray(server.path.read_bytes())
    content[5] ^= 1
    server.path.write_bytes(content)
    return server.write()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_what_is_handed_over_is_not_written_back_by_another_run(
    kept: Seen, target: Target, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `publish` that had read the record wrote it anew after the purge, and accused the mirror of a lost log."""
    kept.note(target, server.write(5), instants.now())
    move, folder = shutil.move, kept.path(target.election, NAME).parent

    def moved(source: Path, where: Path) -> None:
        with pytest.raises(BlockingIOError), files.locked(folder, wait=False):
            pass
        move(source, where)

    monkeypatch.setattr(shutil, "move", moved)
    kept.hand_over(target, tmp_path)
    assert [path.name for path in tmp_path.glob("visto-*")] == [f"visto-{NAME}.json"]
    assert kept.note(target, begin_anew(server), instants.now()) == []


def test_what_was_seen_of_a_server_under_another_election_is_handed_over_too(
    kept: Seen, target: Target, server: Server, signed: SignedCorte, election: Path, tmp_path: Path
) -> None:
    """Official, back to a rehearsal, purged, official again: `audit` accused the mirror of a log that lost entries."""
    assert kept.note(target, server.write(8), instants.now()) == kept.publish(signed, target.election) == []
    other = replace(target, name="sur")
    assert kept.note(other, server.status(), instants.now()) == []
    election.write_text(election.read_text().replace("environment: official", "environment: simulacro"))
    test = make_target(election)
    assert kept.note(test, server.write(2), instants.now()) == []
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    kept.hand_over(test, evidence)
    status = begin_anew(server)
    assert kept.note(test, status, instants.now()) == kept.note(target, status, instants.now()) == []
    assert kept.faults(target) == []
    names = [f"visto-demo-official/{NAME}.json", f"visto-{NAME}.json"]
    assert sorted(str(path.relative_to(evidence)) for path in evidence.rglob("*.json")) == names
    assert kept.published(target.election)[0] is not None, "other mirrors have that corte"
    assert "perdió renglones" in kept.note(other, status, instants.now())[0], "that is another server"


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (lambda server: server.status(), ""),
        (lambda server: server.write(7), ""),
        (cut_with_state, "perdió renglones: tenía 5 y tiene 3"),
        (begin_anew, "perdió renglones: tenía 5 y tiene 2"),
        (rewrite, "se escribió de nuevo: su renglón 5"),
        (cut_alone, "sigue en otro segmento (el 2"),
        (damage, "sigue en otro segmento (el 2"),
        (lambda server: {}, "ya no dice la cabeza"),
        (lambda server: {"log": {"entries": -1, "head": "x", "segments": 1}}, "ya no dice la cabeza"),
        (lambda server: {"log": {**server.status()["log"], "segments": 2}}, "se escribió de nuevo"),
    ],
    ids=["same", "grown", "cut", "begun anew", "rewritten", "cut, told", "damaged", "silent", "nonsense", "renumbered"],
)
def test_a_log_that_lost_entries_is_told_from_a_new_segment(
    kept: Seen, target: Target, server: Server, happen: Callable[[Server], dict[str, Any]], said: str
):
    assert kept.note(target, server.write(5), instants.now()) == []
    status = happen(server)
    told = kept.note(target, status, instants.now())
    assert (said in told[0]) if said else told == []
    is_fault = "perdió" in said or "se escribió" in said
    assert kept.faults(target) == (told if is_fault else [])
    assert all(each.endswith("antes de todo ./difusor apply -i X") for each in kept.faults(target))
    server.segments = status.get("log", {}).get("segments", 1)
    assert kept.note(target, server.write(), instants.now()) == []
    assert kept.faults(target) == (told if is_fault else []), "the record keeps what was told once"


def test_a_log_that_lost_entries_is_told_at_another_address_too(
    kept: Seen, target: Target, server: Server, election: Path
) -> None:
    """The providers' snapshots come back at another address, of which nothing was known."""
    moved, other = replace(target, address="2001:db8::2"), replace(target, name="sur", address="2001:db8::2")
    assert kept.note(target, server.write(5), instants.now()) == []
    (fault,) = kept.note(moved, cut_with_state(server), instants.now())
    assert "cambió de dirección, y su bitácora perdió renglones: tenía 5 y tiene 3; si volvió" in fault
    assert kept.faults(moved) == [fault] and kept.faults(target) == []
    assert kept.note(moved, server.write(), instants.now()) == [], "it is told once"
    assert kept.note(other, begin_anew(server), instants.now()) == [], "that is another server"
    kept.path(target.election, "norte@2001:db8::2").unlink()
    assert kept.note(moved, server.status(), instants.now()) == [], "whoever moves the file away begins anew"


def test_a_record_that_is_renamed_where_it_was_is_not_taken_for_that_of_another_address(
    kept: Seen, target: Target, server: Server
) -> None:
    """So the manual ends what is repeated, and whoever renames the file does not move it to another folder."""
    assert kept.note(target, server.write(5), instants.now()) == []
    assert kept.note(target, cut_with_state(server), instants.now()) == kept.faults(target) != []
    path = kept.path(target.election, NAME)
    path.rename(path.with_name(f"{path.stem}.viejo.json"))
    assert kept.note(target, server.write(), instants.now()) == kept.faults(target) == []


@pytest.mark.parametrize("former", ["10.0.0.12", "10.0.0.1"])
def test_an_address_that_begins_as_the_present_one_is_another_one(
    kept: Seen, target: Target, server: Server, former: str
) -> None:
    """The server moved from 10.0.0.12 to 10.0.0.1: what its log lost on the way has to be told."""
    present = "10.0.0.1" if former == "10.0.0.12" else "10.0.0.12"
    assert kept.note(replace(target, address=former), server.write(5), instants.now()) == []
    told = kept.note(replace(target, address=present), cut_with_state(server), instants.now())
    assert "cambió de dirección, y su bitácora perdió renglones: tenía 5 y tiene 3" in told[0]


def test_a_log_that_has_grown_goes_on_at_another_address(kept: Seen, target: Target, server: Server) -> None:
    assert kept.note(target, server.write(5), instants.now()) == []
    moved = replace(target, address="10.0.0.2")
    assert kept.note(moved, server.write(2), instants.now()) == []
    assert "tenía 7 y tiene 5" in kept.note(moved, cut_with_state(server), instants.now())[0]
    assert not kept.path(target.election, NAME).exists()


@pytest.mark.parametrize(
    ("hosts", "faults"),
    [
        ("norte: {ansible_host: 10.0.0.1}", 0),
        ("norte: {ansible_host: 10.0.0.3}  # antes 10.0.0.1", 1),
        ("sur: {ansible_host: 10.0.0.1}", 1),
        ("norte: [", 1),
        ("- norte", 1),
    ],
    ids=["another difusor's", "moved", "its address is another's", "broken", "no servers"],
)
def test_the_log_of_another_difusors_server_of_that_name_is_left_alone(
    kept: Seen, target: Target, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hosts: str, faults: int
) -> None:
    monkeypatch.setenv("DIFUSOR_HOME", str(tmp_path))
    folder = tmp_path / "inventories/otro"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text(f"difusores: {{children: {{otro: {{hosts: {{\n{hosts}\n}}}}}}}}\n")
    assert kept.note(target, server.write(5), instants.now()) == []
    moved = replace(target, address="10.0.0.2")
    assert len(kept.note(moved, cut_with_state(server), instants.now())) == faults
    assert kept.path(target.election, NAME).exists() == (not faults)


def test_two_runs_at_once_raise_no_alarm(kept: Seen, target: Target, server: Server):
    """The one that asked first may be the last to note its answer."""
    asked, first = instants.now(), server.write(5)
    assert kept.note(target, server.write(2), instants.now()) == []
    assert kept.note(target, first, asked - timedelta(seconds=1)) == []
    assert kept.note(target, server.status(), instants.now()) == []
    assert kept.faults(target) == []


def test_another_opening_begins_a_new_record(kept: Seen, target: Target, server: Server, election: Path):
    kept.note(target, server.write(5), instants.now())
    election.write_text(election.read_text().replace("2024-06-03T02:00", "2024-06-03T01:00"))
    assert kept.note(make_target(election), begin_anew(server), instants.now()) == []


def test_what_was_kept_of_another_opening_stays_beside_the_new_record(
    kept: Seen, target: Target, server: Server, election: Path
) -> None:
    """It was written over, and with it went the only evidence of that opening's log."""
    path, opened = kept.path(target.election, NAME), election.read_text()
    for hour in ("02", "01", "02"):
        election.write_text(opened.replace("2024-06-03T02:00", f"2024-06-03T{hour}:00"))
        assert kept.note(make_target(election), server.write(), instants.now()) == []
    earlier = [path.parent / "anteriores" / f"{NAME}-{number}.json" for number in (1, 2)]
    told = [json.loads(json.loads(each.read_text())["kept"]) for each in (*earlier, path)]
    assert [each["heads"][0]["entries"] for each in told] == [1, 2, 3]
    assert kept.without_light(target.election) == []


SPOILS: dict[str, Callable[[Path], object]] = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "emptied": lambda path: path.write_bytes(b""),
    "one bit": lambda path: path.write_bytes(path.read_bytes().replace(b'\\"entries\\":5', b'\\"entries\\":4')),
    "foreign": lambda path: path.write_text('{"kept": [], "sha256": {}}'),
    "nested": lambda path: path.write_text("[" * 100_000),
    "too long": lambda path: path.write_bytes(b" " * (seen.MOST_BYTES + 1)),
    "folder": lambda path: (path.unlink(), path.mkdir(), (path / "x").touch()),
    "link": lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_damaged_record_is_told_put_aside_and_begun_anew(kept: Seen, target: Target, server: Server, spoil: str):
    kept.note(target, server.write(5), instants.now())
    path = kept.path(target.election, NAME)
    SPOILS[spoil](path)
    (told,) = kept.note(target, server.write(), instants.now())
    aside = f".apartado-{NAME}.json-1"
    assert f"{path} estaba dañado: queda en {aside}" in told
    assert os.path.lexists(path.with_name(aside))
    assert kept.note(target, cut_with_state(server), instants.now()) != []


def test_a_record_of_a_later_version_is_told_and_stays_where_it_is(
    kept: Seen, target: Target, server: Server, signed: SignedCorte
):
    """It was put aside, and whoever went back to an earlier version lost what was known of each mirror's log."""
    kept.note(target, server.write(5), instants.now())
    assert not kept.publish(signed, target.election)
    for name in (NAME, seen.PUBLISHED):
        path = kept.path(target.election, name)
        said = json.dumps({**json.loads(json.loads(path.read_text())["kept"]), "knows_tomorrow": True})
        path.write_text(before := json.dumps({"kept": said, "sha256": manifest.digest(said.encode())}))
        for _ in range(2):
            if name == NAME:
                (told,) = kept.note(target, server.write(), instants.now())
            else:
                (told,) = kept.publish(signed, target.election)
            assert str(path) in told and "una versión posterior del proyecto" in told and "git pull" in told
            assert path.read_text() == before
            assert [*path.parent.glob(".apartado-*")] == []
    assert kept.faults(target) == [] and kept.without_light(target.election) == []


@pytest.fixture
def signed(tmp_path: Path, target: Target, key: Path) -> SignedCorte:
    write_files(tmp_path / "corte", FILES)
    return signing.sign(tmp_path / "corte", target.election, key, 7, instants.now())


def deliveries(
    signed: SignedCorte, target: Target, kept: Seen, monkeypatch: pytest.MonkeyPatch, *said: dict[str, Any]
) -> deliver.Outcome:
    """Deliver to a mirror that answers `said`, one after the other; it shows the corte from the second on."""
    words = [dict(status) for status in said]
    monkeypatch.setattr(mirror.Mirror, "status", lambda self: words.pop(0) if len(words) > 1 else words[0])
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    return deliver.deliver(signed, target, Options(wait=0, seen=kept))


def test_publishing_sees_a_log_cut_before_it_and_one_cut_meanwhile(
    signed: SignedCorte, target: Target, kept: Seen, server: Server, monkeypatch: pytest.MonkeyPatch
):
    """Also when the log has as many entries again, because this very corte added some."""
    shown = {"shown": {"manifest_sha256": signed.sha256}}
    assert deliveries(signed, target, kept, monkeypatch, server.write(5), server.write() | shown).warnings == []
    cut = cut_with_state(server)
    outcome = deliveries(signed, target, kept, monkeypatch, cut, server.write(9) | shown)
    assert outcome.good and len(outcome.warnings) == 1 and "perdió renglones: tenía 6 y tiene 4" in outcome.warnings[0]


@pytest.mark.parametrize("spoil", ["file in the way", "read-only", *SPOILS])
def test_no_damage_of_what_is_kept_stops_publishing(
    signed: SignedCorte, target: Target, kept: Seen, server: Server, monkeypatch: pytest.MonkeyPatch, spoil: str
):
    before = server.write(5)
    shown = before | {"shown": {"manifest_sha256": signed.sha256}}
    if spoil == "file in the way":
        kept.folder.write_text("x")
    else:
        deliveries(signed, target, kept, monkeypatch, before, shown)
    if spoil in SPOILS:
        for name in (NAME, seen.PUBLISHED):
            SPOILS[spoil](kept.path(target.election, name))
    if spoil == "read-only":
        monkeypatch.setattr(seen.files, "replace", fail)
        shown = server.write() | {"shown": {"manifest_sha256": signed.sha256}}
    again = shown | {"last_attempt": {"number": 9}}
    outcome = deliveries(signed, target, kept, monkeypatch, shown, again)
    assert outcome.result == "shown" and outcome.warnings


def test_what_does_not_fit_is_told_also_when_it_cannot_be_kept(
    kept: Seen, target: Target, server: Server, monkeypatch: pytest.MonkeyPatch
):
    kept.note(target, server.write(5), instants.now())
    monkeypatch.setattr(seen.files, "replace", fail)
    told = kept.note(target, cut_with_state(server), instants.now())
    assert "perdió renglones" in told[0] and "no se pudo guardar" in told[1]


def fail(*_: object) -> None:
    raise OSError(30, "Read-only file system")


def test_what_was_published_last_is_kept(kept: Seen, signed: SignedCorte, target: Target):
    """The one that was signed last: an earlier corte may be signed anew, with an order."""
    election = target.election
    assert kept.published(election) == (None, [])
    assert kept.publish(signed, election) == []
    found, _ = kept.published(election)
    assert found and (found.sequence, found.manifest_sha256, found.hold) == (7, signed.sha256, False)
    signed_at = signed.manifest.generated
    held = Standing().after(["hold"], signed_at + timedelta(seconds=10), 9, 9)
    resumed = held.after(["resume"], signed_at + timedelta(seconds=15), 8, 8)
    for sequence, standing, later, newest, hold in [
        (9, held, 10, 9, True),
        (10, held, 20, 10, True),
        (8, resumed, 15, 10, True),
        (9, resumed, 30, 9, False),
    ]:
        at = signed_at + timedelta(seconds=later)
        document = replace(signed.manifest, sequence=sequence, generated=at, standing=standing)
        kept.publish(replace(signed, manifest=document), election)
        found, _ = kept.published(election)
        assert found and (found.sequence, found.hold) == (newest, hold)


def test_the_record_is_json_with_its_digest(kept: Seen, target: Target, server: Server, election: Path):
    kept.note(target, server.write(5), instants.now())
    written = json.loads(kept.path(load_election(election), NAME).read_text())
    assert json.loads(written["kept"])["heads"][0]["entries"] == 5
    assert isinstance(datetime.fromisoformat(json.loads(written["kept"])["opens"]), datetime)
