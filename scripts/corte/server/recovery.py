"""Recovers the state when its record is lost: from the previous record, the signed trees and the log.

The recovered state refuses every corte that the lost one would have refused as too old.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from corte.format import content, instants, manifest, signature
from corte.format.refusal import Refusal
from corte.server import log as journal
from corte.server.config import Config
from corte.server.log import Head
from corte.server.state import Corte, Hold, State
from corte.server.store import Store

TAKEN = ("shown", "held")
"""Events of the log that mean that a corte was accepted."""


def has_traces(store: Store, log_path: Path) -> bool:
    """Tell whether this server has ever taken in a corte or written a log; if so, a missing state has been lost."""
    return bool(store.names()) or os.path.lexists(log_path)


def find(config: Config, store: Store, previous: State | None, log_path: Path) -> State:
    """Return the state recovered from what is left; `previous` is the record before the lost one, if undamaged."""
    shown = store.shown()
    state = previous or State(config.election, config.environment)
    for corte in sorted(_signed(config, store), key=lambda one: (one.sequence, one.generated)):
        if corte.name == shown:
            state = replace(state, shown=corte, shown_since=state.shown_since or corte.generated)
        if _is_newer(corte, state.accepted):
            state = state.obey(corte, config.gate_file.exists(), instants.parse(corte.generated), config)
    highest, taken = _history(config, log_path)
    state = _with_log(state, highest, log_path)
    if previous is None:
        state = replace(state, hold=state.hold or _held(config, state, taken))
    return _not_below(config, state, taken)


def _signed(config: Config, store: Store) -> Iterator[Corte]:
    """Yield every kept corte with an undamaged manifest and the valid signature of somebody who may sign today."""
    for name in store.names():
        with suppress(Refusal, OSError):
            raw, armour = store.papers(name)
            signer = signature.verify(raw, armour, config.election, config.allowed_signers, config.revoked)
            found = manifest.read(raw)
            if found.environment == config.environment:
                corte = Corte.of(found, manifest.digest(raw), signer, armour)
                captured = content.read(store.tree(name), found.files, found.corte).captured
                yield replace(corte, captured=captured)


def _is_newer(corte: Corte, accepted: Corte | None) -> bool:
    return accepted is None or (corte.sequence, corte.generated) > (accepted.sequence, accepted.generated)


def _with_log(state: State, highest: int, log_path: Path) -> State:
    """Return the state with the log's head; when the chain of the log is broken, with its highest line number."""
    try:
        head = journal.end(log_path)
    except (OSError, Refusal):
        head = Head(highest, state.log.sha256)
    if head.entries < state.log.entries:
        return state
    return replace(state, log=head, log_segments=max(state.log_segments, len(journal.segments(log_path)) + 1))


def _held(config: Config, state: State, taken: list[dict[str, Any]]) -> Hold | None:
    """Return the order to hold that is in force according to the log: the first one after the last `resume`."""
    order: dict[str, Any] | None = None
    for entry in taken:
        if "resume" in entry.get("orders", []):
            order = None
        elif "hold" in entry.get("orders", []) and order is None:
            order = entry
    if order is None:
        return None
    return Hold(order["sequence"], order["at"], instants.write(config.window.opens), state.shown)


def _not_below(config: Config, state: State, taken: list[dict[str, Any]]) -> State:
    """Return a state that accepts nothing older than the newest corte that, according to the log, was accepted.

    When that corte's tree is lost, the state knows only its sequence, instant and digest, from the log.
    """
    newest = max(taken, key=lambda entry: entry["sequence"], default=None)
    if newest is None or (state.accepted and state.accepted.sequence >= newest["sequence"]):
        return state
    known = Corte(
        sequence=newest["sequence"],
        corte=newest["corte"],
        generated=newest["at"],
        manifest_sha256=newest["manifest_sha256"],
        window=config.window.to_json(),
        files=0,
        signer="",
    )
    return state.obey(known, config.gate_file.exists(), instants.parse(known.generated), config)


def _history(config: Config, log_path: Path) -> tuple[int, list[dict[str, Any]]]:
    """Return the highest line number in the log, and its entries on accepted cortes of this server's opening.

    Lines that are damaged, or of another form than this program writes, are passed over.
    """
    opens = instants.write(config.window.opens)
    highest, taken = 0, []
    for entry in journal.remains(log_path):
        if isinstance(entry.get("n"), int):
            highest = max(highest, entry["n"])
        if entry.get("event") in TAKEN and entry.get("opens") == opens and _is_complete(entry):
            taken.append(entry)
    return highest, taken


def _is_complete(entry: dict[str, Any]) -> bool:
    """Tell whether an entry says which corte was accepted, and when, in the form that this program writes."""
    try:
        instants.parse(entry["at"])
        instants.parse(entry["corte"])
        return (
            isinstance(entry["sequence"], int)
            and isinstance(entry["manifest_sha256"], str)
            and isinstance(entry.get("orders", []), list)
        )
    except (KeyError, ValueError):
        return False
