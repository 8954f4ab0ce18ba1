"""For bench/attack: the medians of the rounds, as a table and a last line."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import NamedTuple

CALM = "none"
"""What is measured without an attack."""


class Round(NamedTuple):
    """One attack in one round: its attempts, and what the citizen and the server had meanwhile."""

    tries: int
    answered: int
    success: float
    """Percent of the citizen's requests that were answered."""
    p99: float
    worst: float
    """Milliseconds until the citizen's answers."""
    cpu: float
    """Seconds of nginx, the WAF and the application."""


Found = dict[tuple[str, str], list[Round]]
"""By lab and attack, the rounds in their order."""


def report(found: Found, own: str, other: str, machine: str) -> None:
    """Print the table and the last line; `other` is the lab that ours is compared with, or empty."""
    attacks = [attack for lab, attack in found if lab == own]
    print(
        f"{'attack':14}{'lab':10}{'tries':>10}{'answered':>10}{'success %':>11}{'p99 ms':>9}{'worst ms':>10}"
        f"{'CPU s':>8}{'us each':>9}"
    )
    for attack in attacks:
        for lab in filter(None, (own, other)):
            rounds = found[lab, attack]
            times = f"{middle(rounds, 'p99'):>9.0f}{max(one.worst for one in rounds):>10.0f}"
            each = "-" if attack == CALM else f"{cost(found, lab, attack):.1f}"
            costs = f"{middle(rounds, 'cpu'):>8.2f}{each:>9}"
            counts = f"{middle(rounds, 'tries'):>10.0f}{middle(rounds, 'answered'):>10.0f}{success(rounds):>11.1f}"
            print(f"{attack:14}{lab:10}{counts}{times}{costs}")
    print(line(found, own, other, machine))


def line(found: Found, own: str, other: str, machine: str) -> str:
    """Return the last line."""
    rows = {attack: rounds for (lab, attack), rounds in found.items() if lab == own}
    results = [
        f"{attack}={success(rounds):.1f}/{middle(rounds, 'p99'):.0f}"
        + ("" if attack == CALM else f"/{cost(found, own, attack):.1f}")
        for attack, rounds in rows.items()
    ]
    attacked = [rounds for attack, rounds in rows.items() if attack != CALM]
    worst, slowest = min(map(success, attacked)), max(middle(rounds, "p99") for rounds in attacked)
    figures = [f"worst_success={worst:.1f} worst_p99_ms={slowest:.0f}", *results, f"rounds={len(attacked[0])}"]
    if other:
        times = {attack: quotient(found, attack, own, other, late) for attack in rows}
        spent = {attack: quotient(found, attack, own, other, costs) for attack in rows if attack != CALM}
        figures += [f"against={other} worst_p99_ratio={max(times.values()):.2f}"]
        figures += [f"p99_ratio:{attack}={ratio:.2f}" for attack, ratio in times.items()]
        figures += [f"cost_ratio:{attack}={ratio:.2f}" for attack, ratio in spent.items()]
    return f'attack: {" ".join(figures)} machine="{machine}"'


def middle(rounds: list[Round], part: str) -> float:
    """Return the median of one part over the rounds."""
    return statistics.median(getattr(each, part) for each in rounds)


def success(rounds: list[Round]) -> float:
    """Return the share of answers in the worst round: one citizen without a page is not mended by two other rounds."""
    return min(each.success for each in rounds)


def cost(found: Found, lab: str, attack: str) -> float:
    """Return the median of `costs`."""
    return statistics.median(costs(found, lab, attack))


def costs(found: Found, lab: str, attack: str) -> list[float]:
    """Return, by round, the microseconds of CPU of one attempt: what there is more than in the round without an attack.

    Not a number without attempts.
    """
    pairs = zip(found[lab, attack], found[lab, CALM], strict=True)
    return [1e6 * (one.cpu - calm.cpu) / (one.tries or math.nan) for one, calm in pairs]


def late(found: Found, lab: str, attack: str) -> list[float]:
    """Return the 99th percentile of each round."""
    return [each.p99 for each in found[lab, attack]]


def quotient(
    found: Found, attack: str, own: str, other: str, values: Callable[[Found, str, str], list[float]]
) -> float:
    """Return our value divided by the other lab's, the median of the rounds.

    What is divided was measured within seconds, because the speed of a shared machine changes within minutes. Not a
    number where the other lab spent nothing that can be measured.
    """
    pairs = zip(values(found, own, attack), values(found, other, attack), strict=True)
    return statistics.median(one / theirs if theirs > 0 else math.nan for one, theirs in pairs)
