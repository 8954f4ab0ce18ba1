"""The intake under The Update Framework's list of attacks: the last good corte stays."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from corte_kit import FILES, PRINCIPAL, Server, refused

from corte.format import instants, manifest, signature
from corte.format.manifest import Window
from corte.server import log
from corte.server.clock import Clock
from corte.server.memory import Memory
from corte.server.state import public


@pytest.mark.parametrize("seconds", ["NaN", "1e400", "9e99", '"x"'])
def test_a_damaged_word_on_the_clock_keeps_no_push_out(server: Server, seconds: str):
    told = server.config.status_file.read_text()
    assert '"set_by_seconds": 0.0' in told
    server.config.status_file.write_text(told.replace('"set_by_seconds": 0.0', f'"set_by_seconds": {seconds}'))
    assert server.send(6)["result"] == "shown"


def test_a_good_corte_is_shown_with_its_identity(server: Server):
    files = {**FILES, "datos/congreso.json": b'{"votos": 1}\n'}
    attempt = server.send(6, files)
    status = server.status()
    assert attempt["result"] == "shown"
    assert status["shown"]["sequence"] == 6
    assert status["shown"]["signer"] == PRINCIPAL
    assert status["shown"]["manifest_sha256"] == attempt["manifest_sha256"]
    assert status["gate"]["state"] == "open"
    assert (server.config.public / "actual/datos/congreso.json").read_bytes() == b'{"votos": 1}\n'
    assert [entry["event"] for entry in log.entries(server.config.store / "bitacora.jsonl")] == ["shown", "shown"]


def test_the_same_corte_again_changes_nothing(server: Server):
    raw = (server.config.public / "actual/corte.json").read_bytes()
    assert server.push(raw)["result"] == "repeated"
    assert server.shown() == 5


def test_arbitrary_content_with_another_key(server: Server, keys: dict[str, Path]):
    refused(server, server.push(server.manifest(6).to_bytes(), key=keys["intruso"]), "signature")


def test_arbitrary_content_under_a_good_manifest(server: Server):
    raw = server.manifest(6, {**FILES, "datos/congreso.json": b'{"votos": 1}\n'}).to_bytes()
    (server.config.incoming / "datos/congreso.json").write_bytes(b'{"votos": 9}\n')
    refused(server, server.push(raw), "digest")


def test_content_altered_in_place_is_never_shown(server: Server):
    """A new file with the right size and time but other content is refused; a file that the store has is not read."""
    raw = server.manifest(6, {**FILES, "nuevo.csv": b"n|1\n"}).to_bytes()
    for path in ("descargas/a.csv", "nuevo.csv"):
        file = server.config.incoming / path
        before = file.stat()
        file.write_bytes(bytes(before.st_size))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    refused(server, server.push(raw), "digest")
    (server.config.incoming / "nuevo.csv").write_bytes(b"n|1\n")
    assert server.push(raw)["result"] == "shown"
    assert (server.config.public / "actual/descargas/a.csv").read_bytes() == FILES["descargas/a.csv"]


def test_a_manifest_altered_after_signing(server: Server):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / manifest.NAME).write_bytes(raw.replace(b'"sequence": 6', b'"sequence": 7'))
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(signature.sign(raw, server.key, "demo"))
    refused(server, server.run(), "signature")


def test_a_signature_without_manifest(server: Server):
    (server.config.incoming / manifest.NAME).unlink()
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(b"x")
    refused(server, server.run(), "missing")


def test_rollback_to_an_older_sequence(server: Server):
    refused(server, server.send(4), "rollback")


def test_rollback_to_an_older_count_under_a_newer_sequence(server: Server):
    refused(server, server.send(6, corte=instants.now().replace(microsecond=0) - timedelta(minutes=10)), "rollback")


def test_replay_of_the_previous_corte(server: Server):
    old = (server.config.public / "actual/corte.json").read_bytes()
    assert server.send(6)["result"] == "shown"
    assert server.push(old)["code"] == "rollback"
    assert server.shown() == 6


def test_the_same_sequence_with_other_content(server: Server):
    refused(server, server.send(5, {**FILES, "otro.csv": b"x"}), "conflict")


def test_a_mirror_kept_from_newer_cortes_is_stale(server: Server):
    status = server.status()
    assert status["stale"] is False
    later = instants.now().replace(microsecond=0)
    memory = Memory(server.config)
    state = memory.load()
    assert state.shown is not None
    aged = replace(state.shown, generated=instants.write(later - timedelta(minutes=21)))
    memory.save(replace(state, accepted=aged, shown=aged))
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(b"x")
    server.run()
    assert server.status()["stale"] is True


def test_a_corte_that_waited_for_the_opening_is_not_stale_when_it_opens(server: Server):
    """The corte of zeros is made an hour before, and the next one comes an interval after the opening."""
    state, opens = Memory(server.config).load(), server.config.window.opens
    assert state.shown is not None
    zeros = replace(state.shown, generated=instants.write(opens - timedelta(hours=1)))
    state = replace(state, accepted=zeros, shown=zeros)
    for minutes, stale in ((0, False), (20, False), (21, True)):
        now = opens + timedelta(minutes=minutes)
        assert public(state, server.config, "open", Clock(True, 0.0, 0.0, now), now)["stale"] is stale


@pytest.mark.parametrize(("minutes", "stale"), [(20, False), (21, True)])
def test_after_the_close_a_mirror_that_missed_the_last_cortes_is_still_stale(server: Server, minutes: int, stale: bool):
    """What counts is the time before the close: none comes after it."""
    state, closes = Memory(server.config).load(), server.config.window.closes
    assert state.shown is not None
    last = replace(state.shown, generated=instants.write(closes - timedelta(minutes=minutes)))
    state, now = replace(state, accepted=last, shown=last), closes + timedelta(hours=5)
    clock = Clock(True, 0.0, 0.0, now)
    assert public(state, server.config, "closed", clock, now)["stale"] is stale
    assert public(state, server.config, "retired", clock, now)["stale"] is False


def test_mix_and_match_of_two_cortes(server: Server):
    six = server.manifest(6, {**FILES, "datos/congreso.json": b"seis\n"}).to_bytes()
    server.manifest(7, {**FILES, "datos/congreso.json": b"siete\n"})
    refused(server, server.push(six), "size")


@pytest.mark.parametrize("change", [{"election": "otra-2027"}, {"environment": "official"}])
def test_wrong_recipient(server: Server, change: dict[str, str]):
    refused(server, server.send(6, **change), "recipient")


def test_a_window_that_opens_earlier(server: Server):
    window = server.config.window
    early = Window(window.opens - timedelta(minutes=1), window.closes, window.retain_until)
    refused(server, server.send(6, window=early), "window")


def test_a_corte_after_its_own_close(server: Server):
    closes = instants.now().replace(microsecond=0)
    window = Window(server.config.window.opens, closes, server.config.window.closes)
    refused(server, server.send(6, window=window, corte=window.closes + timedelta(minutes=1)), "window")


def clock_is(server: Server, synchronised: bool) -> None:
    """Write to the status, as the gate would, whether the clock is synchronised."""
    memory, now = Memory(server.config), instants.now()
    memory.publish(memory.load(), "open", Clock(synchronised, 0.0, 0.001, now), now)


def test_a_corte_from_the_future(server: Server):
    clock_is(server, synchronised=True)
    refused(server, server.send(6, generated=instants.now().replace(microsecond=0) + timedelta(hours=1)), "future")


def test_a_doubtful_clock_refuses_no_corte_as_too_early(server: Server):
    clock_is(server, synchronised=False)
    assert server.send(6, generated=instants.now().replace(microsecond=0) + timedelta(hours=1))["result"] == "shown"


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_corte_stamped_ahead_does_not_keep_the_right_ones_out(server: Server, synchronised: bool):
    """An instant three hours ahead, by mistake: had it been accepted, every right corte would now count as older."""
    clock_is(server, synchronised)
    refused(server, server.send(6, corte=instants.now().replace(microsecond=0) + timedelta(hours=3)), "future")
    assert server.send(6)["result"] == "shown"


@pytest.mark.parametrize(("ahead", "result"), [(290, "shown"), (310, "refused")])
def test_how_far_ahead_a_corte_may_be(server: Server, ahead: int, result: str):
    clock_is(server, synchronised=True)
    later = instants.now().replace(microsecond=0) + timedelta(seconds=ahead)
    assert server.send(6, corte=later)["result"] == result


def test_the_corte_of_the_opening_comes_before_its_instant(tmp_path: Path, keys: dict[str, Path]):
    opens = instants.now().replace(microsecond=0) + timedelta(hours=2)
    early = Server.make(tmp_path / "early", keys["firma"], opens)
    clock_is(early, synchronised=True)
    assert early.send(1, corte=opens + timedelta(seconds=1))["code"] == "future"
    assert early.send(1, corte=opens)["result"] == "held"


def test_a_newer_corte_moves_the_close(server: Server):
    window = server.config.window
    closes = window.closes + timedelta(hours=1)
    assert server.send(6, window=Window(window.opens, closes, window.retain_until))["result"] == "shown"
    assert server.status()["gate"]["closes"] == instants.write(closes)
