"""Measures how busy this machine's processor cores were, and when they were idle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

STAT = Path("/proc/stat")
EVERY = 5.0
"""Length of a sample in seconds; shorter ones would show every wait of a second as an idle core."""
IDLE_BELOW = 0.5


@dataclass(frozen=True)
class Sample:
    """The share (0 to 1) of all cores' time that was spent working between two instants."""

    since: datetime
    until: datetime
    busy: float

    @property
    def seconds(self) -> float:
        """How long the sample lasts."""
        return (self.until - self.since).total_seconds()


class Cores:
    """Samples the cores of this machine while a block runs."""

    def __init__(self) -> None:
        """Begin without samples."""
        self.samples: list[Sample] = []
        self._end = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to sample."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the last sample."""
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        since, (worked, all_of_it) = datetime.now(UTC), ticks(STAT.read_text())
        while True:
            over = self._end.wait(EVERY)
            until, (worked_now, all_now) = datetime.now(UTC), ticks(STAT.read_text())
            if all_now > all_of_it:
                self.samples.append(Sample(since, until, (worked_now - worked) / (all_now - all_of_it)))
                since, worked, all_of_it = until, worked_now, all_now
            if over:
                return


def ticks(stat: str) -> tuple[int, int]:
    """Return (ticks worked, all ticks) of all cores since the machine started, from the text of /proc/stat."""
    user, nice, system, idle, iowait, *others = map(int, stat.partition("\n")[0].split()[1:9])
    worked = user + nice + system + sum(others)
    return worked, worked + idle + iowait


def busy(samples: Sequence[Sample], since: datetime, until: datetime) -> float | None:
    """Return the share of time that the cores worked between two instants; None when there is no sample of it."""
    parts = [(max(since, each.since), min(until, each.until), each.busy) for each in samples]
    weights = [((end - start).total_seconds(), share) for start, end, share in parts if end > start]
    total = sum(seconds for seconds, _ in weights)
    return sum(seconds * share for seconds, share in weights) / total if total else None


def longest_idle(samples: Sequence[Sample], since: datetime, until: datetime) -> tuple[datetime, float]:
    """Return the start and the seconds of the longest stretch in which the cores worked less than half of their time.

    Samples are in order of time, without gaps. When there is no such stretch, the seconds are 0.
    """
    best, start = (since, 0.0), since
    for each in samples:
        if each.busy >= IDLE_BELOW:
            start = max(since, each.until)
        else:
            stretch = (start, (min(each.until, until) - start).total_seconds())
            best = max(best, stretch, key=lambda found: found[1])
    return best
