"""What audit and verify say of cortes that were withdrawn, and of keys whose dates are over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from corte_kit import make_key
from desk_kit import Desk
from publish_kit import make_target

from difusor.commands import verify
from difusor.inventory import load_election
from difusor.publish import age, comparison, other_addresses, roads, standing
from difusor.publish.seen import Seen

Audit = Callable[[str], comparison.Comparison]


@pytest.fixture
def audit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Return the function that compares what a mirror shows, as `audit` does."""
    monkeypatch.setattr(roads, "differences", lambda *_: [])
    monkeypatch.setattr(other_addresses, "compare", lambda *_: other_addresses.OtherAddresses())
    known = standing.Records(load_election(desk.election)).standing
    return lambda name: comparison.compare(make_target(desk.election, name), seen=Seen(), standing=known())


def test_audit_tells_a_mirror_that_shows_a_withdrawn_corte(desk: Desk, audit: Audit, monkeypatch: pytest.MonkeyPatch):
    """`sur` was away: it still shows what the institute withdrew, byte for byte as signed. `norte` is not behind."""
    monkeypatch.setattr(age, "GRACE", timedelta(0))
    bad = desk.corte(6)
    desk.publish(bad)
    desk.sign(bad, "--withdraw", bad)
    desk.publish(bad, "norte")
    for late in (timedelta(0), timedelta(hours=1)):
        desk.now += late
        north, south = audit("norte"), audit("sur")
        assert (north.result, "corte 6 retirado" in north.detail) == ("authentic", True), north
        assert (south.result, south.detail) == ("altered", "muestra el corte 6, que el Instituto retiró")


@pytest.fixture
def over(desk: Desk, tmp_path: Path) -> None:
    """Have another key sign from now on, and end the dates of the one that signed corte 5 half an hour from now."""
    desk.hand_over(make_key(tmp_path, "turno2"), desk.now + timedelta(minutes=30))
    desk.now += timedelta(hours=1)


@pytest.mark.usefixtures("over")
def test_what_was_published_stays_authentic_when_the_dates_of_its_key_are_over(desk: Desk, audit: Audit, records: Path):
    """Every mirror was called altered from midnight on, or from the last hour of a certificate for one night."""
    five = desk.folder / "cortes/5"
    assert audit("norte").detail == "firmado por firma@demo.test"
    assert desk.run(verify, five, "--election", desk.election).exit_code == 0
    assert desk.publish(five, key=False) == (1, ["refused", "refused"]), "servers take it no more"
    shutil.rmtree(records)
    unknown = audit("norte")
    assert (unknown.result, "no es de quien hoy puede firmar" in unknown.detail) == ("altered", True)
    assert desk.run(verify, five, "--election", desk.election).exit_code == 1


@pytest.mark.parametrize("is_kept", [True, False])
def test_who_signs_after_another_takes_up_his_orders_while_his_line_is_there(
    desk: Desk, records: Path, tmp_path: Path, is_kept: bool
):
    """A line that was deleted left the second machine in a circle: `publish` asked for --after, which was refused."""
    five = desk.folder / "cortes/5"
    desk.sign(five, "--hold")
    shutil.rmtree(records)
    before = desk.election.read_text()
    leaving, coming = desk.key, make_key(tmp_path, "turno2")
    desk.hand_over(coming, desk.now if is_kept else None)
    done = desk.sign(desk.corte(6), "--after", five)
    if not is_kept:
        told = " ".join(done.output.split())
        assert "cortes/5/corte.json lo firmó la llave SHA256:" in told and "no está en election_signers" in told
        assert "repóngala con valid_before de ahora, ejecute «difusor signers» y repita" in told
        assert done.exit_code == 1
        desk.election.write_text(before)
        desk.key = leaving
        desk.hand_over(coming, desk.now)
        done = desk.sign(desk.corte(6), "--after", five)
    assert "sigue en pie: pausa" in done.output, done.output


def test_what_a_revoked_key_signed_is_told_as_that(desk: Desk):
    five, public = desk.folder / "cortes/5", desk.key.with_suffix(".pub").read_text().strip()
    desk.election.write_text(f"{desk.election.read_text()}    election_revoked_keys: ['{public}']\n")
    told = " ".join(desk.sign(desk.corte(6), "--after", five).output.split())
    assert "La firma es de una llave revocada" in told and "repóngala" not in told


def test_a_mirror_that_went_back_further_than_the_last_good_corte_is_old(
    desk: Desk, audit: Audit, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(age, "GRACE", timedelta(0))
    desk.publish(desk.corte(6), "norte")
    bad = desk.corte(7)
    desk.publish(bad)
    desk.sign(bad, "--withdraw", bad)
    desk.publish(bad)
    assert desk.seen() == [6, 5], "sur missed corte 6"
    assert (audit("norte").result, audit("sur").result) == ("authentic", "old")
