"""The spec of a call: spec/<call>.yml, every clause that the call asks a difusor to meet, read once and checked."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corte.format import files
from corte.format.errors import why
from difusor.project import home_or_project, yaml_names
from difusor.spec import expected, reading
from difusor.spec.faults import sentence

Method = Literal["medido", "atestado", "manual", "derivado"]
UNMEASURED: tuple[Method, ...] = ("atestado", "manual")
"""How a clause is established that no program measures: a call may have clauses of its own of these methods."""
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Sentence = Annotated[str, Field(min_length=1)]
Group = Literal["PAR", "SW", "HW", "RED", "DG"]
"""The letters with which the id of a clause begins."""
CLAUSE_ID = rf"({'|'.join(get_args(Group))})-\d\d"
ClauseId = Annotated[str, Field(pattern=f"^{CLAUSE_ID}$")]
NOT_CALLS = {"deviations"}
"""Files of the folder spec/ that are about no call."""


class SpecError(ValueError):
    """The spec cannot be read; the message is Spanish and names the file, the clause and the field."""


class Clause(BaseModel):
    """One clause: its binding text, how compliance is established, and the required values (expected.VALUES)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: ClauseId
    title: Sentence
    section: Sentence
    quote: Sentence
    method: Method
    attested: str = Field("", description="the part of a measured clause that only a document can establish")
    role: str | None = None
    optional: bool = False
    waivable: tuple[Method, ...] = ()
    rests_on: tuple[Group, ...] = Field((), description="the groups of clauses (SW) that decide a derived clause")
    expect: dict[str, Any] = {}
    fix: Sentence

    @model_validator(mode="after")
    def _has_a_role(self) -> Clause:
        if self.role is None and not self.optional and not self.rests_on and self.id in expected.VALUES:
            raise ValueError("una cláusula que no es opcional nombra su rol (role)")
        if bool(self.rests_on) is not (self.method == "derivado"):
            raise ValueError("una cláusula derivada, y ninguna otra, dice de qué grupos depende (rests_on)")
        return self

    @model_validator(mode="after")
    def _can_be_judged(self) -> Clause:
        if self.id not in expected.VALUES:
            if self.method not in UNMEASURED:
                raise ValueError(
                    f"ninguna prueba la mide; las que se miden son {', '.join(expected.VALUES)}. Si la convocatoria la "
                    "pide, escriba method: atestado (la acredita un documento) o manual (la comprueba una persona), o "
                    "póngala en unjudged"
                )
            if self.expect:
                raise ValueError("ninguna prueba lee los valores de expect; quítelos, y déjelos en quote")
            return self
        if wrong := expected.faults(self.id, self.expect):
            raise ValueError("; ".join(wrong))
        return self

    @property
    def group(self) -> str:
        """The letters of its id, as SW."""
        return self.id.partition("-")[0]

    @property
    def on_paper(self) -> bool:
        """Whether a signed document alone establishes it."""
        return self.method == "atestado"


class Criteria(BaseModel):
    """What the project asks beyond the call; a clause never fails for it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    certificate_days: Annotated[int, Field(ge=1)]
    tls_floor: expected.Tls


class Promises(BaseModel):
    """What the institute itself promises in the call; no difusor is judged by it.

    `opens`, `closes`: between which hours results are published, by the clock of the place, as 20:00.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval_minutes: Annotated[int, Field(ge=1)] | None = None
    opens: Clock | None = None
    closes: Clock | None = None

    def other_hours(self, opens: datetime, closes: datetime) -> str:
        """Return how a window, in local time, differs from these hours, as the start of a sentence; else empty."""
        promised, decided = (self.opens, self.closes), (f"{opens:%H:%M}", f"{closes:%H:%M}")
        if all(promise in (None, hour) for promise, hour in zip(promised, decided, strict=True)):
            return ""
        told = (f"de las {start or '…'} a las {end or '…'}" for start, end in (promised, decided))
        return "la convocatoria dice que se publica {} y la elección, {}, hora del lugar".format(*told)


class Unjudged(BaseModel):
    """A passage of the call that no clause judges, and why. `[…]` in it stands for anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Sentence
    reason: Sentence


class Spec(BaseModel):
    """The whole spec of a call; clauses keep the order of the file.

    `annex`: how the call names its technical requirements.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: Sentence
    institute: Sentence
    contact: str = ""
    annex: Sentence
    criteria: Criteria
    promises: Promises = Promises()
    clauses: tuple[Clause, ...]
    unjudged: tuple[Unjudged, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Spec:
        ids = [clause.id for clause in self.clauses]
        if not ids:
            raise ValueError("no tiene ninguna cláusula (clauses)")
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"hay cláusulas repetidas: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _derived_clauses_rest_on_something(self) -> Spec:
        groups = {clause.group for clause in self.clauses if not clause.rests_on}
        for clause in self.clauses:
            if clause.rests_on and not groups & set(clause.rests_on):
                raise ValueError(f"{clause.id} depende de {', '.join(clause.rests_on)} (rests_on) y no hay ninguna")
        return self

    @model_validator(mode="after")
    def _trusted_addresses_reach_what_listens(self) -> Spec:
        services = {expected.SSH_PORT, self.rsync_port}
        if "RED-04" in self.ids and (other := set(self["RED-04"].expect["ports"]) ^ services):
            wanted, given = (", ".join(map(str, sorted(each))) for each in (services, other))
            raise ValueError(f"RED-04: para las direcciones confiables son {wanted} (SW-03 y DG-07); revise {given}")
        return self

    def __getitem__(self, clause: str) -> Clause:
        """Return the clause with this id; KeyError lists the existing ids."""
        for candidate in self.clauses:
            if candidate.id == clause:
                return candidate
        raise KeyError(f"no clause {clause!r}; the call has {', '.join(self.ids)}")

    @property
    def ids(self) -> tuple[str, ...]:
        """Every clause id, in the order of the document."""
        return tuple(clause.id for clause in self.clauses)

    @property
    def tls_floor(self) -> str:
        """The oldest version of TLS that a server may speak: the call's, or else the project's."""
        return str(self["RED-08"].expect["tls_floor"]) if "RED-08" in self.ids else self.criteria.tls_floor

    @property
    def web_ports(self) -> list[int]:
        """The TCP ports on which anybody reaches the page: the call's, or else the project's."""
        return list(self["RED-03"].expect["ports"] if "RED-03" in self.ids else expected.WEB_PORTS)

    @property
    def rsync_port(self) -> int:
        """The TCP port on which a server takes cortes: the call's, or else rsync's own."""
        return int(self["DG-07"].expect["port"]) if "DG-07" in self.ids else expected.RSYNC_PORT


def names() -> list[str]:
    """Return the names of all calls that have a spec, the institute's own among them."""
    return sorted(yaml_names("spec") - NOT_CALLS)


def load(call: str) -> Spec:
    """Return the spec of a call: the institute's own when its home has one of that name, else the project's.

    SpecError has a line for each problem: what is wrong and where.
    """
    return read(_file(call))


def digest(call: str) -> str:
    """Return the SHA-256 of the file from which `load` reads a call, as it is now; SpecError when it cannot be read."""
    path = _file(call)
    try:
        return hashlib.sha256(files.small(path)).hexdigest()
    except OSError as error:
        raise SpecError(f"no se puede leer {path}: {why(error)}") from None


def _file(call: str) -> Path:
    if not call:
        raise SpecError("la elección no dice de qué convocatoria es; escríbalo en election_spec, y mida de nuevo")
    if call not in names():
        raise SpecError(f"no hay convocatoria «{call}» (spec/{call}.yml); las que hay: {', '.join(names())}")
    return home_or_project(f"spec/{call}.yml")


@cache
def read(path: Path) -> Spec:
    """Return the spec in a file; SpecError as in `load`."""
    try:
        raw = reading.read(path)
    except reading.ReadingError as error:
        raise SpecError(str(error)) from None
    try:
        return Spec.model_validate(raw)
    except ValidationError as error:
        problems = [f"{path}: {_place(detail['loc'], raw)}{sentence(detail)}" for detail in error.errors()]
        raise SpecError("\n".join(problems)) from None


def _place(loc: tuple[int | str, ...], raw: Any) -> str:
    """Name a clause by its id rather than by its position."""
    match loc:
        case ("clauses", int(index), *rest):
            name = raw["clauses"][index].get("id", f"#{index + 1}") if isinstance(raw["clauses"][index], dict) else ""
            return f"cláusula {name or index + 1}: " + "".join(f"{part}: " for part in rest)
        case _:
            return "".join(f"{part}: " for part in loc)
