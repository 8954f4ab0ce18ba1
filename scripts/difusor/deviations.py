"""What the auditors' guides ask and the servers do not do, on purpose: spec/deviations.yml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from difusor.project import ROOT
from difusor.spec import Sentence, SpecError

FILE = ROOT / "spec/deviations.yml"


class Deviation(BaseModel):
    """One rule that is not followed, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Sentence
    reason: Sentence


Deviations = dict[str, Annotated[tuple[Deviation, ...], Field(min_length=1)]]
"""By topic, in the order of the file."""


@cache
def load(path: Path = FILE) -> Deviations:
    """Read a file of deviations. SpecError says what is wrong and where."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(Deviations).validate_python(raw)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SpecError(f"{path}: {error}") from error
