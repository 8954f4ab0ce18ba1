"""Recovers the state when its record is lost: from the previous record, the signed trees and the log.

The recovered state refuses every corte that the lost one would have refused as too old.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from corte.format import content, instants, manifest, signature
from corte.format.manifest import Manifest
from corte.format.refusal import Refusal
from corte.format.signature import key_of
from corte.format.standing import Standing
from corte.server import log as journal
from corte.server.config import Config
from corte.server.log import Head
from corte.server.state import Corte, State, is_withdrawn
from corte.server.store import Store

TAKEN = ("shown", "held")
"""Events of the log that mean that a corte was accepted."""
ORDERS = "orders"
"""The event of the log that gives the orders that stand."""


def has_traces(store: Store, log_path: Path) -> bool:
    """Tell whether this server has ever taken in a corte or written a log; if so, a missing state has been lost."""
    return bool(store.names()) or os.path.lexists(log_path)


def find(config: Config, store: Store, previous: State | None, log_path: Path) -> State:
    """Return the state recovered from what is left; `previous` is the record before the lost one, if undamaged."""
    shown = store.shown()
    state = previous or State(config.election, config.environment)
    cortes = sorted(_signed(config, store, store.names()), key=lambda one: _age(one, config))
    history = _History(config, log_path, set(_of_revoked_keys(config, store)))
    for corte in cortes:
        if corte.name == shown:
            state = replace(state, shown=corte, shown_since=state.shown_since or corte.generated)
    # First all orders that are known, because the last one can say what becomes of every corte.
    for corte in (*_signed(config, store, store.order_names()), *cortes, *history.ordered):
        if corte.window["opens"] == instants.write(config.window.opens):
            state = state.follow(corte, config)
    for corte in cortes:
        if _is_newer(corte, state.accepted, config) and not is_withdrawn(corte, state.standing(config)):
            state = state.accept(_with_counts(store, corte), config)
    state = _with_log(state, history.highest, log_path)
    return _not_below(config, state, history.taken)


def _signed(config: Config, store: Store, names: list[str]) -> Iterator[Corte]:
    """Yield those kept cortes with an undamaged manifest and signature, of a key that is not revoked.

    OSError when signatures cannot be verified now: what is left out of a recovered state would be lost.
    """
    for name in names:
        try:
            raw, armours = store.papers(name)
            found = manifest.read(raw)
        except (Refusal, OSError):
            continue
        if found.environment == config.environment:
            yield from islice(_verified(config, found, raw, armours), 1)


def _verified(config: Config, found: Manifest, raw: bytes, armours: list[bytes]) -> Iterator[Corte]:
    """Yield the corte once for each of these signatures that is valid; OSError as `_signed`."""
    for armour in armours:
        try:
            yield Corte.of(found, manifest.digest(raw), _signer(config, found, raw, armour), armour)
        except Refusal as refusal:
            if refusal.code == "system":
                raise OSError(errno.EAGAIN, str(refusal)) from None


def _signer(config: Config, found: Manifest, raw: bytes, armour: bytes) -> str:
    """Return who signed a kept corte, "" if the list of signers no longer says; Refusal when it is not validly signed.

    The intake keeps nothing whose signer it has not verified. So a signer may have been removed since, his dates may be
    over, or the machine's clock wrong, as after a power cut: what he signed stays, unless his key was revoked.
    """
    with suppress(Refusal, OSError):  # the list itself may be missing
        return signature.verify(raw, armour, config.election, *config.signers, now=found.generated)
    if signature.canonical(armour) != armour or signature.is_by_any(armour, config.revoked_keys()):
        raise Refusal("signature", "La firma está dañada, o su llave fue revocada.")
    signature.signed_by(raw, armour, config.election)
    return ""


def _of_revoked_keys(config: Config, store: Store) -> Iterator[str]:
    """Yield the names of the kept cortes that a key signed which was revoked since."""
    revoked = config.revoked_keys()
    for name in store.names():
        with suppress(Refusal, OSError):
            if any(signature.is_by_any(armour, revoked) for armour in store.papers(name)[1]):
                yield name


def _with_counts(store: Store, corte: Corte) -> Corte:
    """Return the corte with the counts of its tables; without them when they cannot be read."""
    with suppress(Refusal, OSError):
        found = manifest.read(store.papers(corte.name)[0])
        return replace(corte, captured=content.read(store.tree(corte.name), found.files, found.corte).captured)
    return corte


def _age(corte: Corte, config: Config) -> tuple[bool, int, str]:
    """Return by what cortes are put in order, the oldest first.

    Sequences begin anew with each opening of a rehearsal, whose cortes are all newer than those of its other openings.
    """
    opens = instants.write(config.window.opens)
    return config.environment == "official" or corte.window["opens"] == opens, corte.sequence, corte.generated


def _is_newer(corte: Corte, accepted: Corte | None, config: Config) -> bool:
    return accepted is None or _age(corte, config) > _age(accepted, config)


def _with_log(state: State, highest: int, log_path: Path) -> State:
    """Return the state with the log's head; when the chain of the log is broken, with its highest line number."""
    try:
        head = journal.end(log_path)
    except (OSError, Refusal):
        head = Head(highest, state.log.sha256)
    if head.entries < state.log.entries:
        return state
    return replace(state, log=head, log_segments=max(state.log_segments, len(journal.segments(log_path)) + 1))


def _not_below(config: Config, state: State, taken: list[dict[str, Any]]) -> State:
    """Return a state that accepts nothing older than the newest corte that, according to the log, was accepted.

    When that corte's tree is lost, the state knows only its sequence, instant and digest, from the log.
    """
    standing = state.standing(config)
    good = [entry for entry in taken if not is_withdrawn(_remembered(config, entry), standing)]
    newest = max((_remembered(config, entry) for entry in good), key=lambda one: one.sequence, default=None)
    # Without its last part: the log says when a corte came, which is later than when it was signed.
    if newest is None or (state.accepted and _age(state.accepted, config)[:2] >= _age(newest, config)[:2]):
        return state
    return state.accept(newest, config)


def _remembered(config: Config, entry: dict[str, Any]) -> Corte:
    """Return what the log says of a corte that was accepted, or whose orders were followed."""
    return Corte(
        sequence=entry["sequence"],
        corte=entry["corte"],
        generated=entry.get("generated", entry["at"]),
        manifest_sha256=entry["manifest_sha256"],
        window={**config.window.to_json(), "opens": entry["opens"]},
        files=0,
        signer=entry.get("signer", ""),
        content_sha256=entry.get("content_sha256", ""),
        orders=entry.get("orders", []),
        signature=entry.get("signature", ""),
        standing=entry.get("standing") or Standing().to_json(),
    )


class _History:
    """What the log says: its highest line number, and the cortes of this opening accepted, and followed for orders.

    Lines that are damaged, or of another form than this program writes, are passed over, as are cortes that were
    forgotten because their key was revoked.
    """

    def __init__(self, config: Config, log_path: Path, revoked: set[str]) -> None:
        """Read all segments of the log; `revoked`: names of cortes whose key was revoked, if the log says so or not."""
        opens = instants.write(config.window.opens)
        self.highest = 0
        self.taken: list[dict[str, Any]] = []
        self.ordered: list[Corte] = []
        entries = list(journal.remains(log_path))
        disowned = _disowned(entries) | revoked
        for entry in entries:
            if isinstance(entry.get("n"), int):
                self.highest = max(self.highest, entry["n"])
            if entry.get("opens") != opens or not _is_complete(entry):
                continue
            corte = _remembered(config, entry)
            if corte.name in disowned:
                continue
            if entry.get("event") in TAKEN:
                self.taken.append(entry)
            elif entry.get("event") == ORDERS:
                self.ordered.append(corte)


def _disowned(entries: list[dict[str, Any]]) -> set[str]:
    """Return the names of the cortes that were forgotten because their key was revoked."""
    lists = [entry.get("cortes") for entry in entries if entry.get("event") == "disowned"]
    return {name for names in lists if isinstance(names, list) for name in names if isinstance(name, str)}


def _is_complete(entry: dict[str, Any]) -> bool:
    """Tell whether an entry says which corte it is about, and when, in the form that this program writes."""
    try:
        instants.parse(entry["at"])
        instants.parse(entry["corte"])
        instants.parse(entry.get("generated", entry["at"]))
        key_of(entry.get("signature", "").encode())
        Standing.from_json(entry.get("standing") or Standing().to_json())
        texts = (entry["manifest_sha256"], *(entry.get(name, "") for name in ("content_sha256", "signer")))
        return (
            isinstance(entry["sequence"], int)
            and all(isinstance(text, str) for text in texts)
            and isinstance(entry.get("orders", []), list)
        )
    except (KeyError, ValueError, AttributeError):
        return False
