"""What the compliance suite found: the file between the suite (pytest) and the dictamen."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from difusor.servers.reach import Server
from difusor.spec.faults import sentence

Outcome = Literal["passed", "failed", "error", "skipped", "unreachable"]


class ResultsError(ValueError):
    """A results file cannot be used; the message says why."""


class Finding(BaseModel):
    """One test against one server. `failed` is a measured fact; `error` is a test that could not measure.

    `repeated` is why the test was repeated: how it failed at first. Empty: it was not. All else is of the last time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    clauses: tuple[str, ...]
    host: str
    test: str
    outcome: Outcome
    method: Literal["medido", "atestado"] = "medido"
    sentence: str
    evidence: tuple[str, ...] = ()
    detail: str = ""
    repeated: str = ""
    seconds: float = 0.0
    ended: datetime | None = Field(None, description="with offset; results of earlier versions have none")


class Results(BaseModel):
    """One run of the suite. Instants carry their offset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    started: datetime
    finished: datetime
    inventory: str
    commit: str
    tools: dict[str, str]
    servers: dict[str, Server]
    findings: tuple[Finding, ...]


def load(path: Path) -> Results:
    """Read a results file; ResultsError when it is missing, malformed or of another version."""
    try:
        return Results.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ResultsError(f"no se puede leer {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        fault = ": ".join(filter(None, [".".join(map(str, first["loc"])), sentence(first)]))
        raise ResultsError(f"{path} no es un archivo de resultados de esta versión: {fault}") from error
