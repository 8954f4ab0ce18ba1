"""For bench/edge: python report.py MEASURED.json REPORT.html MACHINE writes REPORT.html, prints a table and a line."""

from __future__ import annotations

import json
import math
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

HERE = Path(__file__).resolve().parent
LEAST, MOST = 10.0, 2000.0
"""Microseconds at both ends of the plot, whose scale is logarithmic."""


def main() -> None:
    """Write the HTML report and print the table and the last line."""
    measured, target, machine = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    rows: list[dict[str, Any]] = json.loads(measured.read_text())
    for row in rows:
        row["share"] = 100 * math.log(row["cpu_us"] / LEAST) / math.log(MOST / LEAST)
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True)
    ticks = {tick: 100 * math.log(tick / LEAST) / math.log(MOST / LEAST) for tick in (10, 30, 100, 300, 1000)}
    template = environment.get_template("report.html.j2")
    page = template.render(
        rows=rows, ticks=ticks, machine=machine, day=f"{datetime.now(UTC):%Y-%m-%d}",
        ratios=ratios(rows), speeds=speeds(rows),
    )  # fmt: skip
    target.write_text(page)
    print(f"{'answer':16}{'road':9}{'CPU us/request':>15}{'requests/s':>12}{'p99 ms':>9}")
    for row in rows:
        print(f"{row['answer']:16}{row['road']:9}{row['cpu_us']:15.1f}{row['rate']:12.0f}{row['p99_ms']:9.1f}")
    told = " ".join(f"{name}={ratio:.3f}" for name, ratio in (ratios(rows) | speeds(rows)).items())
    print(f'edge: {told} machine="{machine}"')


def ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return, by pair of roads, the other nginx's CPU time per request as a part of ours, the mean over all answers."""
    return {f"fast/{other}": quotient(rows, "cpu_rounds", other, "fast") for other in ("bare", "logged")}


def speeds(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the fast road's requests per second as a part of a bare nginx's; client and server share the machine."""
    return {f"speed:fast/{other}": quotient(rows, "rate_rounds", "fast", other) for other in ("bare", "logged")}


def quotient(rows: list[dict[str, Any]], part: str, above: str, below: str) -> float:
    """Return one road's value divided by another's: the median of the rounds, then the mean over all answers.

    What is divided was measured within seconds, because the speed of a shared machine changes within minutes.
    """
    found = {(row["answer"], row["road"]): row[part] for row in rows}
    answers = [answer for answer, road in found if road == "bare"]
    rounds = (zip(found[answer, above], found[answer, below], strict=True) for answer in answers)
    return statistics.mean(statistics.median(one / other for one, other in each) for each in rounds)


if __name__ == "__main__":
    main()
