"""The longest suite begins first, and the load of the cores is read from /proc/stat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Barrier, Event

import pytest

from difusor.proof import cores, runs, schedule
from difusor.proof.phases import Record
from difusor.proof.runs import Run
from difusor.proof.suites import Suite
from difusor.suite.waiting import until
from difusor.terminal import StepFailed

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
RELEASES = ("bookworm", "bullseye", "trixie")
DEBIAN = ("unit", *RELEASES)

pytestmark = pytest.mark.usefixtures("build")


def remember(suite: Suite, seconds: float, held: bool = True) -> None:
    record = Record(started=NOON, seconds=seconds, held=held, phases=())
    suite.record.write_text(record.model_dump_json())


def order(*names: str) -> list[str]:
    return [suite.name for suite in schedule.longest_first(map(Suite, names))]


def test_longest_first() -> None:
    assert order(*DEBIAN) == [*RELEASES, "unit"]
    remember(Suite("trixie"), 2000)
    remember(Suite("unit"), 1500)
    assert order(*DEBIAN) == ["trixie", "unit", "bookworm", "bullseye"]


def test_neither_a_failed_run_nor_a_part_of_one_tells_how_long_a_suite_takes() -> None:
    remember(Suite("bookworm"), 10, held=False)
    remember(Suite("trixie", ("molecule/tests/server/test_ssh.py",)), 10)
    assert order("unit", "trixie", "bookworm") == ["bookworm", "trixie", "unit"]


def on(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule.os, "sched_getaffinity", lambda _: set(range(processors)))


def test_all_suites_run_at_once_and_come_back_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    together = Barrier(4)

    def run(one: Run) -> Run:
        together.wait(300)
        return one

    on(4, monkeypatch)
    monkeypatch.setattr(schedule, "run", run)
    found = schedule.run_all(map(Suite, DEBIAN))
    assert [each.suite.name for each in found] == [*RELEASES, "unit"]


@pytest.mark.parametrize(("processors", "before"), [(1, 3), (2, 2), (3, 1), (8, 0)])
def test_the_unit_tests_wait_for_servers_that_take_all_processors(
    processors: int, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that began first are waited for; here each goes on until the unit tests have begun."""
    set_up, begun = set[str](), Event()

    def run(one: Run) -> Run:
        name = one.suite.name
        if name == "unit":
            assert set_up == {*RELEASES[:before]}
            begun.set()
        elif name in RELEASES[:before]:
            set_up.add(name)
            one.hear("INFO     [default > verify] Executing\n")
        assert begun.wait(300)
        return one

    on(processors, monkeypatch)
    monkeypatch.setattr(schedule, "run", run)
    assert len(schedule.run_all(map(Suite, DEBIAN))) == 4


def test_a_server_that_could_not_be_set_up_does_not_hold_the_unit_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    def died(*_: object, **__: object) -> None:
        raise StepFailed("sin imagen")

    monkeypatch.setattr(runs, "run_step", died)
    on(1, monkeypatch)
    assert all(each.failure for each in schedule.run_all(map(Suite, DEBIAN)))


def test_nothing_begins_after_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def run(one: Run) -> Run:
        ran.append(one.suite.name)
        raise KeyboardInterrupt

    on(1, monkeypatch)
    monkeypatch.setattr(schedule, "run", run)
    with pytest.raises(KeyboardInterrupt):
        schedule.run_all(map(Suite, ("unit", "trixie")))
    assert ran == ["trixie"]


def test_ticks_of_a_kernel() -> None:
    """The first line of a real /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice."""
    assert cores.ticks("cpu  70418 18 21277 66025 5218 0 1379 82 0 0\ncpu0 1 2 3 4\n") == (93174, 164417)


def test_a_busy_machine_is_seen_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "EVERY", 0.2)
    with cores.Cores() as watched:
        until(lambda: len(watched.samples), lambda samples: samples >= 3, what="haya tres muestras", every=0)
    first, last = watched.samples[0], watched.samples[-1]
    assert all(earlier.until == later.since for earlier, later in pairwise(watched.samples))
    assert (last.until - first.since) >= timedelta(seconds=0.5)
    share = cores.busy(watched.samples, first.since, last.until)
    assert share is not None and 0 < share <= 1


def test_idle_stretches() -> None:
    shares = (0.9, 0.4, 0.1, 0.8, 0.3, 0.2, 0.4, 1.0)
    at = [NOON + timedelta(seconds=5 * number) for number in range(9)]
    samples = [cores.Sample(*between, share) for between, share in zip(pairwise(at), shares, strict=True)]
    assert cores.longest_idle(samples, at[0], at[8]) == (at[4], 15)
    assert cores.longest_idle(samples, at[0], at[5]) == (at[1], 10)
    assert cores.longest_idle(samples, at[2] + timedelta(seconds=1), at[4]) == (at[2] + timedelta(seconds=1), 4)
    assert cores.longest_idle(samples, at[3], at[4]) == (at[3], 0)
    assert cores.busy(samples, at[0], at[2]) == pytest.approx(0.65)
    assert cores.busy(samples, at[8], at[8] + timedelta(seconds=5)) is None
