"""Which orders of the institute stand: a field of every manifest, so that a mirror that was away knows them all.

Orders are facts with an instant, and two statements of what stands are joined fact by fact: of two facts that exclude
each other the later one counts, and a withdrawal is never lost. So neither the order in which statements arrive nor an
old statement that is repeated makes a difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from corte.format import instants

MAX_SEQUENCE = 10**9
MAX_WITHDRAWN = 64
"""How many withdrawn cortes a statement names at most; joined ones keep the latest."""
AHEAD = timedelta(minutes=5)
"""How far an order may be dated after the signing: the clocks of two operators never agree exactly."""
_LEAST = timedelta(seconds=1)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HoldOrder:
    """The order to hold cortes back: those of sequence `first` and later are verified but not shown.

    `at`: when it was given; `sequence`: of the corte that it was signed with. `first` is 0 when nothing may be shown.
    """

    at: datetime
    sequence: int
    first: int


@dataclass(frozen=True)
class Rectified:
    """The newest order that lets counts fall: when it was given, and the sequence of the corte whose counts may."""

    at: datetime
    sequence: int


@dataclass(frozen=True)
class Withdrawn:
    """A corte that the institute withdrew, since `at`.

    Sequence, instant and content name it however often it was signed; `manifest_sha256` is one of its manifests.
    """

    at: datetime
    sequence: int
    corte: datetime
    content_sha256: str
    manifest_sha256: str

    @property
    def identity(self) -> tuple[int, datetime, str]:
        """What all signings of the corte have in common."""
        return self.sequence, self.corte, self.content_sha256


@dataclass(frozen=True)
class Standing:
    """The institute's orders in force, and what ended them. `withdrawn` is sorted by instant."""

    hold: HoldOrder | None = None
    resumed_at: datetime | None = None
    rectified: Rectified | None = None
    clock_override_at: datetime | None = None
    clock_override_ended_at: datetime | None = None
    withdrawn: tuple[Withdrawn, ...] = ()
    light_at: datetime | None = None
    light_ended_at: datetime | None = None

    @property
    def hold_in_force(self) -> HoldOrder | None:
        """The order to hold, unless a later one resumed."""
        return self.hold if self.hold and _is_after(self.hold.at, self.resumed_at) else None

    @property
    def overrides_clock(self) -> bool:
        """Whether the gate shall open although the server's clock is in doubt."""
        return self.clock_override_at is not None and _is_after(self.clock_override_at, self.clock_override_ended_at)

    @property
    def is_light(self) -> bool:
        """Whether mirrors shall not send the heavy folders (`limits.HEAVY`), to leave the link to the results."""
        return self.light_at is not None and _is_after(self.light_at, self.light_ended_at)

    @property
    def latest(self) -> datetime | None:
        """When the last of all these orders was given; None where there is none."""
        dates = [self.resumed_at, self.clock_override_at, self.clock_override_ended_at]
        dates += [self.light_at, self.light_ended_at]
        return _latest(*dates, *(one.at for one in (self.hold, self.rectified, *self.withdrawn) if one))

    def lets_fall(self, after: int, through: int) -> bool:
        """Tell whether counts may fall between the cortes of two sequences: one after the first was rectified.

        Not if that one was withdrawn later, because then the counts before it are the right ones.
        """
        order = self.rectified
        if order is None or not after < order.sequence <= through:
            return False
        return not any(one.sequence == order.sequence and one.at > order.at for one in self.withdrawn)

    def withdraws(self, sequence: int, corte: datetime, content_sha256: str, manifest_sha256: str = "") -> bool:
        """Tell whether a corte is withdrawn, by whichever of its manifests."""
        identity = (sequence, corte, content_sha256)
        return any(identity == one.identity or manifest_sha256 == one.manifest_sha256 for one in self.withdrawn)

    def after(self, orders: Iterable[str], at: datetime, sequence: int, first_held: int) -> Standing:
        """Return what stands once these words of `manifest.ORDERS` are given at an instant with a corte.

        An order to hold while one stands changes nothing. Light mode ends with the first corte that does not order it.
        What is ordered counts even if the operator who gave the order before has a clock that is ahead.
        """
        found = self
        if "hold" in orders and self.hold_in_force is None:
            found = replace(found, hold=HoldOrder(_later(at, self.resumed_at, _LEAST), sequence, first_held))
        if "resume" in orders:
            found = replace(found, resumed_at=_later(at, self.hold.at if self.hold else None))
        if "rectification" in orders:
            before = self.rectified.at if self.rectified else None
            found = replace(found, rectified=Rectified(_later(at, before), sequence))
        if "clock-override" in orders:
            found = replace(found, clock_override_at=_later(at, self.clock_override_ended_at, _LEAST))
        if "no-clock-override" in orders:
            found = replace(found, clock_override_ended_at=_later(at, self.clock_override_at))
        if "light" in orders and not self.is_light:
            found = replace(found, light_at=_later(at, self.light_ended_at, _LEAST))
        if "light" not in orders and self.is_light:
            found = replace(found, light_ended_at=_later(at, self.light_at))
        return found

    def join(self, other: Standing) -> Standing:
        """Return what stands when both statements are true."""
        withdrawn: dict[tuple[int, datetime, str], Withdrawn] = {}
        for one in sorted((*self.withdrawn, *other.withdrawn), key=_order):
            withdrawn.setdefault(one.identity, one)
        return Standing(
            hold=max(filter(None, (self.hold, other.hold)), key=lambda one: (one.at, one.first), default=None),
            resumed_at=_latest(self.resumed_at, other.resumed_at),
            rectified=max(
                filter(None, (self.rectified, other.rectified)), key=lambda one: (one.at, one.sequence), default=None
            ),
            clock_override_at=_latest(self.clock_override_at, other.clock_override_at),
            clock_override_ended_at=_latest(self.clock_override_ended_at, other.clock_override_ended_at),
            withdrawn=tuple(withdrawn.values())[-MAX_WITHDRAWN:],
            light_at=_latest(self.light_at, other.light_at),
            light_ended_at=_latest(self.light_ended_at, other.light_ended_at),
        )

    def includes(self, other: Standing) -> bool:
        """Tell whether the other statement says nothing that this one does not say."""
        return self.join(other) == self

    def contradicts(self, orders: Iterable[str], sequence: int, generated: datetime) -> bool:
        """Tell whether a manifest with these orders cannot have this statement, or it is dated in the future."""
        rectified = self.rectified.sequence if self.rectified else None
        follows = {
            "hold": self.hold_in_force is not None,
            "resume": self.hold_in_force is None,
            "rectification": rectified == sequence,
            "light": self.is_light,
            "clock-override": self.overrides_clock,
            "no-clock-override": not self.overrides_clock,
            "withdrawal": bool(self.withdrawn),
        }
        if self.is_light and "light" not in orders:
            return True
        latest = self.latest
        return not all(follows[word] for word in orders) or (latest is not None and latest > generated + AHEAD)

    def to_json(self) -> dict[str, Any]:
        """Return the value of `standing` in a manifest and in estado.json: instants as text, null for what is not.

        `light` is only there once light mode was ordered: servers that do not know the order can read all until then.
        """
        rectified, hold = self.rectified, self.hold
        light = {"at": _text(self.light_at), "ended_at": _text(self.light_ended_at)}
        return {
            "hold": hold and {"at": instants.write(hold.at), "first": hold.first, "sequence": hold.sequence},
            "resumed_at": _text(self.resumed_at),
            "rectified": rectified and {"at": instants.write(rectified.at), "sequence": rectified.sequence},
            "clock_override_at": _text(self.clock_override_at),
            "clock_override_ended_at": _text(self.clock_override_ended_at),
            "withdrawn": [
                {
                    "at": instants.write(one.at),
                    "content_sha256": one.content_sha256,
                    "corte": instants.write(one.corte),
                    "manifest_sha256": one.manifest_sha256,
                    "sequence": one.sequence,
                }
                for one in self.withdrawn
            ],
            **({"light": light} if self.light_at else {}),
        }

    @classmethod
    def from_json(cls, value: Any) -> Standing:
        """Read exactly what `to_json` wrote; ValueError for anything else."""
        try:
            hold, rectified, light = value["hold"], value["rectified"], value.get("light", {})
            found = cls(
                hold=hold and HoldOrder(instants.parse(hold["at"]), _number(hold["sequence"]), _number(hold["first"])),
                resumed_at=_instant(value["resumed_at"]),
                rectified=rectified and Rectified(instants.parse(rectified["at"]), _number(rectified["sequence"])),
                clock_override_at=_instant(value["clock_override_at"]),
                clock_override_ended_at=_instant(value["clock_override_ended_at"]),
                withdrawn=tuple(map(_withdrawn, value["withdrawn"])),
                light_at=_instant(light.get("at")),
                light_ended_at=_instant(light.get("ended_at")),
            )
        except (KeyError, TypeError, AttributeError):
            raise ValueError("no dice qué órdenes están en pie") from None
        if found.to_json() != value or found.join(found) != found:
            raise ValueError("no dice en su forma qué órdenes están en pie")
        return found


def _withdrawn(value: Any) -> Withdrawn:
    return Withdrawn(
        at=instants.parse(value["at"]),
        sequence=_number(value["sequence"]),
        corte=instants.parse(value["corte"]),
        content_sha256=_digest(value["content_sha256"]),
        manifest_sha256=_digest(value["manifest_sha256"]),
    )


def _order(one: Withdrawn) -> tuple[datetime, int, str]:
    return one.at, one.sequence, one.manifest_sha256


def _is_after(instant: datetime, other: datetime | None) -> bool:
    return other is None or instant > other


def _later(instant: datetime, other: datetime | None, by: timedelta = timedelta(0)) -> datetime:
    """Return the instant, or, if it is not at least `by` after the other one, the first that is."""
    return instant if other is None else max(instant, other + by)


def _latest(*instants_or_none: datetime | None) -> datetime | None:
    return max(filter(None, instants_or_none), default=None)


def _text(instant: datetime | None) -> str | None:
    return instants.write(instant) if instant else None


def _instant(value: Any) -> datetime | None:
    return None if value is None else instants.parse(value)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEQUENCE + 1:
        raise ValueError("no es un número de corte")
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("no es un SHA-256")
    return value
