"""What the measurements of bench/ make of what they saw."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import pytest
from bench_kit import program


@pytest.fixture
def browsers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The crowd's program, with one place for browsers that each take a twentieth of a second."""
    module = program("crowd/browsers")

    class Browser:
        def __init__(self, *_: Any) -> None:
            pass

        async def visit(self, source: str, context: Any) -> str:
            await asyncio.sleep(0.05)  # pace: the visit itself
            return "status 429" if source == "refused" else ""

    monkeypatch.setattr(module, "Browser", Browser)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    return module


def test_a_browser_that_waits_for_its_place_is_late_for_it(browsers: ModuleType) -> None:
    found = asyncio.run(browsers.crowd("", "", ["one"], 4, 0.0, []))
    assert found["whole"] == 4
    assert found["p99"] >= 4 * 0.05
    assert found["waited"] >= 3 * 0.05
    assert found["own_p99"] < found["p99"]


def test_who_was_refused_has_no_time_but_had_to_wait(browsers: ModuleType) -> None:
    found = asyncio.run(browsers.crowd("", "", ["refused"], 2, 0.0, []))
    assert (found["whole"], found["refused"]) == (0, {"status 429": 2})
    assert (found["median"], found["p99"], found["own_p99"]) == (None, None, None)
    assert found["waited"] >= 0.05


@pytest.fixture
def report() -> ModuleType:
    return program("attack/report")


def rounds(report: ModuleType, *seen: tuple[int, float, float, float]) -> list[Any]:
    """Return rounds, each of its attempts, success, 99th percentile and CPU."""
    return [report.Round(tries, 160, success, p99, 2 * p99, cpu) for tries, success, p99, cpu in seen]


def test_the_median_round_counts_and_the_worst_share_of_answers(report: ModuleType) -> None:
    found = {
        ("new", "none"): rounds(report, (0, 100, 5, 0.1), (0, 100, 6, 0.2), (0, 100, 4, 0.1)),
        ("new", "syn"): rounds(report, (1000, 100, 10, 0.2), (1000, 99, 90, 0.5), (1000, 100, 12, 0.4)),
    }
    said = report.line(found, "new", "", "2 cores")
    assert said == (
        "attack: worst_success=99.0 worst_p99_ms=12 none=100.0/5 syn=99.0/12/300.0 rounds=3 "
        'machine="2 cores"'
    )  # fmt: skip


def test_two_labs_are_compared_round_by_round(report: ModuleType) -> None:
    """In the second round everything took three times as long, which is no difference between the labs."""
    found = {
        ("new", "none"): rounds(report, (0, 100, 5, 0.0), (0, 100, 15, 0.0), (0, 100, 5, 0.0)),
        ("old", "none"): rounds(report, (0, 100, 5, 0.0), (0, 100, 15, 0.0), (0, 100, 4, 0.0)),
        ("new", "unknown"): rounds(report, (2000, 100, 10, 0.2), (2000, 100, 30, 0.6), (2000, 100, 10, 0.1)),
        ("old", "unknown"): rounds(report, (1000, 100, 8, 1.0), (1000, 100, 24, 3.0), (1000, 100, 8, 1.0)),
    }
    said = report.line(found, "new", "old", "2 cores").split()
    assert {"against=old", "worst_p99_ratio=1.25", "p99_ratio:unknown=1.25", "cost_ratio:unknown=0.10"} <= {*said}
    assert not [word for word in said if word.startswith("cost_ratio:none")]


def test_what_cost_nothing_measurable_is_compared_with_nothing(
    report: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    once = {(lab, "none"): rounds(report, (0, 100, 5, 0.1)) for lab in ("new", "old")}
    once |= {(lab, "syn"): rounds(report, (1000, 100, 5, 0.1)) for lab in ("new", "old")}
    report.report(once, "new", "old", "2 cores")
    said = capsys.readouterr().out.splitlines()
    assert "cost_ratio:syn=nan" in said[-1]
    rows = [line.split() for line in said[1:-1]]
    assert [row[:2] for row in rows] == [["none", "new"], ["none", "old"], ["syn", "new"], ["syn", "old"]]
    assert [row[-1] for row in rows] == ["-", "-", "0.0", "0.0"]
