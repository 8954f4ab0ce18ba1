"""Cortes that the institute withdraws, with the real intake and gate; lost records, and orders of a revoked key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from corte_kit import FAULTS, Server, allow, flip, make_key
from machine_kit import Machine
from orders_kit import Institute, alike, events, seen

from corte.format import instants, manifest
from corte.server.gate import Gate
from difusor.suite.waiting import until


def test_the_shown_corte_is_withdrawn_and_the_one_before_comes_back(institute: Institute):
    here, away = institute.mirrors
    institute.push(institute.sign(6), here, away)
    bad = institute.signed[6]
    assert institute.push(institute.sign(6, withdraw=6)) == ["withdrawn", "withdrawn"]
    alike(here, away, 5)
    assert here.status()["standing"]["withdrawn"][0]["manifest_sha256"] == manifest.digest(bad.to_bytes())
    assert events(here, "orders")[-1]["standing"]["withdrawn"][0]["sequence"] == 6
    assert events(here, "withdrawn")
    assert institute.push(bad) == ["withdrawn", "withdrawn"], "the withdrawn corte was pushed again"
    assert institute.push(institute.sign(7)) == ["shown", "shown"]


def test_every_signing_of_a_withdrawn_corte_is_withdrawn(institute: Institute):
    """A corte signed twice, plainly and with an order, does not come back by its other manifest."""
    here, away = institute.mirrors
    plain = institute.sign(6)
    institute.push(plain)
    assert institute.push(institute.sign(6, "clock-override")) == ["shown", "shown"]
    assert institute.push(institute.sign(6, withdraw=6)) == ["withdrawn", "withdrawn"]
    alike(here, away, 5)
    assert institute.push(plain) == ["withdrawn", "withdrawn"]
    assert institute.push(institute.sign(6, "hold", forgetful=True)) == ["withdrawn", "withdrawn"]


def test_the_only_corte_is_withdrawn_and_the_page_waits(institute: Institute):
    here, away = institute.mirrors
    only = institute.signed[5]
    assert institute.push(institute.sign(5, withdraw=5)) == ["withdrawn", "withdrawn"]
    alike(here, away, None)
    assert not list((here.config.public / "cortes").iterdir()), "a withdrawn tree stayed where the web server reads"
    assert institute.push(only, here) == ["withdrawn"]
    assert institute.push(institute.sign(6)) == ["shown", "shown"]


def test_with_nothing_good_left_an_older_corte_comes_back_only_if_it_is_signed_anew(institute: Institute):
    """Whoever keeps old signed cortes cannot show one of them in the place of those that were withdrawn."""
    here, _ = institute.mirrors
    old = institute.sign(4)
    institute.signed.pop(4)
    for sequence in (6, 7):
        institute.push(institute.sign(sequence), here)
    for sequence in (5, 6, 7):
        institute.push(institute.sign(sequence, withdraw=sequence), here)
    assert seen(here) == (None, None)
    assert institute.push(old, here) == ["rollback"]
    institute.signed[4] = old
    assert institute.push(institute.sign(4), here) == ["shown"]


def test_a_good_corte_whose_tree_was_lost_is_taken_in_again_after_a_withdrawal(institute: Institute):
    """It was signed before the withdrawal, but it is the last one that the server accepted."""
    here, _ = institute.mirrors
    good = institute.signed[5]
    institute.push(institute.sign(6), here)
    institute.push(institute.sign(6, withdraw=6), here)
    (here.config.public / "actual").resolve().rename(here.config.store / "perdido")
    assert institute.push(good, here) == ["repeated"]
    assert seen(here)[0] == 5


def test_a_mistyped_sequence_is_withdrawn_with_the_good_corte(institute: Institute):
    """The order can also travel with another corte, such as the right one, which would else be refused as older."""
    here, away = institute.mirrors
    assert institute.push(institute.sign(10**9), here) == ["shown"]
    assert institute.push(institute.sign(6, forgetful=True), here) == ["rollback"]
    assert institute.push(institute.sign(6, withdraw=10**9)) == ["shown", "shown"]
    alike(here, away, 6)
    assert institute.push(institute.signed[10**9], away) == ["withdrawn"], "it was never seen there"


def test_a_withdrawal_that_a_mirror_missed_comes_with_the_next_corte(institute: Institute):
    here, away = institute.mirrors
    institute.push(institute.sign(6))
    institute.push(institute.sign(6, withdraw=6), here)
    assert seen(away)[0] == 6
    institute.push(institute.sign(7))
    institute.push(institute.sign(7, withdraw=7))
    alike(here, away, 5)


def _lose_state(server: Server) -> None:
    for path in (server.config.store / "state.json", server.config.store / "state.json.anterior"):
        path.unlink(missing_ok=True)


def _lose_log(server: Server) -> None:
    _lose_state(server)
    (server.config.store / "bitacora.jsonl").unlink()


def _lose_papers(server: Server) -> None:
    _lose_state(server)
    for name in ("ordenes", "firmados"):
        for path in (server.config.store / name).rglob("corte.json*"):
            flip(path)


def _lose_one_copy(server: Server) -> None:
    _lose_log(server)
    for path in (server.config.store / "ordenes").rglob("corte.json*"):
        flip(path)


@pytest.mark.parametrize("damage", [_lose_state, _lose_log, _lose_papers, _lose_one_copy])
def test_a_withdrawal_outlives_the_servers_records(tmp_path: Path, key: Path, damage: Any):
    """Also where the withdrawn corte was never seen: the state is rebuilt from the signed orders or from the log."""
    machine = Machine(Server.make(tmp_path / "srv", key), tmp_path)
    server, institute = machine.server, Institute(machine.server)
    with machine.gate():
        institute.push(institute.sign(5))
        unseen = institute.sign(6)
        assert institute.push(institute.sign(6, withdraw=6)) == ["withdrawn"]
        assert institute.push(institute.sign(5, "hold")) == ["held"]
        damage(server)
        until(lambda: (server.config.store / "state.json").is_file(), what="la compuerta rehaga su estado")
        assert institute.push(unseen) == ["withdrawn"]
        assert seen(server)[0] == 5
        assert server.status()["gate"]["hold"]["sequence"] == 5
        assert institute.push(institute.sign(7)) == ["held"]
        assert institute.push(institute.sign(7, "resume")) == ["shown"]


@pytest.mark.parametrize("copy", ["ordenes", "firmados"])
def test_every_damage_to_a_signed_order_is_repaired_from_the_other_copy(tmp_path: Path, key: Path, copy: str):
    """State and log are lost as well, so nothing else knows the order; the server starts and repairs what it finds."""
    machine = Machine(Server.make(tmp_path / "srv", key), tmp_path)
    server, institute = machine.server, Institute(machine.server)
    institute.push(institute.sign(5))
    unseen = institute.sign(6)
    institute.push(institute.sign(6, withdraw=6))
    (order,) = (server.config.store / "ordenes").iterdir()
    folder = server.config.store / copy / order.name
    for fault in FAULTS:
        for name in (manifest.NAME, manifest.SIGNATURE_NAME):
            fault(folder / name)
        _lose_log(server)
        with machine.gate():
            for name in (manifest.NAME, manifest.SIGNATURE_NAME):
                other = server.config.store / "firmados" / order.name / name
                until(lambda: is_like(order / name, other), what="se reponga la orden dañada")  # noqa: B023
            assert institute.push(unseen) == ["withdrawn"], fault
            assert seen(server)[0] == 5


def is_like(one: Path, other: Path) -> bool:
    """Return whether two files can be read and are alike."""
    try:
        return one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def test_orders_are_forgotten_with_the_key_that_gave_them(institute: Institute, key: Path, tmp_path: Path):
    """What a stolen key ordered does not stand, and what the institute ordered before it does."""
    here, _ = institute.mirrors
    thief = make_key(tmp_path, "robada")
    here.config.allowed_signers.write_text(allow(key) + allow(thief))
    institute.push(institute.sign(6), here)
    institute.push(institute.sign(6, withdraw=6), here)
    evil = institute.sign(5, "hold", withdraw=5)
    assert here.push(evil.to_bytes(), key=thief)["result"] == "withdrawn"
    assert seen(here) == (None, None)
    here.config.revoked.write_text(thief.with_name("robada.pub").read_text())
    for lost in (False, True):
        if lost:
            _lose_state(here)
        service = Gate(here.config)
        service.disown()
        service.step(instants.now())
        told = here.status()["standing"]
        assert (told["hold"], [one["sequence"] for one in told["withdrawn"]]) == (None, [6])
    institute.stands = institute.signed[6].stands
    assert institute.push(institute.sign(7), here) == ["shown"]


def test_a_rebuilt_state_has_no_corte_of_a_revoked_key(tmp_path: Path, key: Path):
    """The log still has the stolen key's corte of the highest sequence, which must not make others look older."""
    server = Server.make(tmp_path / "srv", key)
    thief = make_key(tmp_path, "robada")
    server.config.allowed_signers.write_text(allow(key) + allow(thief))
    institute = Institute(server)
    institute.push(institute.sign(5))
    evil = institute.sign(10**9)
    assert server.push(evil.to_bytes(), key=thief)["result"] == "shown"
    server.config.revoked.write_text(thief.with_name("robada.pub").read_text())
    Gate(server.config).disown()
    _lose_state(server)
    assert institute.push(institute.sign(6)) == ["shown"]


def test_a_withdrawn_corte_is_not_the_last_one_of_a_rebuilt_state(institute: Institute):
    here, _ = institute.mirrors
    institute.push(institute.sign(10**9), here)
    institute.push(institute.sign(6, withdraw=10**9), here)
    _lose_state(here)
    assert institute.push(institute.sign(7), here) == ["shown"]
