"""The longest suite begins first, and the load of the cores is read from /proc/stat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Barrier

import pytest

from difusor.proof import cores, schedule
from difusor.proof.phases import Record
from difusor.proof.runs import Run
from difusor.proof.suites import Suite
from difusor.suite.waiting import until

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("build")


def remember(suite: Suite, seconds: float, held: bool = True) -> None:
    record = Record(started=NOON, seconds=seconds, held=held, phases=())
    suite.record.write_text(record.model_dump_json())


def order(*names: str) -> list[str]:
    return [suite.name for suite in schedule.longest_first(map(Suite, names))]


def test_longest_first() -> None:
    debian = ("unit", "bookworm", "bullseye", "trixie")
    assert order(*debian) == ["bookworm", "bullseye", "trixie", "unit"]
    remember(Suite("trixie"), 2000)
    remember(Suite("unit"), 1500)
    assert order(*debian) == ["trixie", "unit", "bookworm", "bullseye"]


def test_neither_a_failed_run_nor_a_part_of_one_tells_how_long_a_suite_takes() -> None:
    remember(Suite("bookworm"), 10, held=False)
    remember(Suite("trixie", ("molecule/tests/server/test_ssh.py",)), 10)
    assert order("unit", "trixie", "bookworm") == ["bookworm", "trixie", "unit"]


def test_all_suites_run_at_once_and_come_back_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    together = Barrier(4)

    def run(suite: Suite) -> Run:
        together.wait(300)
        return Run(suite)

    monkeypatch.setattr(schedule, "run", run)
    found = schedule.run_all(map(Suite, ("unit", "bookworm", "bullseye", "trixie")))
    assert [each.suite.name for each in found] == ["bookworm", "bullseye", "trixie", "unit"]


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
