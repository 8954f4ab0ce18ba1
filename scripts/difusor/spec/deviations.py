"""Reads spec/deviations.yml: rules of the auditors' guides that the servers do not follow, on purpose."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from difusor.project import home_or_project
from difusor.spec import Sentence, SpecError, reading
from difusor.spec.faults import sentence

Auditor = Literal["cis", "anssi", "lynis", "docker-bench"]
AUDITORS: tuple[Auditor, ...] = get_args(Auditor)
Scap = Annotated[str, Field(pattern=r"^[a-z][a-zA-Z0-9_-]+$")]
Lynis = Annotated[str, Field(pattern=r"^[A-Z]+-\d{4}(:[\w.]+)?$")]
DockerBench = Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]


class Deviation(BaseModel):
    """One rule that is not followed, why, and the ids by which the auditors' programs know it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    rule: Sentence
    reason: Sentence
    cis: tuple[Scap, ...] = ()
    anssi: tuple[Scap, ...] = ()
    lynis: tuple[Lynis, ...] = ()
    docker_bench: tuple[DockerBench, ...] = Field((), alias="docker-bench")
    lab: bool = Field(True, description="whether it shows on the lab's server")

    def ids(self, auditor: Auditor) -> tuple[str, ...]:
        """Return the ids that this auditor's program gives the rule."""
        found: tuple[str, ...] = getattr(self, auditor.replace("-", "_"))
        return found

    def by_auditor(self) -> dict[Auditor, tuple[str, ...]]:
        """Return the rule's ids by auditor, for the auditors that have one."""
        return {auditor: found for auditor in AUDITORS if (found := self.ids(auditor))}


Deviations = dict[str, Annotated[tuple[Deviation, ...], Field(min_length=1)]]
"""Deviations by topic, in the order of the file."""


def load(path: Path | None = None) -> Deviations:
    """Read a file of deviations, by default the institute's own or else the project's.

    SpecError says what is wrong and where.
    """
    return _load(path or home_or_project("spec/deviations.yml"))


@cache
def _load(path: Path) -> Deviations:
    try:
        return TypeAdapter(Deviations).validate_python(reading.read(path))
    except reading.ReadingError as error:
        raise SpecError(str(error)) from None
    except ValidationError as error:
        places = [(": ".join(map(str, detail["loc"])), sentence(detail)) for detail in error.errors()]
        raise SpecError("\n".join(f"{path}: {place}: {what}" for place, what in places)) from error


def by_id(deviations: Deviations, auditor: Auditor) -> dict[str, Deviation]:
    """Return the deviations that have an id in this auditor's program, by that id."""
    return {name: each for topic in deviations.values() for each in topic for name in each.ids(auditor)}
