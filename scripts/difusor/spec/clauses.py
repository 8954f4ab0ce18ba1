"""The spec: spec/anexo1.yml, every clause a difusor must meet, read once and checked."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corte.format.errors import why
from difusor.project import own
from difusor.spec.faults import sentence

Method = Literal["medido", "atestado", "manual", "derivado"]
Sentence = Annotated[str, Field(min_length=1)]
CLAUSE_ID = r"(PAR|SW|HW|RED|DG)-\d\d"
ClauseId = Annotated[str, Field(pattern=f"^{CLAUSE_ID}$")]


class SpecError(ValueError):
    """The spec cannot be read; the message is Spanish and names the file, the clause and the field."""


class Clause(BaseModel):
    """One clause: its binding text, how compliance is established, and the required values."""

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
    rests_on: tuple[str, ...] = Field((), description="the groups of clauses (SW) that decide a derived clause")
    expect: dict[str, Any] = {}
    fix: Sentence

    @model_validator(mode="after")
    def _has_a_role(self) -> Clause:
        if self.role is None and not self.optional and not self.rests_on:
            raise ValueError("una cláusula que no es opcional nombra su rol (role)")
        if bool(self.rests_on) is not (self.method == "derivado"):
            raise ValueError("una cláusula derivada, y ninguna otra, dice de qué grupos depende (rests_on)")
        return self

    @property
    def group(self) -> str:
        """The letters of its id, as SW."""
        return self.id.partition("-")[0]


class Promises(BaseModel):
    """What the institute itself promises in the call; no difusor is judged by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval_minutes: Annotated[int, Field(ge=1)] | None = None


class Unjudged(BaseModel):
    """A passage of the call that no clause judges, and why. `[…]` in it stands for anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Sentence
    reason: Sentence


class Spec(BaseModel):
    """The whole spec; clauses keep the order of the file. `criteria`: what the project asks beyond the call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: Sentence
    institute: Sentence
    contact: str = ""
    criteria: dict[str, Any] = {}
    promises: Promises = Promises()
    clauses: tuple[Clause, ...]
    unjudged: tuple[Unjudged, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Spec:
        ids = [clause.id for clause in self.clauses]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"hay cláusulas repetidas: {', '.join(twice)}")
        return self

    def __getitem__(self, clause: str) -> Clause:
        """Return the clause with this id; KeyError lists the existing ids."""
        for candidate in self.clauses:
            if candidate.id == clause:
                return candidate
        raise KeyError(f"no clause {clause!r}; the spec has {', '.join(self.ids)}")

    @property
    def ids(self) -> tuple[str, ...]:
        """Every clause id, in the order of the document."""
        return tuple(clause.id for clause in self.clauses)


def load(path: Path | None = None) -> Spec:
    """Read a spec file, by default the institute's own or else the project's.

    SpecError has a line for each problem: what is wrong and where.
    """
    return _load(path or own("spec/anexo1.yml"))


@cache
def _load(path: Path) -> Spec:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SpecError(unreadable(path, error)) from error
    try:
        return Spec.model_validate(raw)
    except ValidationError as error:
        problems = [f"{path}: {_place(detail['loc'], raw)}{sentence(detail)}" for detail in error.errors()]
        raise SpecError("\n".join(problems)) from error


def unreadable(path: Path, error: OSError | yaml.YAMLError) -> str:
    """Return the Spanish sentence on why a file of the spec cannot be read as YAML, and in which line."""
    if isinstance(error, OSError):
        return f"no se puede leer {path}: {why(error)}"
    mark = getattr(error, "problem_mark", None)
    return f"{path} no es YAML" + (f": línea {mark.line + 1}, columna {mark.column + 1}" if mark else "")


def _place(loc: tuple[int | str, ...], raw: Any) -> str:
    """Name a clause by its id rather than by its position."""
    match loc:
        case ("clauses", int(index), *rest):
            name = raw["clauses"][index].get("id", f"#{index + 1}") if isinstance(raw["clauses"][index], dict) else ""
            return f"cláusula {name or index + 1}: " + "".join(f"{part}: " for part in rest)
        case _:
            return "".join(f"{part}: " for part in loc)
