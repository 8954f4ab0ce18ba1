"""Reads and writes the state on disk, the log beside it and estado.json, and recovers the state when it is lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from corte.format import files, instants, record
from corte.format.errors import why
from corte.format.record import Damaged
from corte.server import log as journal
from corte.server import modes, records, recovery
from corte.server.clock import Clock
from corte.server.config import Config
from corte.server.state import State, public
from corte.server.store import Store


class Memory:
    """The state and the log of this server.

    A process that changes the state must hold the lock; readers need none, because files are replaced whole.
    """

    def __init__(self, config: Config) -> None:
        """Take the paths from the configuration; nothing is read yet."""
        self.config = config
        self.path = config.store / "state.json"
        self.log_path = config.store / "bitacora.jsonl"
        self.run_path = config.store / "en-curso.json"
        self.reread_path = config.store / "relectura.json"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock that keeps intake and gate from changing the state at the same time."""
        with files.locked(self.config.store):
            yield

    def load(self) -> State:
        """Return the state on disk, or a new one when there is none or it is another election's; Damaged as `read`."""
        fresh = State(self.config.election, self.config.environment)
        state = self.read()
        if state is None:
            return fresh
        if state.is_of_another_election(self.config):
            return replace(fresh, log=state.log, log_segments=state.log_segments)
        return state

    def read(self) -> State | None:
        """Return the state on disk, of whatever election; None when there is none, Damaged when it cannot be used."""
        value = records.read(self.path)
        try:
            return None if value is None else State.from_json(value)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise Damaged(self.path.name) from error

    def find(self, store: Store) -> tuple[State | None, bool]:
        """Return the state, and whether it had to be recovered from the other files; nothing is written.

        The state is None when there is nothing to recover it from, as on a new server.
        """
        with suppress(Damaged):
            state = self.read()
            if state is not None or not recovery.has_traces(store, self.log_path):
                return state, False
        return recovery.find(self.config, store, self._previous(), self.log_path), True

    def restore(self, store: Store, now: datetime) -> None:
        """Make the store's folders usable, recover the state if it is lost, and log both. Called under the lock."""
        repaired = store.repair()
        state, was_lost = self.find(store)
        if state is not None and was_lost:
            self.save(self.record(state, "damaged", now, paths=[self.path.name]))
        if repaired:
            self.save(self.record(self.load(), "damaged", now, paths=repaired))

    def save(self, state: State) -> None:
        """Write the state to disk so that it survives a power cut."""
        records.write(self.path, asdict(state))

    def record(self, state: State, event: str, now: datetime, **fields: Any) -> State:
        """Add a line to the log and return the state with the log's new head."""
        head, is_new = journal.append(self.log_path, state.log, event, now, **fields)
        return replace(state, log=head, log_segments=state.log_segments + is_new)

    def last_clock(self, now: datetime) -> Clock:
        """Return the clock as the gate last reported it; not synchronised when it never did."""
        try:
            return Clock.from_json(self._published()["clock"])
        except (OSError, ValueError, KeyError, TypeError):
            return Clock(False, None, None, now)

    def now(self) -> datetime:
        """Return the present instant: by the machine's clock, or as the gate counts on while somebody has set that."""
        now = instants.now()
        try:
            return now - timedelta(seconds=self.last_clock(now).set_by)
        except (OverflowError, ValueError):  # what the gate wrote is damaged; a number may even be none (NaN)
            return now

    def last_verdict(self) -> str | None:
        """Return the gate's state as last published in estado.json; None when it never was."""
        try:
            return str(self._published()["gate"]["state"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def publish(self, state: State, gate: str, clock: Clock, now: datetime) -> None:
        """Write estado.json; where that cannot be, only the journal says so, because what citizens see matters more."""
        content = json.dumps(public(state, self.config, gate, clock, now), ensure_ascii=False, indent=1) + "\n"
        modes.reopen(self.config.status_file.parent)
        try:
            files.replace(self.config.status_file, content.encode())
        except OSError as error:
            print(f"no se pudo escribir {self.config.status_file}: {why(error)}", file=sys.stderr)

    def begin_run(self, now: datetime) -> str:
        """Note that an intake has begun; return when the previous one began if it never ended, else ""."""
        unfinished = ""
        with suppress(Damaged):
            unfinished = str(records.read(self.run_path) or "")
        with suppress(OSError):  # without this note an interrupted run goes unreported; the corte matters more
            # Without waiting for the disk, which is busy with what was pushed and gets it all before a corte is kept.
            files.replace(self.run_path, record.content(instants.write(now)), waits=False)
        return unfinished

    def end_run(self) -> None:
        """Note that the intake has ended."""
        files.vacated(self.run_path)

    def last_reread(self) -> str:
        """Return which published file was the last to be read again; "" if that is not known, and the first is due."""
        with suppress(Damaged):
            return str(records.read(self.reread_path) or "")
        return ""

    def note_reread(self, path: str) -> None:
        """Note which published file was the last to be read again."""
        with suppress(OSError):  # the next push reads the same ones once more
            files.replace(self.reread_path, record.content(path))

    def _previous(self) -> State | None:
        """Return the state saved before the one on disk, if it is undamaged and this election's; else None."""
        try:
            value = records.read_previous(self.path)
            state = None if value is None else State.from_json(value)
        except (TypeError, KeyError, AttributeError, ValueError):
            return None
        return None if state is None or state.is_of_another_election(self.config) else state

    def _published(self) -> Any:
        return json.loads(files.read(self.config.status_file))
