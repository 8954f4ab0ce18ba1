"""The institute's orders that stand, with the real intake and gate: what a mirror that was away learns, withdrawals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_kit import FAULTS, FILES, Server, allow, flip, make_key, table
from machine_kit import Machine

from corte.format import instants, manifest, standing, tree
from corte.format.manifest import Manifest
from corte.format.refusal import Refusal
from corte.format.standing import HoldOrder, Rectified, Standing, Withdrawn
from corte.server import log
from corte.server.gate import Gate
from corte.server.memory import Memory
from difusor.suite.waiting import until


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


class Institute:
    """Signs cortes a second apart, each with what stands so far, as `sign` does; and pushes them to mirrors."""

    def __init__(self, *mirrors: Server) -> None:
        self.mirrors = mirrors
        self.now = instants.now().replace(microsecond=0) - timedelta(seconds=30)
        self.stands = Standing()
        self.signed: dict[int, Manifest] = {}

    def sign(
        self,
        sequence: int,
        *orders: str,
        content: bytes | None = None,
        withdraw: int | None = None,
        forgetful: bool = False,
        **changes: Any,
    ) -> Manifest:
        """Sign a corte, or the one of this sequence anew; `forgetful`: as somebody who knows of no earlier order."""
        self.now += timedelta(seconds=1)
        again = self.signed.get(sequence) if content is None else None
        files = {**FILES, "descargas/a.csv": content or b"%d\n" % sequence}
        corte = again.corte if again else self.now
        words = (*orders, *(["withdrawal"] if withdraw is not None else []))
        made = self.mirrors[0].manifest(
            sequence, files, corte=corte, generated=self.now, orders=tuple(sorted(words)), **changes
        )
        before = Standing() if forgetful else self.stands
        found = before.after(words, self.now, sequence, made.first_held(is_published=again is not None))
        if withdraw is not None:
            gone = self.signed[withdraw]
            found = found.join(Standing(withdrawn=(gone.withdrawn(manifest.digest(gone.to_bytes()), self.now),)))
        made = replace(made, standing=found)
        self.signed[sequence] = made
        if not forgetful:
            self.stands = found
        return made

    def push(self, document: Manifest, *mirrors: Server) -> list[str]:
        """Push a corte to these mirrors, or to all; return their results, or the codes of their refusals."""
        told = []
        for mirror in mirrors or self.mirrors:
            for path in document.files:
                content = b"%d\n" % document.sequence if path == "descargas/a.csv" else FILES.get(path, b"")
                if manifest.digest(content) == document.files[path].sha256:
                    (mirror.config.incoming / path).parent.mkdir(parents=True, exist_ok=True)
                    (mirror.config.incoming / path).write_bytes(content)
            attempt = mirror.push(document.to_bytes())
            told.append(str(attempt["code"] or attempt["result"]))
        return told


@pytest.fixture
def mirrors(tmp_path: Path, key: Path) -> tuple[Server, Server]:
    """Two mirrors of one election: one that is always there, and one that will be away."""
    start = instants.now() - timedelta(hours=1)
    here, away = (Server.make(tmp_path / name, key, start) for name in ("here", "away"))
    for server in (here, away):
        server.config.gate_file.touch()
    return here, away


@pytest.fixture
def institute(mirrors: tuple[Server, Server]) -> Institute:
    institute = Institute(*mirrors)
    assert institute.push(institute.sign(5)) == ["shown", "shown"]
    return institute


def seen(server: Server) -> tuple[int | None, str | None]:
    """Return what citizens see, by its sequence and the digest of its list of files, checked byte for byte."""
    shown = server.config.public / "actual"
    if not shown.is_symlink():
        assert server.status()["shown"] is None
        return None, None
    found = manifest.read((shown / manifest.NAME).read_bytes())
    tree.verify(server.config.public / "actual/", found)
    assert server.status()["shown"]["sequence"] == found.sequence
    return found.sequence, found.content_sha256


def alike(here: Server, away: Server, sequence: int | None) -> None:
    """Assert that both mirrors show this corte and follow the same orders."""
    assert seen(here) == seen(away)
    assert seen(here)[0] == sequence
    assert here.status()["standing"] == away.status()["standing"]
    assert here.status()["gate"]["hold"] == away.status()["gate"]["hold"]


def events(server: Server, event: str) -> list[dict[str, Any]]:
    return [entry for entry in log.entries(server.config.store / "bitacora.jsonl") if entry["event"] == event]


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


def test_light_mode_is_ordered_with_a_corte_and_undone_by_the_next(institute: Institute):
    here, away = institute.mirrors

    def light(*mirrors: Server) -> list[tuple[bool, bool]]:
        for server in mirrors:
            Gate(server.config).step(instants.now())
        return [(server.config.light_file.exists(), server.status()["gate"]["light"]) for server in mirrors]

    institute.push(institute.sign(6, "light"), here)
    ordered = institute.signed[6]
    assert light(here, away) == [(True, True), (False, False)]
    institute.push(institute.sign(7, "light"), here, away)
    assert light(here, away) == [(True, True), (True, True)]
    assert [server.status()["standing"]["light"]["ended_at"] for server in (here, away)] == [None, None]
    institute.push(institute.sign(8), here)
    assert light(here, away) == [(False, False), (True, True)]
    assert institute.push(ordered) == ["rollback", "rollback"], "the order was replayed"
    institute.push(institute.sign(9), away)
    assert light(here, away) == [(False, False), (False, False)]
    assert [entry["standing"]["light"]["ended_at"] is None for entry in events(here, "orders")] == [True, False]


def test_light_mode_does_not_wait_for_the_files_of_its_corte_or_for_a_hold(institute: Institute):
    here, away = institute.mirrors
    made = institute.sign(6, "light", content=b"what does not arrive")
    for server in (here, away):
        (server.config.incoming / "descargas/a.csv").unlink()
    assert institute.push(made) == ["missing", "missing"]
    for server in (here, away):
        Gate(server.config).step(instants.now())
        assert (server.shown(), server.config.light_file.exists()) == (5, True)
    institute.push(institute.sign(7, "hold"))
    institute.push(institute.sign(8, "light"))
    for server in (here, away):
        Gate(server.config).step(instants.now())
        assert (server.shown(), server.config.light_file.exists()) == (5, True)


def test_light_mode_survives_a_reboot_and_a_lost_state_but_not_the_key_that_ordered_it(institute: Institute, key: Path):
    here, _ = institute.mirrors
    institute.push(institute.sign(6, "light"), here)
    Gate(here.config).step(instants.now())
    for lost in ([], [Memory(here.config).path]):
        for path in (here.config.gate_file, here.config.light_file, *lost):
            path.unlink()
        gate = Gate(here.config)
        gate.clock = replace(gate.clock, synchronised=True)
        gate.step(instants.now())
        assert here.config.gate_file.exists() and here.config.light_file.exists(), lost
    here.config.revoked.write_text(key.with_suffix(".pub").read_text())
    gate = Gate(here.config)
    gate.disown()
    gate.step(instants.now())
    assert not here.config.light_file.exists()


def test_a_manifest_says_that_light_mode_stands_if_and_only_if_it_orders_it(institute: Institute):
    good = institute.sign(6, "light")
    assert manifest.read(good.to_bytes()).stands == good.stands
    for wrong in (replace(good, orders=()), replace(institute.sign(7), orders=("light",))):
        with pytest.raises(Refusal, match="no lleva en pie lo que él mismo ordena"):
            manifest.read(wrong.to_bytes())


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


def test_a_rectified_corte_that_was_withdrawn_lets_no_counts_fall():
    rectified = Standing().after(["rectification"], AT, 7, 7)
    assert rectified.lets_fall(6, 8) and not rectified.lets_fall(7, 8) and not rectified.lets_fall(5, 6)
    assert not rectified.join(Standing(withdrawn=(gone(7, AT + timedelta(minutes=1)),))).lets_fall(6, 8)


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


AT = datetime.fromisoformat("2024-06-03T03:00:00+00:00")


def gone(number: int, at: datetime = AT) -> Withdrawn:
    return Withdrawn(at, number, AT, f"{number:064x}", f"{number:064x}")


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
