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

from corte.format import instants
from difusor.commands import verify
from difusor.inventory import load_election
from difusor.publish import age, comparison, roads, standing
from difusor.publish.seen import Seen

Audit = Callable[[str], comparison.Comparison]


@pytest.fixture
def audit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Return the function that compares what a mirror shows, as `audit` does."""
    monkeypatch.setattr(roads, "differences", lambda *_: [])
    monkeypatch.setattr(roads, "elsewhere", lambda *_: ([], [], ""))
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
def over(desk: Desk, tmp_path: Path) -> Path:
    """End the dates of the key that signed corte 5, an hour later; return the key of the one who signs from then on."""
    other = make_key(tmp_path, "turno2")
    text, lines = desk.election.read_text(), []
    first = text[text.index("      - principal:") :]
    for key, after, before in (
        (desk.key, "2020-01-01T00:00:00Z", instants.write(desk.now + timedelta(minutes=30))),
        (other, instants.write(desk.now + timedelta(minutes=20)), "2040-01-01T00:00:00-06:00"),
    ):
        lines += [
            "      - principal: firma@demo.test\n", f'        key: "{key.with_suffix(".pub").read_text().strip()}"\n',
            f'        valid_after: "{after}"\n', f'        valid_before: "{before}"\n',
        ]  # fmt: skip
    desk.election.write_text(text.replace(first, "".join(lines)))
    desk.now += timedelta(hours=1)
    return other


def test_what_was_published_stays_authentic_when_the_dates_of_its_key_are_over(
    desk: Desk, audit: Audit, over: Path, records: Path
):
    """Every mirror was called altered from midnight on, or from the last hour of a certificate for one night."""
    five = desk.folder / "cortes/5"
    assert audit("norte").detail == "firmado por firma@demo.test"
    assert desk.run(verify, five, "--election", desk.election).exit_code == 0
    assert desk.publish(five, key=False) == (1, ["refused", "refused"]), "servers take it no more"
    shutil.rmtree(records)
    unknown = audit("norte")
    assert (unknown.result, "no es de quien hoy puede firmar" in unknown.detail) == ("altered", True)
    assert desk.run(verify, five, "--election", desk.election).exit_code == 1


def test_who_signs_from_midnight_on_takes_up_the_orders_of_the_one_before(desk: Desk, over: Path, records: Path):
    desk.now -= timedelta(hours=1)
    desk.sign(desk.folder / "cortes/5", "--hold")
    desk.now += timedelta(hours=1)
    shutil.rmtree(records)
    desk.key = over
    done = desk.sign(desk.corte(6), "--after", desk.folder / "cortes/5")
    assert "sigue en pie: pausa" in done.output, done.output


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
