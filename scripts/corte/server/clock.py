"""Is this server's clock right? chrony's own word, and nobody else's."""

from __future__ import annotations

import math
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from corte.format import instants

_FIELDS = 14  # of `chronyc -c tracking`
_SYNCHRONISED = ("Normal", "Insert second", "Delete second")
_WORST_DRIFT = 100e-6
"""Seconds a second that a clock without its servers may lose; chrony 4.0 under -x has no estimate, and claims more."""


@dataclass(frozen=True)
class Clock:
    """`synchronised`, the offset from NTP time and the most it can be wrong by (seconds, None if unknown), and when.

    `age`: seconds since chrony last learnt the time, by the machine's clock.
    """

    synchronised: bool
    offset: float | None
    error: float | None
    checked: datetime
    age: float = math.inf

    def to_json(self) -> dict[str, Any]:
        """Return the part of estado.json that speaks of the clock."""
        return {
            "synchronised": self.synchronised,
            "offset_seconds": self.offset,
            "max_error_seconds": self.error,
            "checked": instants.write(self.checked),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Clock:
        """Read what `to_json` wrote."""
        return cls(
            value["synchronised"],
            value["offset_seconds"],
            value["max_error_seconds"],
            instants.parse(value["checked"]),
        )


class Watch:
    """The instant, carried on by the processor's own ticks when somebody sets the machine's clock.

    A step shows at once: the two no longer agree. `vouched`: chrony has said that what is carried on was right.
    """

    SLACK = 1.0
    """Seconds by which what chrony learnt may seem older than the step that it took itself."""

    def __init__(self) -> None:
        """Start from the machine's clock, which nobody has vouched for."""
        self.vouched = False
        self.set()

    def set(self) -> None:
        """Believe the machine's clock."""
        self._start = instants.now()
        self._ticks = time.clock_gettime(time.CLOCK_MONOTONIC_RAW)  # raw: chrony slows and hurries the other one too

    def now(self) -> datetime:
        """Return the instant by the ticks since the clock was last believed."""
        return self._start + timedelta(seconds=self._passed())

    def stepped(self, limit: float) -> bool:
        """Tell whether the machine's clock has moved by more than `limit` seconds since it was last believed."""
        return abs((instants.now() - self.now()).total_seconds()) > limit

    def confirms(self, clock: Clock) -> bool:
        """Tell whether chrony vouches for a clock that was set, by what it has learnt since.

        It notices a step of seconds only when it next asks its servers; until then it speaks of what was there before.
        """
        return clock.synchronised and 0 <= clock.age <= self._passed() + self.SLACK

    def _passed(self) -> float:
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW) - self._ticks


def ask(max_error: float) -> Clock:
    """Ask chronyd. Synchronised means: its leap status says so, and it can vouch for at most `max_error` seconds."""
    now = instants.now()
    try:
        done = subprocess.run(
            ["chronyc", "-n", "-c", "tracking"], capture_output=True, text=True, timeout=2, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return Clock(False, None, None, now)
    return read(done.stdout, max_error, now)


def read(text: str, max_error: float, now: datetime) -> Clock:
    """Read the CSV line of `chronyc -c tracking`."""
    fields = text.strip().split(",")
    try:
        reference, offset, delay, dispersion = (float(fields[position]) for position in (3, 4, 10, 11))
        leap = fields[_FIELDS - 1]
    except (IndexError, ValueError):
        return Clock(False, None, None, now)
    age = now.timestamp() - reference
    error = abs(offset) + delay / 2 + min(dispersion, abs(age) * _WORST_DRIFT)
    return Clock(leap in _SYNCHRONISED and error <= max_error, offset, error, now, age)
