"""The synthetic ballot, the same for every office: parties and candidacies that are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Party:
    """A synthetic party: acronym, name, colour (at least 3:1 on white) and its usual share of the vote."""

    key: str
    name: str
    color: str
    share: float


@dataclass(frozen=True, slots=True)
class Candidacy:
    """One bar of the results page: a party, or a coalition with every combination of its parties on the ballot."""

    key: str
    name: str
    color: str
    parties: tuple[str, ...]
    columns: tuple[str, ...]


PARTIES = (
    Party("AÑIL", "Partido Añil", "#3d4fa1", 0.235),
    Party("COBRE", "Partido Cobre", "#b5622b", 0.085),
    Party("JADE", "Partido Jade", "#1d8561", 0.205),
    Party("OCRE", "Partido Ocre", "#a87b09", 0.075),
    Party("CORAL", "Partido Coral", "#d9574a", 0.060),
    Party("TURQUESA", "Partido Turquesa", "#13899c", 0.155),
    Party("OLIVA", "Partido Oliva", "#76802a", 0.070),
    Party("PIZARRA", "Partido Pizarra", "#5b6a79", 0.045),
)

CANDIDACIES = (
    Candidacy("AÑIL_COBRE", "Coalición Añil y Cobre", "#3d4fa1", ("AÑIL", "COBRE"), ("AÑIL", "COBRE", "AÑIL_COBRE")),
    Candidacy(
        "JADE_OCRE_CORAL",
        "Coalición Jade, Ocre y Coral",
        "#1d8561",
        ("JADE", "OCRE", "CORAL"),
        ("JADE", "OCRE", "CORAL", "JADE_OCRE_CORAL", "JADE_OCRE", "JADE_CORAL", "OCRE_CORAL"),
    ),
    Candidacy("TURQUESA", "Partido Turquesa", "#13899c", ("TURQUESA",), ("TURQUESA",)),
    Candidacy("OLIVA", "Partido Oliva", "#76802a", ("OLIVA",), ("OLIVA",)),
    Candidacy("PIZARRA", "Partido Pizarra", "#5b6a79", ("PIZARRA",), ("PIZARRA",)),
)

COMBINATION_SHARES = {
    "AÑIL_COBRE": 0.018,
    "JADE_OCRE_CORAL": 0.012,
    "JADE_OCRE": 0.005,
    "JADE_CORAL": 0.004,
    "OCRE_CORAL": 0.002,
}

SHARES = {party.key: party.share for party in PARTIES} | COMBINATION_SHARES | {"NO_REGISTRADAS": 0.002, "NULOS": 0.027}
"""Usual share of each column of an acta, in the order of the columns."""

COLUMNS = tuple(SHARES)
