"""Whether this server's clock is right, as chrony (its NTP client) reports it."""

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
"""Seconds per second by which a clock without time servers may drift.

It caps chrony's own figure, which is far larger in chrony 4.0 with the option -x.
"""


@dataclass(frozen=True)
class Clock:
    """One answer of chrony.

    `offset`: from NTP time, and `error`: the most the clock can be wrong by (seconds, None when chrony does not answer
    or does not know); `checked`: when chrony was asked; `age`: seconds since chrony last learnt the time from its
    servers, by the machine's clock; `set_by`: by how many seconds somebody has set that clock, which chrony has not
    confirmed since.
    """

    synchronised: bool
    offset: float | None
    error: float | None
    checked: datetime
    age: float = math.inf
    set_by: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the value of `clock` in estado.json."""
        return {
            "synchronised": self.synchronised,
            "offset_seconds": self.offset,
            "max_error_seconds": self.error,
            "checked": instants.write(self.checked),
            "set_by_seconds": self.set_by,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Clock:
        """Read what `to_json` wrote."""
        return cls(
            value["synchronised"],
            value["offset_seconds"],
            value["max_error_seconds"],
            instants.parse(value["checked"]),
            set_by=float(value.get("set_by_seconds", 0.0)),
        )


class Watch:
    """The present instant, counted by the processor's ticks, so that setting the machine's clock does not change it.

    When somebody sets the machine's clock, the two stop agreeing. `error`: the most that the starting instant can be
    wrong by, in seconds; infinite until chrony has confirmed one.
    """

    SLACK = 1.0
    """Seconds by which chrony's last measurement may seem older than the step of the clock that it led to."""

    def __init__(self) -> None:
        """Start from the machine's clock, which chrony has not confirmed yet."""
        self.error = math.inf
        self._start, self._ticks = instants.now(), _ticks()

    def set(self, clock: Clock) -> None:
        """Take the instant of the machine's clock, as chrony judges it now, and count on from there."""
        if clock.synchronised and clock.error is not None:
            self.error = clock.error
        else:
            # What chrony knew to be wrong stays wrong when it then goes silent, or somebody sets the clock.
            self.error = max(self._worst() + abs(self.step()), clock.error or 0.0)
        self._start, self._ticks = instants.now(), _ticks()

    def now(self) -> datetime:
        """Return the instant of the last `set` plus the time that has passed by the ticks."""
        return self._start + timedelta(seconds=self._passed())

    def step(self) -> float:
        """Return by how many seconds the machine's clock was moved since the last `set`."""
        return (instants.now() - self.now()).total_seconds()

    def stepped(self, limit: float) -> bool:
        """Tell whether the machine's clock was moved by more than `limit` seconds since the last `set`."""
        return abs(self.step()) > limit

    def vouched(self) -> bool:
        """Tell whether chrony has ever confirmed an instant from which this counts."""
        return math.isfinite(self.error)

    def is_good(self, limit: float) -> bool:
        """Tell whether `now` is wrong by at most `limit` seconds: chrony confirmed its start not too long ago."""
        return self._worst() <= limit

    def confirms(self, clock: Clock) -> bool:
        """Tell whether chrony has confirmed the machine's clock with a measurement made after somebody set it.

        Chrony notices that the clock was set only when it next asks its servers; until then its answer is about the
        clock before that.
        """
        return clock.synchronised and 0 <= clock.age <= self._passed() + self.SLACK

    def _worst(self) -> float:
        return self.error + self._passed() * _WORST_DRIFT

    def _passed(self) -> float:
        return _ticks() - self._ticks


def _ticks() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)  # chrony adjusts the speed of the one not raw


def ask(max_error: float) -> Clock:
    """Ask chronyd. Synchronised: its leap status says so, and the clock is at most `max_error` seconds wrong."""
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
    if leap not in _SYNCHRONISED:
        return Clock(False, None, None, now, age)
    error = abs(offset) + delay / 2 + min(dispersion, abs(age) * _WORST_DRIFT)
    return Clock(error <= max_error, offset, error, now, age)
