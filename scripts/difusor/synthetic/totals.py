"""Counts a set of actas; the totals have the names of the header of INE's data base."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from difusor.synthetic.ballot import COLUMNS
from difusor.synthetic.night import Acta


def percentage(part: int, whole: int) -> str:
    """Return `part` of `whole` in percent with 4 decimals, truncated and not rounded, as the PREP's rules demand."""
    units = part * 1_000_000 // whole if whole else 0
    return f"{units // 10_000}.{units % 10_000:04d}"


@dataclass(frozen=True)
class Totals:
    """What has been counted of `expected` actas; votes are those of counted actas only, by column."""

    expected: int
    registered: int
    captured: int
    counted: int
    inconsistent: int
    roll: int
    votes: tuple[int, ...]
    votes_without_special: int

    @classmethod
    def of(cls, actas: Iterable[Acta], expected: int) -> Totals:
        """Count the actas."""
        everything = list(actas)
        counted = [acta for acta in everything if acta.counted]
        columns = zip(*(acta.votes for acta in counted if acta.votes), strict=True)
        return cls(
            expected=expected,
            registered=len(everything),
            captured=sum(acta.captured for acta in everything),
            counted=len(counted),
            inconsistent=sum(acta.captured and bool(acta.remark) for acta in everything),
            roll=sum(acta.station.roll for acta in counted),
            votes=tuple(sum(column) for column in columns) or (0,) * len(COLUMNS),
            votes_without_special=sum(acta.total for acta in counted if acta.station.kind != "S"),
        )

    @property
    def total(self) -> int:
        """All votes, special polling stations included."""
        return sum(self.votes)

    @property
    def turnout(self) -> str:
        """Turnout in percent, without special polling stations, which have no roll of voters."""
        return percentage(self.votes_without_special, self.roll)

    def header(self) -> dict[str, str]:
        """The 13 totals of INE's header, name to value."""
        return {
            "ACTAS_ESPERADAS": str(self.expected),
            "ACTAS_REGISTRADAS": str(self.registered),
            "ACTAS_FUERA_CATALOGO": "0",
            "ACTAS_CAPTURADAS": str(self.captured),
            "PORCENTAJE_ACTAS_CAPTURADAS": percentage(self.captured, self.expected),
            "ACTAS_CONTABILIZADAS": str(self.counted),
            "PORCENTAJE_ACTAS_CONTABILIZADAS": percentage(self.counted, self.expected),
            "PORCENTAJE_ACTAS_INCONSISTENCIAS": percentage(self.inconsistent, self.expected),
            "ACTAS_NO_CONTABILIZADAS": str(self.captured - self.counted),
            "LISTA_NOMINAL_ACTAS_CONTABILIZADAS": str(self.roll),
            "TOTAL_VOTOS_C_CS": str(self.total),
            "TOTAL_VOTOS_S_CS": str(self.votes_without_special),
            "PORCENTAJE_PARTICIPACION_CIUDADANA": self.turnout,
        }
