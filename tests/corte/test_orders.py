"""The institute's orders that stand, with the real intake and gate: what a mirror that was away learns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_kit import Server, make_key, table
from orders_kit import Institute, alike, seen

from corte.format import instants, standing
from corte.format.standing import HoldOrder, Rectified, Standing, Withdrawn
from corte.server.memory import Memory


def test_a_mirror_that_missed_the_resumption_resumes_with_the_next_corte(institute: Institute):
    here, away = institute.mirrors
    institute.push(institute.sign(5, "hold"))
    assert institute.push(institute.sign(6)) == ["held", "held"]
    assert institute.push(institute.sign(6, "resume"), here) == ["shown"]
    assert institute.push(institute.sign(7)) == ["shown", "shown"]
    alike(here, away, 7)
    assert away.status()["gate"]["hold"] is None


def test_a_mirror_that_missed_the_hold_holds_with_the_next_corte(institute: Institute):
    here, away = institute.mirrors
    institute.push(institute.sign(5, "hold"), here)
    assert institute.push(institute.sign(6)) == ["held", "held"]
    alike(here, away, 5)


def test_a_mirror_that_missed_a_hold_given_with_a_new_corte_keeps_the_one_before(institute: Institute):
    here, away = institute.mirrors
    institute.push(institute.sign(6, "hold"), here)
    assert institute.push(institute.sign(7)) == ["held", "held"]
    alike(here, away, 5)


def test_a_mirror_that_missed_the_held_corte_gets_it_with_the_order(institute: Institute):
    """The corte that the others show is signed anew with the order; where it is missing, this signing is shown."""
    here, away = institute.mirrors
    institute.push(institute.sign(6), here)
    assert institute.push(institute.sign(6, "hold")) == ["held", "shown"]
    assert institute.push(institute.sign(7)) == ["held", "held"]
    alike(here, away, 6)


def test_a_mirror_that_missed_the_hold_before_the_opening_shows_nothing_either(tmp_path: Path, key: Path):
    opens = instants.now().replace(microsecond=0) - timedelta(seconds=20)
    here, away = (Server.make(tmp_path / name, key, opens) for name in ("here", "away"))
    for server in (here, away):
        server.config.gate_file.touch()
    institute = Institute(here, away)
    institute.push(institute.sign(1))
    institute.push(institute.sign(1, "hold"), here)
    institute.now = opens + timedelta(seconds=5)
    institute.push(institute.sign(2))
    alike(here, away, None)
    institute.push(institute.sign(2, "resume"))
    alike(here, away, 2)


def test_a_mirror_that_missed_the_rectification_accepts_the_next_corte(institute: Institute):
    here, away = institute.mirrors
    counts = {"descargas/GUB.csv": table(7)}

    def send(server: Server, sequence: int, captured: int, *orders: str, before: Standing) -> str:
        institute.now += timedelta(seconds=1)
        made = server.manifest(
            sequence, {**counts, "descargas/GUB.csv": table(captured)},
            corte=institute.now, generated=institute.now, orders=orders,
        )  # fmt: skip
        made = replace(made, standing=before.after(orders, institute.now, sequence, sequence))
        institute.stands = made.stands
        attempt = server.push(made.to_bytes())
        return str(attempt["code"] or attempt["result"])

    assert [send(server, 6, 7, before=Standing()) for server in (here, away)] == ["shown", "shown"]
    assert send(here, 7, 5, before=Standing()) == "rectification"
    assert send(here, 7, 5, "rectification", before=Standing()) == "shown"
    stands = institute.stands
    assert [send(server, 8, 6, before=stands) for server in (here, away)] == ["shown", "shown"]
    assert [send(server, 9, 5, before=stands) for server in (here, away)] == ["rectification", "rectification"]


def test_the_clock_override_stands_until_it_is_ended(institute: Institute):
    here, away = institute.mirrors
    institute.push(institute.sign(6, "clock-override"), here)
    institute.push(institute.sign(7))
    assert [server.status()["gate"]["clock_override"] for server in (here, away)] == [True, True]
    institute.push(institute.sign(7, "no-clock-override"), here)
    institute.push(institute.sign(8))
    assert [server.status()["gate"]["clock_override"] for server in (here, away)] == [False, False]


def test_an_order_counts_even_where_its_corte_cannot_be_taken(institute: Institute):
    here, _ = institute.mirrors
    bad = institute.sign(6)
    institute.push(bad, here)
    document = institute.sign(7, withdraw=6)
    (here.config.incoming / "descargas/a.csv").unlink()
    attempt = here.push(document.to_bytes())
    assert (attempt["code"], seen(here)[0]) == ("missing", 5)
    assert "Sus órdenes sí se siguen." in str(attempt["reason"])
    assert institute.push(document, here) == ["shown"]


def test_an_order_in_a_corte_for_somebody_else_or_of_the_future_does_not_count(institute: Institute, key: Path):
    here, _ = institute.mirrors
    thief = make_key(key.parent, f"ladron-{id(here)}")
    order = institute.sign(5, withdraw=5)
    assert here.push(order.to_bytes(), key=thief)["code"] == "signature"
    here_memory, now = Memory(here.config), instants.now()
    here_memory.publish(here_memory.load(), "open", replace(here_memory.last_clock(now), synchronised=True), now)
    for change in (
        {"environment": "official"},
        {"generated": instants.now().replace(microsecond=0) + timedelta(hours=1)},
    ):
        assert here.push(replace(order, **change).to_bytes())["code"] in ("recipient", "future")
    assert seen(here)[0] == 5


def test_orders_that_are_replayed_change_nothing(institute: Institute):
    here, _ = institute.mirrors
    order, resumed = institute.sign(5, "hold"), institute.sign(6, "resume")
    institute.push(institute.sign(7), here)
    gone = institute.sign(7, withdraw=7)
    institute.push(gone, here)
    institute.push(institute.sign(8), here)
    before = here.status()
    for old in (order, resumed, gone, order):
        institute.push(old, here)
    after = here.status()
    assert (after["standing"], after["gate"], seen(here)[0]) == (before["standing"], before["gate"], 8)


def test_the_orders_of_two_operators_add_up(institute: Institute):
    """One operator does not know what the other ordered: nothing is lost, whichever corte comes first."""
    here, away = institute.mirrors
    institute.push(institute.sign(6))
    withdrawal = institute.sign(6, withdraw=6)
    other = institute.sign(7, "hold", forgetful=True)
    institute.push(withdrawal, here)
    institute.push(other, here)
    institute.push(other, away)
    institute.push(withdrawal, away)
    alike(here, away, 5)
    assert here.status()["gate"]["hold"]["sequence"] == 7


AT = datetime.fromisoformat("2024-06-03T03:00:00+00:00")


def gone(number: int, at: datetime = AT) -> Withdrawn:
    return Withdrawn(at, number, AT, f"{number:064x}", f"{number:064x}")


def test_a_rectified_corte_that_was_withdrawn_lets_no_counts_fall():
    rectified = Standing().after(["rectification"], AT, 7, 7)
    assert rectified.lets_fall(6, 8) and not rectified.lets_fall(7, 8) and not rectified.lets_fall(5, 6)
    assert not rectified.join(Standing(withdrawn=(gone(7, AT + timedelta(minutes=1)),))).lets_fall(6, 8)


def test_the_list_of_withdrawn_cortes_is_bounded():
    many = Standing(withdrawn=tuple(gone(number, AT + timedelta(seconds=number)) for number in range(1, 65)))
    joined = many.join(Standing(withdrawn=(gone(100, AT + timedelta(hours=1)),)))
    assert len(joined.withdrawn) == standing.MAX_WITHDRAWN
    assert joined.withdrawn[-1].sequence == 100


@pytest.mark.parametrize(
    "found",
    [
        Standing(),
        Standing(HoldOrder(AT, 7, 8), AT, Rectified(AT, 3), AT, AT, (gone(1), gone(2))),
        Standing(light_at=AT),
        Standing(light_at=AT, light_ended_at=AT),
    ],
)
def test_what_stands_is_read_as_it_was_written(found: Standing):
    assert Standing.from_json(found.to_json()) == found
    assert found.join(Standing()) == found and Standing().join(found) == found and found.includes(found)


@pytest.mark.parametrize(
    "change",
    [
        {"hold": []}, {"hold": {"at": "2024-06-03T03:00:00Z", "first": 1}}, {"resumed_at": "mañana"},
        {"withdrawn": None}, {"withdrawn": [1]}, {"withdrawn": [{}]},
        {"rectified": {"at": "2024-06-03T03:00:00Z", "sequence": True}},
        {"extra": 1}, {"clock_override_at": 7},
        {"light": None}, {"light": []}, {"light": {"at": "2024-06-03T03:00:00Z"}},
        {"light": {"at": None, "ended_at": None}}, {"light": {"at": None, "ended_at": "2024-06-03T03:00:00Z"}},
        {"withdrawn": [*Standing(withdrawn=(gone(1),)).to_json()["withdrawn"]] * 2},
    ],
)  # fmt: skip
def test_another_form_of_what_stands_is_refused(change: dict[str, Any]):
    with pytest.raises(ValueError, match=r"órdenes|instante|número|SHA"):
        Standing.from_json({**Standing().to_json(), **change})


def test_servers_without_light_mode_can_read_what_stands_until_it_is_ordered():
    assert "light" not in Standing().after(["hold"], AT, 7, 8).to_json()


def test_an_operator_whose_clock_is_behind_ends_light_mode_and_orders_it_again():
    light = Standing().after(["light"], AT + timedelta(minutes=2), 7, 8)
    assert light.after(["light"], AT + timedelta(minutes=3), 8, 8) == light
    ended = light.after([], AT, 8, 9)
    assert (light.is_light, ended.is_light) == (True, False)
    assert light.join(ended) == ended.join(light) == ended
    assert ended.after(["light"], AT, 9, 9).is_light


def test_operators_whose_clocks_differ_can_resume_and_hold():
    held = Standing().after(["hold"], AT + timedelta(minutes=2), 7, 8)
    resumed = held.after(["resume"], AT, 7, 8)
    assert resumed.hold_in_force is None
    assert resumed.after(["hold"], AT, 9, 9).hold_in_force is not None
