"""The results file, which the compliance suite (pytest) writes and from which the dictamen is made."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corte.format import files
from corte.format.errors import why
from difusor.servers.identity import MeasuredServer
from difusor.spec.faults import sentence

Outcome = Literal["passed", "failed", "error", "skipped", "unreachable"]


class ResultsError(ValueError):
    """A results file cannot be used; the message says why."""


class Finding(BaseModel):
    """The result of one test on one server. `failed`: the measured value is wrong; `error`: it could not be measured.

    `clauses`: what it judges; `beyond`: the clauses beyond which it asks something, as a criterion of the project.
    `detail`: why it did not pass; "": its sentence does not hold. `raised`: Python's own words, for programmers.
    `repeated`: the first failure, when the test was repeated; else empty. All other fields are of the last attempt.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    clauses: tuple[str, ...]
    beyond: tuple[str, ...] = ()
    host: str
    test: str
    outcome: Outcome
    method: Literal["medido", "atestado"] = "medido"
    sentence: str
    evidence: tuple[str, ...] = ()
    detail: str = ""
    raised: str = ""
    repeated: str = ""
    seconds: float = 0.0
    ended: datetime | None = Field(None, description="with offset; results of earlier versions have none")


class Results(BaseModel):
    """One run of the suite. Instants have their offset from UTC.

    `revision` is the inventory's, as from inventory.revision; "" in results of earlier versions.
    `calls`: spec.digest of each call that the servers are measured for; none in results of earlier versions.
    `left_out`: tests that were not run, with the clauses that they measure and that the election's call lacks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    started: datetime
    finished: datetime
    inventory: str
    revision: str = ""
    calls: dict[str, str] = {}
    commit: str
    tools: dict[str, str]
    servers: dict[str, MeasuredServer]
    findings: tuple[Finding, ...]
    left_out: dict[str, tuple[str, ...]] = {}


def load(path: Path) -> Results:
    """Read a results file; ResultsError when it is missing, malformed or of another version."""
    try:
        return Results.model_validate_json(files.small(path))
    except OSError as error:
        raise ResultsError(f"no se puede leer {path}: {why(error)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        fault = ": ".join(filter(None, [".".join(map(str, first["loc"])), sentence(first)]))
        raise ResultsError(f"{path} no es un archivo de resultados de esta versión: {fault}") from error
