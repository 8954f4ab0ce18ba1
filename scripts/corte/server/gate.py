"""The gate: what may be seen at this instant, judged by absolute UTC time and only by a synchronised clock.

Two layers, both closed unless this code opens them: the public folder has no `actual` link, and the web server finds
no gate file (in /run, so that a reboot closes it until the gate has judged again).
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import FrameType

from corte.format import instants, signature
from corte.format.manifest import Window
from corte.server import clock
from corte.server.clock import Clock
from corte.server.config import Config
from corte.server.memory import Memory
from corte.server.state import Corte, State
from corte.server.store import Store

TICK = 1.0
"""Seconds between two looks at the state; an instant of the window is waited for exactly."""
CLOCK_EVERY = timedelta(seconds=60)
CLOCK_RETRY = timedelta(seconds=2)
CLOCK_BEFORE = (timedelta(seconds=3), timedelta(seconds=10))
"""The clock is asked once more between these two, before an instant: never so late that the answer delays it."""
PUBLISH_EVERY = timedelta(seconds=30)
PAPERS_EVERY = timedelta(seconds=60)


def phase(window: Window, now: datetime) -> str:
    """Return waiting, open, closed (readable, marked as closed) or retired."""
    if now < window.opens:
        return "waiting"
    if now < window.closes:
        return "open"
    return "closed" if now < window.retain_until else "retired"


def judge(window: Window, now: datetime, synchronised: bool, is_open: bool) -> str:
    """Return the gate's state: the phase, or `unsynchronised` where the gate would have to open by a doubtful clock.

    An open gate does not close because the time server went away.
    """
    found = phase(window, now)
    if found in ("open", "closed") and not (synchronised or is_open):
        return "unsynchronised"
    return found


def shows(gate: str) -> bool:
    """Tell whether results may be seen in this state of the gate."""
    return gate in ("open", "closed")


def show_newest(store: Store, state: State, config: Config, now: datetime) -> State:
    """Show the corte that is due in this window and no other; the caller holds the lock and saves the state."""
    candidate = state.candidate(config)
    if candidate is None:
        store.hide()
        return replace(state, shown=None, shown_since=None)
    if not store.has(candidate.name):
        return state
    if candidate == state.shown and store.current.is_symlink():
        return state
    store.show(candidate.name)
    return replace(state, shown=candidate, shown_since=instants.write(now))


class Gate:
    """The service: judges at every tick and exactly at every instant of the window."""

    def __init__(self, config: Config) -> None:
        """Ask the clock once; what is shown stays as it is until the first step."""
        self.config = config
        self.memory = Memory(config)
        self.store = Store(config.store, config.public)
        self.watch = clock.Watch()
        self.clock = clock.ask(config.clock_max_error)
        self.verdict = self.memory.last_verdict()
        self.told: tuple[State, str, Clock] | None = None
        self.told_at = instants.now() - PUBLISH_EVERY
        self.papers_at = instants.now() - PAPERS_EVERY

    def run(self) -> None:
        """Judge for ever; SIGTERM ends it (and systemd then removes the gate file: closed)."""
        signal.signal(signal.SIGTERM, _leave)
        self.forget_other_elections()
        self.disown()
        while True:
            window = self.step(self.now())
            self.look_at_papers()
            self.ask_clock(window, self.watch.now())
            time.sleep(_pause(window, self.watch.now()))

    def now(self) -> datetime:
        """Return the instant to judge by: where a right clock was set, the one before, until chrony vouches again."""
        self.watch.vouched |= self.clock.synchronised
        if self.watch.stepped(self.config.clock_max_error):
            self.clock = clock.ask(self.config.clock_max_error)
            if self.watch.vouched and not self.watch.confirms(self.clock):
                return self.watch.now()
        self.watch.set()
        return self.watch.now()

    def step(self, now: datetime) -> Window:
        """Bring links, gate file and estado.json to what this instant demands; return the window in force."""
        with self.memory.lock():
            self.memory.restore(self.store, now)
            before = state = self.memory.load()
            window = state.window(self.config)
            vouched = self.clock.synchronised or state.trusts_clock(self.config)
            verdict = judge(window, now, vouched, self.config.gate_file.exists())
            if shows(verdict):
                state = show_newest(self.store, state, self.config, now)
                opened = not self.config.gate_file.exists()
                if opened:
                    self.config.gate_file.touch(mode=0o644)
            else:
                opened = False
                self.config.gate_file.unlink(missing_ok=True)
                self.store.hide()
                state = replace(state, shown=None, shown_since=None)
            state = self._record(before, state, verdict, opened, now)
            if state != before:
                self.memory.save(state)
            self._tell(state, verdict, now)
        return window

    def ask_clock(self, window: Window, now: datetime) -> None:
        """Ask the clock when the last answer is too old for what lies ahead."""
        near = any(CLOCK_BEFORE[0] < instant - now < CLOCK_BEFORE[1] for instant in _instants(window))
        pending = near or phase(window, now) in ("open", "closed")
        limit = CLOCK_RETRY if pending and not self.clock.synchronised else CLOCK_BEFORE[1] if near else CLOCK_EVERY
        imminent = any(timedelta(0) < instant - now <= CLOCK_BEFORE[0] for instant in _instants(window))
        if abs(now - self.clock.checked) >= limit and not imminent:
            self.clock = clock.ask(self.config.clock_max_error)

    def forget_other_elections(self) -> None:
        """Leave nothing of an earlier election or rehearsal where this one's results will be."""
        with self.memory.lock():
            self.memory.restore(self.store, instants.now())
            known, state = self.memory.read(), self.memory.load()
            if known is not None and known.is_of_another_election(self.config):
                self.store.hide()
                self.store.prune(set())
                self.memory.save(self.memory.record(state, "election", instants.now(), election=state.election))

    def disown(self) -> None:
        """Forget what a key signed that has been revoked since: it may neither stay nor keep out what is older."""
        revoked = self.config.revoked_keys()
        with self.memory.lock():
            self.memory.restore(self.store, instants.now())
            state = self.memory.load()
            disowned = {name for name, corte in state.kept.items() if _is_by_any(corte, revoked)}
            if disowned:
                state = state.without(disowned)
                self.memory.save(self.memory.record(state, "disowned", instants.now(), cortes=sorted(disowned)))

    def look_at_papers(self) -> None:
        """Put back what the disk has damaged of the manifests and signatures that are kept, every minute."""
        if abs(instants.now() - self.papers_at) < PAPERS_EVERY:
            return
        self.papers_at = instants.now()
        with self.memory.lock(), suppress(OSError):
            state = self.memory.load()
            for name, corte in state.kept.items():
                damaged = self.store.mend_papers(name, corte.manifest_sha256, corte.signature.encode())
                if damaged:
                    state = self.memory.record(state, "damaged", instants.now(), corte=name, paths=damaged)
                    self.memory.save(state)

    def _record(self, before: State, state: State, verdict: str, opened: bool, now: datetime) -> State:
        if opened or self.verdict not in (None, verdict):
            state = self.memory.record(state, "gate", now, verdict=verdict)
        self.verdict = verdict
        if state.shown is not None and state.shown != before.shown:
            state = self.memory.record(
                state,
                "shown",
                now,
                sequence=state.shown.sequence,
                manifest_sha256=state.shown.manifest_sha256,
            )
        return state

    def _tell(self, state: State, verdict: str, now: datetime) -> None:
        news = (state, verdict, self.clock)
        if news != self.told or abs(now - self.told_at) >= PUBLISH_EVERY:
            self.memory.publish(state, verdict, self.clock, now)
            self.told, self.told_at = news, now


def _is_by_any(corte: Corte, keys: str) -> bool:
    return signature.is_by_any(corte.signature.encode(), keys)


def _instants(window: Window) -> tuple[datetime, ...]:
    return (window.opens, window.closes, window.retain_until)


def _pause(window: Window, now: datetime) -> float:
    """Seconds until the next tick, or until the next instant of the window when that comes first."""
    ahead = [(instant - now).total_seconds() for instant in _instants(window) if instant > now]
    return min([TICK, *ahead])


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
