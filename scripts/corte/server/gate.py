"""The gate: the service that decides whether results may be seen now, by UTC time and only by a synchronised clock.

Results are closed in two ways until this code opens both: the public folder has no link `actual`, and the web server
finds no gate file (in /run, so that it is gone after a reboot until the gate has decided again). A second file there
tells the web server not to send the heavy folders, while the institute orders light mode.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import FrameType

from corte.format import files, instants, signature
from corte.format.errors import why
from corte.format.manifest import Window
from corte.format.record import Damaged
from corte.format.refusal import Refusal
from corte.server import clock
from corte.server.clock import Clock
from corte.server.config import Config
from corte.server.memory import Memory
from corte.server.state import Corte, State, is_withdrawn
from corte.server.store import Store

TICK = 1.0
"""Seconds between two looks at the state. When an instant of the window comes sooner, the gate wakes exactly then."""
CLOCK_EVERY = timedelta(seconds=60)
CLOCK_RETRY = timedelta(seconds=2)
CLOCK_BEFORE = (timedelta(seconds=3), timedelta(seconds=10))
"""How long before an instant of the window chrony is asked once more; not later, or its answer could delay the gate."""
WALK = 0.5
"""Seconds at each look for the walk through closed trees; less when an instant of the window is nearer."""
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
    """Return the gate's state: the phase, or `unsynchronised` when it should open but the clock is not synchronised.

    A gate that is already open stays open when the time servers stop answering.
    """
    found = phase(window, now)
    if found in ("open", "closed") and not (synchronised or is_open):
        return "unsynchronised"
    return found


def shows(gate: str) -> bool:
    """Tell whether results may be seen in this state of the gate."""
    return gate in ("open", "closed")


def show_newest(store: Store, state: State, config: Config, now: datetime) -> State:
    """Show the corte that this window calls for, or nothing; the caller holds the lock and saves the returned state."""
    candidate = state.candidate(config)
    if candidate is None:
        store.hide()
        return replace(state, shown=None, shown_since=None)
    if not store.has(candidate.name):
        if state.shown is None or not is_withdrawn(state.shown, state.standing(config)):
            return state
        store.hide()
        return replace(state, shown=None, shown_since=None)
    if candidate == state.shown and store.is_shown(candidate.name):
        return state
    store.show(candidate.name)
    return replace(state, shown=candidate, shown_since=instants.write(now))


class Gate:
    """The gate service: it decides at every tick, and exactly at every instant of the window."""

    def __init__(self, config: Config) -> None:
        """Ask chrony once; what citizens see stays as it is until the first `step`."""
        self.config = config
        self.memory = Memory(config)
        self.store = Store(config.store, config.public, despite=(OSError,))
        self.watch = clock.Watch()
        self.clock = clock.ask(config.clock_max_error)
        self.verdict = self.memory.last_verdict()
        self.told: tuple[State, str, Clock] | None = None
        self.told_at = instants.now() - PUBLISH_EVERY
        self.papers_at = instants.now() - PAPERS_EVERY
        self.is_resting = self.is_leaving = False
        self.due = [self.forget_other_elections, self.disown]
        self.complaint = ""

    def run(self) -> None:
        """Decide again and again until SIGTERM; systemd then removes the gate file, which closes the gate."""
        signal.signal(signal.SIGTERM, self._leave)
        while True:
            window = self._decide()
            self.look_at_papers()
            self.store.walk.go_on(min(WALK, _pause(window, self.watch.now()) / 2))
            self.ask_clock(window, self.watch.now())
            self._rest(_pause(window, self.watch.now()))

    def _decide(self) -> Window:
        """Take a step; return the window in force.

        Whoever takes a folder away in the middle of a step makes it fail; another step begins with the repair of the
        folders. On a disk that has turned read-only that fails too. To end here would leave the gate as it is for as
        long as that lasts, since every new start would end here.
        """
        problem: Exception | None = None
        for is_again in (False, True):
            try:
                if is_again:
                    self.store.make_usable()
                self._catch_up()
                window = self.step(self.now())
            except (OSError, Damaged) as error:
                problem = error
            else:
                self.complaint = "" if not self.due else self.complaint
                return window
        self._complain(problem)
        return self.hold(self.now())

    def _catch_up(self) -> None:
        """Do what is due once after the start; without the list of revoked keys the gate goes by what it knew."""
        while self.due:
            try:
                self.due[0]()
            except OSError as error:
                if self.due[0] != self.disown:
                    raise
                self._complain(error)
                return
            del self.due[0]

    def _complain(self, problem: Exception | None) -> None:
        """Say in the journal what keeps the gate from its work, once for as long as it lasts."""
        reason = why(problem) if isinstance(problem, OSError) else "el disco dañó el estado"
        where = getattr(problem, "filename", None) or self.config.store
        complaint = f"no se puede usar {where}: {reason}; la compuerta sigue con lo que puede leer"
        if complaint != self.complaint:
            print(complaint, file=sys.stderr, flush=True)
        self.complaint = complaint

    def hold(self, now: datetime) -> Window:
        """Close the gate when this instant requires it, while no step can be taken; return the window in force.

        The gate file is not on the disk of the cortes. It opens, as after a reboot, only what citizens are to see and
        what the public folder's link selects already.
        """
        state = State(self.config.election, self.config.environment)
        with suppress(OSError, Damaged, Refusal):
            known, _ = self.memory.find(self.store)
            if known is not None and not known.is_of_another_election(self.config):
                state = known
        window = state.window(self.config)
        verdict = judge(window, now, self.vouches(state), self.config.gate_file.exists())
        with suppress(OSError):
            if not shows(verdict):
                files.vacated(self.config.gate_file)
            elif (candidate := state.candidate(self.config)) and self.store.is_shown(candidate.name):
                self._lighten(state.is_light(self.config))
                self.config.gate_file.touch(mode=0o644)
        return window

    def _rest(self, seconds: float) -> None:
        """Sleep until the next tick; end the service here when SIGTERM has come."""
        self.is_resting = True
        if self.is_leaving:
            raise SystemExit(0)
        time.sleep(seconds)
        self.is_resting = False

    def _leave(self, number: int, frame: FrameType | None) -> None:
        """End the service at once if it sleeps, else after the step: an exception in the middle of one can be lost.

        A step that tidies up after a failure may replace the exception by one of its own, and go on.
        """
        self.is_leaving = True
        if self.is_resting:
            raise SystemExit(0)

    def now(self) -> datetime:
        """Return the instant to decide by.

        When somebody sets a clock that chrony had confirmed, the time before counts on until chrony confirms the new
        one.
        """
        if self.watch.stepped(self.config.clock_max_error):
            self.clock = clock.ask(self.config.clock_max_error)
            if self.watch.vouched() and not self.watch.confirms(self.clock):
                self.clock = replace(self.clock, synchronised=False, set_by=round(self.watch.step(), 1))
                return self.watch.now()
        self.watch.set(self.clock)
        return self.watch.now()

    def vouches(self, state: State) -> bool:
        """Tell whether the instant of `now` may open the gate.

        Chrony vouches for the machine's clock; or it has vouched for the time that is counted on while somebody has set
        that clock, or while chrony does not answer or begins anew, as after a standstill; or the institute vouches.
        """
        is_counted = self.clock.set_by != 0 or self.clock.offset is None
        counts = is_counted and self.watch.is_good(self.config.clock_max_error)
        return self.clock.synchronised or counts or state.trusts_clock(self.config)

    def step(self, now: datetime) -> Window:
        """Set the links, the gate file and estado.json as this instant requires; return the window in force."""
        with self.memory.lock():
            self.memory.restore(self.store, now)
            before = state = self.memory.load()
            window = state.window(self.config)
            verdict = judge(window, now, self.vouches(state), self.config.gate_file.exists())
            self._lighten(state.is_light(self.config))  # before the gate opens
            if shows(verdict):
                state = show_newest(self.store, state, self.config, now)
                opened = not self.config.gate_file.exists()
                if opened:
                    self.config.gate_file.touch(mode=0o644)
            else:
                opened = False
                files.vacated(self.config.gate_file)
                self.store.hide()
                state = replace(state, shown=None, shown_since=None)
            state = self._record(before, state, verdict, opened, now)
            if state != before:
                self.memory.save(state)
            self._tell(state, verdict, now)
        return window

    def ask_clock(self, window: Window, now: datetime) -> None:
        """Ask chrony again when its last answer is too old; more often when an instant of the window is near."""
        near = any(CLOCK_BEFORE[0] < instant - now < CLOCK_BEFORE[1] for instant in _instants(window))
        pending = near or phase(window, now) in ("open", "closed")
        limit = CLOCK_RETRY if pending and not self.clock.synchronised else CLOCK_BEFORE[1] if near else CLOCK_EVERY
        imminent = any(timedelta(0) < instant - now <= CLOCK_BEFORE[0] for instant in _instants(window))
        if abs(now - self.clock.checked) >= limit and not imminent:
            self.clock = clock.ask(self.config.clock_max_error)

    def forget_other_elections(self) -> None:
        """Remove every tree of an earlier election or rehearsal before this one's results are shown."""
        with self.memory.lock():
            self.memory.restore(self.store, instants.now())
            known, state = self.memory.read(), self.memory.load()
            if known is not None and known.is_of_another_election(self.config):
                self.store.hide()
                self.store.prune(set(), set())
                change = {
                    "election": state.election,
                    "environment": state.environment,
                    "left_election": known.election,
                    "left_environment": known.environment,
                }
                self.memory.save(self.memory.record(state, "election", instants.now(), **change))

    def disown(self) -> None:
        """Forget the cortes signed by a key that was revoked since: not shown, and no bar to older cortes any more."""
        revoked = self.config.revoked_keys()
        with self.memory.lock():
            self.memory.restore(self.store, instants.now())
            state = self.memory.load()
            known = (*state.kept.values(), *state.ordered)
            disowned = {corte.name for corte in known if _is_by_any(corte, revoked)}
            if disowned:
                state = state.without(disowned, self.config)
                self.memory.save(self.memory.record(state, "disowned", instants.now(), cortes=sorted(disowned)))

    def look_at_papers(self) -> None:
        """Once a minute, repair kept manifests and signatures that the disk has damaged."""
        if abs(instants.now() - self.papers_at) < PAPERS_EVERY:
            return
        self.papers_at = instants.now()
        with suppress(OSError, Damaged), self.memory.lock():
            state = self.memory.load()
            # Of a corte that is only known from the log, nobody knows the signature.
            for corte in (one for one in (*state.kept.values(), *state.ordered) if one.signature):
                damaged = self.store.mend_papers(corte.name, corte.manifest_sha256, corte.signature.encode())
                if damaged:
                    state = self.memory.record(state, "damaged", instants.now(), corte=corte.name, paths=damaged)
                    self.memory.save(state)

    def _lighten(self, is_light: bool) -> None:
        """Make the web server hold back the heavy folders, or send them again, from its next request on.

        Where that cannot be, the gate opens all the same: the results matter more.
        """
        try:
            if not is_light:
                files.vacated(self.config.light_file)
            elif not self.config.light_file.exists():
                self.config.light_file.touch(mode=0o644)
        except OSError as error:
            print(f"no se pudo cambiar el modo ligero: {why(error)}", file=sys.stderr)

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
    """Return the seconds until the next tick, or until the next instant of the window if that comes first."""
    ahead = [(instant - now).total_seconds() for instant in _instants(window) if instant > now]
    return min([TICK, *ahead])
