"""Where and when a synthetic night takes place: the place, the offices elected, the institute and the cortes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from functools import cached_property

from difusor.catalog import Catalog, Office
from difusor.inventory import Election, picture
from difusor.inventory.parts import Institute

ENVIRONMENTS = ("official", "simulacro")


@dataclass(frozen=True, eq=False)
class Setting:
    """One election; its cortes are `total`, the first at `opens` and the last at `closes`.

    `logo`: the institute's, as PNG; empty when it has none. `day`: on which people vote, if the election says it.
    `images`: of how many polling stations, the first of the place, the cortes have the images of the actas.
    """

    catalog: Catalog
    offices: tuple[Office, ...]
    institute: Institute
    name: str
    opens: datetime
    closes: datetime
    total: int
    environment: str
    logo: bytes = b""
    day: date | None = None
    images: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError when no night can be made of these values."""
        if self.environment not in ENVIRONMENTS:
            raise ValueError(f"«{self.environment}» no es {' ni '.join(ENVIRONMENTS)}")
        if self.opens.tzinfo is None or self.closes.tzinfo is None or self.opens >= self.closes or self.total < 2:
            raise ValueError(
                "apertura y cierre deben ser instantes absolutos, uno después del otro, con dos cortes o más"
            )

    @classmethod
    def of(cls, election: Election) -> Setting:
        """Take the setting of an election, with as many cortes as its interval allows."""
        window, catalog = election.window, election.catalog
        interval = timedelta(minutes=election.interval_minutes)
        return cls(
            catalog=catalog,
            offices=tuple(map(catalog.office, election.offices)),
            institute=election.institute,
            name=election.name,
            opens=window.opens,
            closes=window.closes,
            total=max(2, (window.closes - window.opens) // interval + 1),
            environment=election.environment,
            logo=picture.of_the_institute(election.institute.logo),
            day=election.day,
        )

    def but(self, **changes: object) -> Setting:
        """Return the same setting with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names and types are the fields'

    @cached_property
    def instants(self) -> tuple[datetime, ...]:
        """The instants of all cortes, to the second."""
        seconds = (self.closes - self.opens).total_seconds()
        return tuple(self.opens + timedelta(seconds=seconds * i // (self.total - 1)) for i in range(self.total))

    @cached_property
    def polling_day(self) -> date:
        """The day on which people vote; without one, that of the opening, in a rehearsal too."""
        return self.day or self.at(self.opens).date()

    @property
    def simulacro(self) -> bool:
        """Whether it is a rehearsal."""
        return self.environment == "simulacro"

    @cached_property
    def offset(self) -> timedelta:
        """The difference with UTC of every local time of the night: that of the opening.

        It stays the same where clocks go back during the night; otherwise two cortes would have the same name.
        """
        return self.catalog.offset(self.opens)

    @cached_property
    def utc(self) -> str:
        """The difference with UTC as tables write it, as in UTC-6."""
        return f"UTC{self.offset // timedelta(hours=1):+d}"

    def at(self, instant: datetime) -> datetime:
        """Return the instant as a local time."""
        return instant.astimezone(timezone(self.offset))

    def local(self, instant: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return the instant in local time, as text."""
        return self.at(instant).strftime(form)

    @cached_property
    def districts(self) -> Mapping[int, str]:
        """The names of the districts by number."""
        return {each.id: each.name for each in self.catalog.districts}

    @cached_property
    def municipalities(self) -> Mapping[int, str]:
        """The names of the municipalities by number."""
        return {each.id: each.name for each in self.catalog.municipalities}
