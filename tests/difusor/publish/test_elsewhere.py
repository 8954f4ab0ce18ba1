"""What another machine ordered is not undone by this one, as far as mirrors show that it was signed there."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from corte_kit import make_key, write_files
from desk_kit import PAGE, Desk

from corte.format import instants
from difusor.inventory import load_election
from difusor.publish import elsewhere, signing
from difusor.publish.mirror import Mirror


@contextmanager
def on_another_machine(records: Path) -> Iterator[None]:
    """Do what this machine's records know nothing of afterwards."""
    shutil.copytree(records, aside := records.with_name("aside"))
    yield
    shutil.rmtree(records)
    aside.rename(records)


@pytest.mark.parametrize(("name", "option"), [("closes", "--close"), ("retain_until", "--retain")])
def test_a_window_that_another_machine_moved_is_not_moved_back(desk: Desk, records: Path, name: str, option: str):
    """This one had published before, and asked no mirror: each closed at the old hour, and the table said success."""
    last, following = desk.folder / "cortes/5", desk.corte(6)
    moved = instants.write(getattr(load_election(desk.election).window, name) + timedelta(hours=1))
    with on_another_machine(records):
        assert desk.sign(last, option, moved).exit_code == 0
        assert desk.publish(last, key=False) == (0, ["shown", "shown"])
    assert desk.publish(following) == (1, []) and not signing.is_signed(following)
    told = " ".join(desk.details.split())
    assert "en otra máquina se firmó después un corte que aquí no consta" in told
    assert "norte" in told and "sur" in told and "--after" in told and "https://prep.norte.test/corte.json" in told
    assert {desk.status(each)["gate"][name] for each in desk.servers} == {moved}
    assert desk.sign(following, "--after", last, option, moved).exit_code == 0
    assert desk.publish(following) == (0, ["shown", "shown"])
    assert {desk.status(each)["gate"][name] for each in desk.servers} == {moved}


@pytest.mark.parametrize(
    ("order", "told"), [("--light", "modo ligero desde"), ("--rectification", "pueden bajar hasta el corte 5")]
)
def test_an_order_of_another_machine_is_not_left_out(desk: Desk, records: Path, order: str, told: str):
    """Only the table told of it, after the corte had gone out without it."""
    last, following = desk.folder / "cortes/5", desk.corte(6)
    with on_another_machine(records):
        assert desk.sign(last, order).exit_code == 0
        assert desk.publish(last, key=False) == (0, ["shown", "shown"])
    assert desk.publish(following) == (1, []) and told in " ".join(desk.details.split())
    assert desk.sign(following, "--after", last).exit_code == 0
    assert desk.publish(following) == (0, ["shown", "shown"])


def test_an_order_of_one_who_no_longer_signs_is_not_left_out(desk: Desk, records: Path, tmp_path: Path):
    """The manifest passed for nobody's, and the corte went out without the order."""
    last = desk.folder / "cortes/5"
    with on_another_machine(records):
        assert desk.sign(last, "--light").exit_code == 0
        assert desk.publish(last, key=False) == (0, ["shown", "shown"])
    desk.hand_over(make_key(tmp_path, "turno2"), desk.now)
    following = desk.corte(6)
    assert desk.publish(following) == (1, []) and "modo ligero desde" in " ".join(desk.details.split())
    assert desk.sign(following, "--after", last, "--light").exit_code == 0
    assert desk.publish(following) == (0, ["shown", "shown"])


def test_two_who_publish_in_turn_without_orders_ask_for_no_manifest(desk: Desk, records: Path):
    with on_another_machine(records):
        assert desk.publish(desk.corte(6)) == (0, ["shown", "shown"])
    desk.patch.setattr(Mirror, "hand", Mock(side_effect=AssertionError("a manifest may be as long as a corte")))
    assert desk.publish(desk.corte(7)) == (0, ["shown", "shown"])


def test_the_newest_window_counts_and_not_that_of_a_mirror_which_missed_it(desk: Desk, records: Path):
    last, closes = desk.folder / "cortes/5", load_election(desk.election).window.closes
    with on_another_machine(records):
        for close, names in ((closes + timedelta(hours=1), ("norte", "sur")), (closes, ("norte",))):
            assert desk.sign(last, "--close", instants.write(close)).exit_code == 0
            assert desk.publish(last, *names, key=False)[0] == 0
    assert desk.publish(desk.corte(6)) == (0, ["shown", "shown"])


def test_another_corte_of_the_same_number_is_told_as_that(desk: Desk, records: Path, tmp_path: Path):
    """Two had exported it a few minutes apart; it was said to be this one, and not to be sent any more."""
    ours, theirs = desk.corte(6), tmp_path / "theirs"
    shutil.copytree(ours, theirs)
    write_files(theirs, {"descargas/a.csv": b"other counts"})
    assert desk.sign(ours).exit_code == 0
    with on_another_machine(records):
        assert desk.publish(theirs) == (0, ["shown", "shown"])
    assert desk.publish(ours, key=False) == (1, ["refused", "refused"])
    assert "Ya se aceptó otro contenido" in desk.details and "dele a este el número siguiente" in desk.details
    assert "Ya tiene este corte" not in desk.details


@pytest.mark.parametrize("served", ["its own corte", "one that nobody may sign", "nothing"])
def test_a_mirror_s_word_alone_stops_no_signing(desk: Desk, tmp_path: Path, served: str):
    """One that lies would stop the publications of the whole election; the lie is told in its own row."""
    ahead, stranger = "2039-01-01T00:00:00Z", tmp_path / "strange"
    if served == "one that nobody may sign":
        decided = load_election(desk.election)
        shutil.copytree(desk.folder / "cortes/5", stranger)
        signing.sign(stranger, decided, make_key(tmp_path, "ajena"), orders=["rectification"])

    def lie(mirror: Any) -> dict[str, Any]:
        said = desk.status(mirror.target.name)
        if mirror.target.name == "sur":
            said["gate"] |= {"closes": ahead, "retain_until": ahead}
            said["shown"]["generated"] = ahead
        return said

    asked: list[str] = []

    def hand(mirror: Any, url: str, take: Any, *_: Any, **__: Any) -> httpx.Response:
        asked.append(mirror.target.name)
        if served != "one that nobody may sign":
            return desk.hand(mirror.target.name, f"{PAGE}/no" if served == "nothing" else url, take)
        take((stranger / url.removeprefix(f"{PAGE}/")).read_bytes())
        return httpx.Response(200)

    desk.patch.setattr(Mirror, "status", lie)
    desk.patch.setattr(Mirror, "hand", hand)
    assert desk.publish(desk.corte(6)) == (3, ["shown", "moved"])
    assert set(asked) == {"sur"}


def test_a_silent_mirror_keeps_no_corte_waiting_for_long(desk: Desk):
    left: list[float] = []

    def status(mirror: Any) -> None:
        left.append(mirror.deadline - time.monotonic())

    desk.patch.setattr(Mirror, "status", status)
    desk.publish(desk.corte(6))
    assert [0 < each <= elsewhere.PATIENCE for each in left[: len(desk.servers)]] == [True, True]


def test_a_corte_signed_before_another_machine_moved_the_close_is_told_as_that(desk: Desk, records: Path):
    """It moved the close back on every mirror, and the table said success."""
    last, early, closes = desk.folder / "cortes/5", desk.corte(6), load_election(desk.election).window.closes
    moved = closes + timedelta(hours=1)
    assert desk.sign(early).exit_code == 0
    with on_another_machine(records):
        assert desk.sign(last, "--close", instants.write(moved)).exit_code == 0
        assert desk.publish(last, key=False) == (0, ["shown", "shown"])
        assert f"cierra {instants.write(moved)}, y antes {instants.write(closes)}" in desk.details
    assert desk.publish(early, key=False) == (1, ["moved", "moved"])
    assert f"cierra {instants.write(closes)}, y antes {instants.write(moved)}" in desk.details
    assert "fírmelo otra vez con --after" in desk.details
