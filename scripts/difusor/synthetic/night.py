"""The synthetic election: every polling station, what it voted, and when its actas reached the PREP.

Everything is generated once from the seed; a corte is the part that had arrived by its instant.
"""

from __future__ import annotations

import hashlib
import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from difusor.catalog import Municipality, Office
from difusor.synthetic.ballot import COLUMNS, SHARES
from difusor.synthetic.image import draw
from difusor.synthetic.setting import Setting

LARGEST_ROLL = 750
"""The largest number of voters that a polling station may have on its roll."""
ROLL = (380, 745)
TURNOUT = (0.585, 0.075)
"""Mean and deviation of the share of voters who vote."""
TYPICAL_ARRIVAL = 0.155
"""When half of the actas are in, as a fraction of the window (a night of 24 hours: 3 h 43 min)."""
ARRIVAL_SPREAD = 0.55
NEVER, WITHOUT_ACTA, ILLEGIBLE, EXCESSIVE, REMARKED = 0.018, 0.022, 0.006, 0.006, 0.03
"""Shares of actas that never arrive, of packets without acta, and of captured actas by what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Station:
    """A polling station (casilla). `kind` is B(ásica), C(ontigua), E(xtraordinaria) or S (especial, without a roll)."""

    entity: int
    municipality: int
    district: int
    section: int
    kind: str
    number: int
    roll: int

    @property
    def key(self) -> str:
        """Its official-looking key, as in 990012C0200."""
        return f"{self.entity:02d}{self.section:04d}{self.kind}{self.number:02d}00"


@dataclass(frozen=True, slots=True)
class Acta:
    """One acta of one office. `votes` follows COLUMNS, or is None when nothing on it can be read."""

    station: Station
    office: Office
    votes: tuple[int, ...] | None
    captured: bool
    counted: bool
    remark: str
    verified: datetime
    digest: str
    image: bytes = b""
    """A PNG, of which `digest` is the digest; empty when the cortes do not have it."""

    @property
    def key(self) -> str:
        """Its official-looking key: that of the polling station and the letter of the office."""
        return f"{self.station.key}{self.office.letter}"

    @property
    def territory(self) -> int:
        """Number of the municipality or district for which the acta counts."""
        return int(getattr(self.station, self.office.by))

    @property
    def total(self) -> int:
        """All votes on the acta; 0 when it cannot be read."""
        return sum(self.votes or ())


@dataclass(frozen=True)
class Night:
    """The polling stations, and by office all actas that will ever arrive, in the order of the catalogue."""

    stations: tuple[Station, ...]
    actas: Mapping[str, tuple[Acta, ...]]

    def expected(self, office: Office, territory: int | None = None) -> int:
        """How many actas of an office there should be in the end, in one territory or in the state."""
        return sum(territory in (None, getattr(station, office.by)) for station in self.stations)

    def captured(self, office: Office, cortes: Iterable[datetime]) -> list[int]:
        """How many captured actas of an office each corte of these instants contains."""
        times = sorted(acta.verified for acta in self.actas[office.key] if acta.captured)
        return [bisect_right(times, corte) for corte in cortes]

    def arrived(self, office: Office, corte: datetime) -> list[Acta]:
        """The actas of an office that a corte of that instant contains."""
        return [acta for acta in self.actas[office.key] if acta.verified <= corte]


@lru_cache(maxsize=2)
def night(seed: int, setting: Setting) -> Night:
    """Generate the whole election; the same seed and values of the setting give the same one."""
    stations = tuple(_stations(random.Random(f"{seed} stations"), setting))
    return Night(
        stations,
        {
            office.key: tuple(_actas(random.Random(f"{seed} {office.key}"), office, stations, setting))
            for office in setting.offices
        },
    )


def apportion(total: int, weights: list[float]) -> list[int]:
    """Split `total` into whole parts proportional to the weights, by largest remainder."""
    quotas = [total * weight / sum(weights) for weight in weights]
    parts = [math.floor(quota) for quota in quotas]
    by_remainder = sorted(range(len(parts)), key=lambda index: parts[index] - quotas[index])
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def _share_out(stations: int, weights: list[float]) -> list[int]:
    """Apportion the polling stations among municipalities; each has one at least, where there are enough."""
    counts = apportion(stations, weights)
    if all(counts) or stations < len(weights):
        return counts
    return [1 + more for more in apportion(stations - len(weights), weights)]


def _stations(rng: random.Random, setting: Setting) -> Iterator[Station]:
    section, municipalities = 0, setting.catalog.municipalities
    counts = _share_out(setting.catalog.stations, [municipality.weight for municipality in municipalities])
    for municipality, count in zip(municipalities, counts, strict=True):
        made = 0
        while made < count:
            section += 1
            district = municipality.districts[made * len(municipality.districts) // count]
            kinds = _kinds(rng, municipality, first=made == 0)[: count - made]
            for kind, number in kinds:
                roll = 0 if kind == "S" else rng.randint(*ROLL)
                yield Station(setting.catalog.entity.number, municipality.id, district, section, kind, number, roll)
            made += len(kinds)


def _kinds(rng: random.Random, municipality: Municipality, first: bool) -> list[tuple[str, int]]:
    """The polling stations of one section; the first section of a large municipality has a special one."""
    kinds = [("B", 1), *(("C", number) for number in range(1, rng.choices(range(1, 6), (30, 30, 20, 12, 8))[0]))]
    if rng.random() < 0.06:
        kinds.append(("E", 1))
    if first and municipality.weight > 50:
        kinds.append(("S", 1))
    return kinds


def _actas(rng: random.Random, office: Office, stations: Sequence[Station], setting: Setting) -> Iterator[Acta]:
    leaning = {
        territory.id: [share * math.exp(rng.gauss(0, 0.28)) for share in SHARES.values()]
        for territory in setting.catalog.territories(office)
    }
    window = (setting.closes - setting.opens).total_seconds()
    slowness = {each.id: 1.25 - 0.12 * math.log10(each.weight) for each in setting.catalog.municipalities}
    for place, station in enumerate(stations):
        arrival = TYPICAL_ARRIVAL * slowness[station.municipality] * math.exp(rng.gauss(0, ARRIVAL_SPREAD))
        fate = rng.random()
        votes = _votes(rng, station, leaning[getattr(station, office.by)])
        if fate < NEVER or arrival > 1:
            continue
        verified = setting.opens + timedelta(seconds=max(1, math.floor(arrival * window)))
        digest = _digest(setting, f"{station.key}{office.code}{votes}".encode())
        acta = _judged(station, office, votes, fate - NEVER, verified, digest)
        yield _pictured(setting, acta) if place < setting.images and acta.captured else acta


def _digest(setting: Setting, content: bytes) -> str:
    return hashlib.new(setting.catalog.integrity_code, content, usedforsecurity=False).hexdigest()


def _pictured(setting: Setting, acta: Acta) -> Acta:
    """Return the acta with its image, and the digest of it."""
    station = acta.station
    heading = (
        "ACTA PREP. DATOS SINTÉTICOS", setting.name, acta.office.name,
        f"Sección {station.section:04d}, casilla {station.kind} {station.number}",
    )  # fmt: skip
    votes = acta.votes or ("ilegible",) * len(COLUMNS)
    rows = [(name.replace("_", " "), str(number)) for name, number in zip(COLUMNS, votes, strict=True)]
    image = draw(heading, rows)
    return replace(acta, image=image, digest=_digest(setting, image))


def _votes(rng: random.Random, station: Station, leaning: list[float]) -> tuple[int, ...]:
    voters = rng.randint(80, 700) if station.kind == "S" else round(station.roll * min(0.95, rng.gauss(*TURNOUT)))
    return tuple(apportion(voters, [weight * math.exp(rng.gauss(0, 0.22)) for weight in leaning]))


def _judged(
    station: Station, office: Office, votes: tuple[int, ...], fate: float, verified: datetime, digest: str
) -> Acta:
    """Decide from `fate`, uniform in 0..1, what is wrong with the acta: with most of them, nothing."""
    if (fate := fate - WITHOUT_ACTA) < 0:
        return Acta(station, office, None, False, False, "Sin acta por paquete electoral no entregado", verified, "")
    if (fate := fate - ILLEGIBLE) < 0:
        return Acta(station, office, None, True, False, "Todos los votos ilegibles", verified, digest)
    if (fate := fate - EXCESSIVE) < 0 and station.roll:
        excess = (votes[0] + LARGEST_ROLL, *votes[1:])
        return Acta(station, office, excess, True, False, "Excede lista nominal", verified, digest)
    remark = "Ilegible el dato de personas que votaron, señalado en el cotejo" if fate < REMARKED else ""
    return Acta(station, office, votes, True, True, remark, verified, digest)
