"""What this server has accepted and shows, which corte is due in a window, and what estado.json publishes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from corte.format import instants
from corte.format.manifest import Manifest, Window
from corte.format.signature import key_of
from corte.format.standing import Standing
from corte.server.clock import Clock
from corte.server.config import Config
from corte.server.log import Head

FORMAT = 1
MAX_ORDERED = 8
"""How many manifests the state keeps for their orders at most: one of each key is enough."""
_OF_CONTENT = ("content", "rectification")
"""Codes of the refusals whose reason quotes counts of the corte's tables."""
_WITHHELD = "Sus tablas no cuadran, o bajan; antes de la apertura no se dice en qué: está en la bitácora del servidor."


@dataclass(frozen=True)
class Corte:
    """What later decisions need of an accepted corte. Instants are text in canonical form."""

    sequence: int
    corte: str
    generated: str
    manifest_sha256: str
    window: dict[str, str]
    files: int
    signer: str
    content_sha256: str = ""
    orders: list[str] = field(default_factory=list)
    captured: dict[str, int] = field(default_factory=dict)
    signature: str = ""
    standing: dict[str, Any] = field(default_factory=lambda: Standing().to_json())

    @classmethod
    def of(cls, manifest: Manifest, manifest_sha256: str, signer: str, signature: bytes) -> Corte:
        """Return what is remembered of a manifest; the caller fills `captured` once it has read the tables."""
        return cls(
            sequence=manifest.sequence,
            corte=instants.write(manifest.corte),
            generated=instants.write(manifest.generated),
            manifest_sha256=manifest_sha256,
            window=manifest.window.to_json(),
            files=len(manifest.files),
            signer=signer,
            content_sha256=manifest.content_sha256,
            orders=list(manifest.orders),
            signature=signature.decode("ascii", "replace"),
            standing=manifest.stands.to_json(),
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Corte:
        """Read what `asdict` made of a corte; TypeError, KeyError or ValueError for what another version may write."""
        found = cls(**value)
        Standing.from_json(found.standing)
        Window.from_json(found.window)
        return found

    @property
    def stands(self) -> Standing:
        """Which of the institute's orders stand according to its manifest."""
        return Standing.from_json(self.standing)

    @property
    def identity(self) -> tuple[int, str, str]:
        """What all signings of a corte have in common: sequence, instant and content."""
        return self.sequence, self.corte, self.content_sha256

    @property
    def key(self) -> str:
        """Which key signed it, as `signature.key_of` tells."""
        return key_of(self.signature.encode())

    @property
    def name(self) -> str:
        """The name of the corte's tree; the same corte signed again, with an order, has another name."""
        return f"{self.sequence}-{self.manifest_sha256[:12]}"


@dataclass(frozen=True)
class Hold:
    """The institute's order to keep showing one corte, as this server follows it.

    `sequence` is of the corte that carried the order, `since` when it was given, `opens` the window it is for, `corte`
    what stays shown (None: nothing).
    """

    sequence: int
    since: str
    opens: str
    corte: Corte | None


@dataclass(frozen=True)
class Attempt:
    """The last push: its number, when it came, what it was, and its result (shown, held, repeated, refused, withdrawn).

    `times`: how many times in a row the same push had the same result.
    """

    number: int
    at: str
    result: str
    sequence: int | None = None
    manifest_sha256: str | None = None
    signature_sha256: str | None = None
    code: str | None = None
    reason: str | None = None
    warnings: list[str] = field(default_factory=list)
    times: int = 1

    def again(self, last: Attempt | None) -> Attempt | None:
        """Return this attempt counted as a repetition of `last`; None when push or result differ from it."""
        if last is None or replace(self, number=last.number, at=last.at, times=last.times) != last:
            return None
        return replace(self, times=last.times + 1)


@dataclass(frozen=True)
class State:
    """`accepted` is the newest corte that passed every check, `shown` the one that citizens see.

    `recent`: the cortes accepted before `accepted`, oldest first, as many as the server keeps, and during a hold as
    many again that may be shown. `ordered`: signed manifests whose orders this server follows, whatever became of their
    files.
    """

    election: str
    environment: str
    accepted: Corte | None = None
    recent: list[Corte] = field(default_factory=list)
    shown: Corte | None = None
    shown_since: str | None = None
    last_attempt: Attempt | None = None
    hold: Hold | None = None
    ordered: list[Corte] = field(default_factory=list)
    log: Head = Head()
    log_segments: int = 1

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> State:
        """Read what `asdict` made of a state; TypeError, KeyError or ValueError when the value has another form."""
        return cls(
            **{
                **value,
                "accepted": value["accepted"] and Corte.from_json(value["accepted"]),
                "recent": [Corte.from_json(corte) for corte in value["recent"]],
                "shown": value["shown"] and Corte.from_json(value["shown"]),
                "hold": _hold(value["hold"]),
                "ordered": [Corte.from_json(corte) for corte in value.get("ordered", [])],
                "last_attempt": value["last_attempt"] and Attempt(**value["last_attempt"]),
                "log": Head(**value["log"]),
            }
        )

    def is_of_another_election(self, config: Config) -> bool:
        """Tell whether the state is of another election or environment than this server is configured for."""
        return (self.election, self.environment) != (config.election, config.environment)

    def window(self, config: Config) -> Window:
        """Return the window in force: the newest signed one if it is for this opening, else the configured one."""
        if self.accepted is not None:
            signed = Window.from_json(self.accepted.window)
            if signed.opens == config.window.opens:
                return signed
        return config.window

    def newest(self, config: Config) -> Corte | None:
        """Return the newest corte of this window; None when the newest was signed for another opening."""
        if self.accepted is None or Window.from_json(self.accepted.window).opens != config.window.opens:
            return None
        return self.accepted

    def standing(self, config: Config) -> Standing:
        """Return the institute's orders that stand in this window."""
        opens, found = instants.write(config.window.opens), Standing()
        for corte in self.ordered:
            if corte.window["opens"] == opens:
                found = found.join(corte.stands)
        return found

    def hold_in_force(self, config: Config) -> Hold | None:
        """Return the order to keep what is shown, if it was given in this window."""
        return self.hold if self.hold and self.hold.opens == instants.write(config.window.opens) else None

    def candidate(self, config: Config) -> Corte | None:
        """Return the corte to show in this window: the newest, unless the institute ordered to keep another."""
        hold = self.hold_in_force(config)
        return hold.corte if hold else self.newest(config)

    def trusts_clock(self, config: Config) -> bool:
        """Tell whether the institute orders to open the gate even by an unsynchronised clock."""
        return self.standing(config).overrides_clock

    def is_light(self, config: Config) -> bool:
        """Tell whether the institute orders not to send the heavy folders."""
        return self.standing(config).is_light

    def follow(self, corte: Corte, config: Config) -> State:
        """Return the state that follows the orders of a signed manifest of this window, whatever becomes of its files.

        Orders already known, from this or any other manifest, change nothing.
        """
        said, key = corte.stands, corte.key
        others = [one for one in self.ordered if one.window["opens"] == corte.window["opens"]]
        if said == Standing() or any(one.key == key and one.stands.includes(said) for one in others):
            return self
        # Of each key the latest is enough; not of all, because what a revoked key ordered is forgotten.
        others = [one for one in others if one.key != key or not said.includes(one.stands)]
        if len(others) == MAX_ORDERED:
            others.remove(next((one for one in others if said.includes(one.stands)), others[0]))
        return replace(self, ordered=[*others, corte])._settled(config)

    def accept(self, corte: Corte, config: Config) -> State:
        """Return the state after accepting a corte whose orders it follows already."""
        # The same corte, signed anew by the same key to give an order, takes the place of its earlier signing.
        before = [one for one in self._accepted() if (one.identity, one.key) != (corte.identity, corte.key)]
        recent = before[max(0, len(before) - config.keep + 1) :]
        order = self.standing(config).hold_in_force
        if order:  # those that are held back leave room for what may be shown if the kept one is withdrawn
            usable = [one for one in before if one.sequence < order.first][-config.keep :]
            recent = [one for one in before if one in usable or one in recent]
        return replace(self, accepted=corte, recent=recent)._settled(config)

    def without(self, disowned: set[str], config: Config) -> State:
        """Return the state without the cortes of these names, and without what they ordered."""
        good = [corte for corte in self._accepted() if corte.name not in disowned]
        ordered = [corte for corte in self.ordered if corte.name not in disowned]
        shown, hold = self.shown, self.hold
        if shown and shown.name in disowned:
            shown = None
        if hold and hold.corte and hold.corte.name in disowned:
            hold = replace(hold, corte=None)
        changed = replace(
            self, accepted=good[-1] if good else None, recent=good[:-1], shown=shown, hold=hold, ordered=ordered
        )
        return changed._settled(config)

    def _settled(self, config: Config) -> State:
        """Return the state without the cortes that are withdrawn, and with the corte that an order to hold keeps."""
        standing = self.standing(config)
        good = [corte for corte in self._accepted() if not is_withdrawn(corte, standing)]
        found = replace(self, accepted=good[-1] if good else None, recent=good[:-1])
        order = standing.hold_in_force
        if order is None:
            return replace(found, hold=None)
        since, opens = instants.write(order.at), instants.write(config.window.opens)
        earlier = self.hold_in_force(config)
        usable = [one for one in (*good, self.shown) if one and one.sequence < order.first]
        if order.first:  # what citizens see stays, also where the order came late
            usable = [*filter(None, (earlier.corte if earlier else self.newest(config), self.shown)), *usable]
        corte = max(
            (one for one in usable if one.window["opens"] == opens and not is_withdrawn(one, standing)),
            key=lambda one: one.sequence,
            default=None,
        )
        return replace(found, hold=Hold(order.sequence, since, opens, corte))

    def _accepted(self) -> list[Corte]:
        return [*self.recent, self.accepted] if self.accepted else []

    @property
    def kept(self) -> dict[str, Corte]:
        """All cortes whose trees the state needs, by the names of these trees."""
        held = self.hold.corte if self.hold else None
        return {corte.name: corte for corte in (*self._accepted(), self.shown, held) if corte}


def is_withdrawn(corte: Corte, standing: Standing) -> bool:
    """Tell whether the institute withdrew a corte, by whichever of its manifests."""
    return standing.withdraws(corte.sequence, instants.parse(corte.corte), corte.content_sha256, corte.manifest_sha256)


def public(state: State, config: Config, gate: str, clock: Clock, now: datetime) -> dict[str, Any]:
    """Return the content of estado.json, which anybody may read: corte shown, gate, last attempt, clock, log's head.

    Of who may sign it has only a digest, by which the institute notices lists of before a theft.

    Ages are those at the instant `updated`; for the present age a reader subtracts `shown.corte` from its own clock.
    """
    shown, newest, hold = state.shown, state.newest(config), state.hold_in_force(config)
    is_early = gate in ("waiting", "unsynchronised")
    is_held = newest is not None and newest != shown and (hold is not None or is_early)
    return {
        "format": FORMAT,
        "election": config.election,
        "environment": config.environment,
        "updated": instants.write(now),
        "shown": shown
        and {
            **_identity(shown),
            "since": state.shown_since,
            "age_seconds": int((now - instants.parse(shown.corte)).total_seconds()),
        },
        "held": _identity(newest) if newest and is_held else None,
        "other_opening": _of_another_opening(state, config),
        "gate": {
            "state": gate,
            **state.window(config).to_json(),
            "hold": {"sequence": hold.sequence, "since": hold.since} if hold else None,
            "clock_override": state.trusts_clock(config),
            "light": state.is_light(config),
        },
        "standing": state.standing(config).to_json(),
        "interval_minutes": config.interval_minutes,
        "stale": gate in ("open", "closed")
        and hold is None
        and _stale(shown, config, min(now, state.window(config).closes)),
        "last_attempt": state.last_attempt and asdict(_without_content(state.last_attempt, is_early)),
        "clock": clock.to_json(),
        "trust_sha256": config.trust_sha256(),
        "log": {"entries": state.log.entries, "head": state.log.sha256, "segments": state.log_segments},
    }


def _identity(corte: Corte) -> dict[str, Any]:
    return {
        "sequence": corte.sequence,
        "corte": corte.corte,
        "generated": corte.generated,
        "manifest_sha256": corte.manifest_sha256,
        "files": corte.files,
        "signer": corte.signer,
        "orders": corte.orders,
    }


def _of_another_opening(state: State, config: Config) -> dict[str, Any] | None:
    """Return the accepted corte if it is of another opening than this one and keeps out what is older than it.

    As when an official opening is moved after the corte of zeros has come: the institute has to withdraw that one.
    """
    kept = state.accepted
    if kept is None or config.environment != "official" or state.newest(config) is not None:
        return None
    return {**_identity(kept), "opens": kept.window["opens"]}


def _without_content(attempt: Attempt, is_early: bool) -> Attempt:
    """Return what may be published of a push: while results may not be seen, nothing about its tables."""
    if not is_early:
        return attempt
    return replace(attempt, warnings=[], reason=_WITHHELD if attempt.code in _OF_CONTENT else attempt.reason)


def _hold(value: dict[str, Any] | None) -> Hold | None:
    return Hold(**{**value, "corte": value["corte"] and Corte.from_json(value["corte"])}) if value else None


def _stale(shown: Corte | None, config: Config, now: datetime) -> bool:
    """Tell whether no new corte came for two intervals: an outage or an attacker may be freezing this mirror.

    One from before the opening, the corte of zeros, ages from then on: the next comes an interval after it. None ages
    after the close.
    """
    limit = timedelta(minutes=2 * config.interval_minutes)
    return shown is None or now - max(instants.parse(shown.generated), config.window.opens) > limit
