"""The texts of a call's letters: spec/papers/<call>.yml, read once and checked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from difusor.project import ROOT, home_or_project
from difusor.spec import clauses, reading
from difusor.spec.clauses import ClauseId, Sentence, SpecError
from difusor.spec.faults import sentence

MODEL = ROOT / "spec/papers/ribera-2027.yml"
"""The texts from which another call's are written."""
BLANKS = ("offices", "day", "institute", "month", "year")
"""What a text may leave to the election."""
BLANK = re.compile(r"\{([^{}]*)\}")


def _known_blanks(text: str) -> str:
    """Refuse a text with a blank that nothing fills in."""
    if unknown := sorted(set(BLANK.findall(text)) - set(BLANKS)) or re.search("[{}]", BLANK.sub("", text)):
        wrong = ", ".join(f"{{{each}}}" for each in unknown) if isinstance(unknown, list) else "una llave sin pareja"
        raise ValueError(f"no se entiende {wrong}; los huecos son {', '.join(f'{{{each}}}' for each in BLANKS)}")
    return text


Blanked = Annotated[Sentence, AfterValidator(_known_blanks)]


class Part(BaseModel):
    """Base of the parts: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Letter(Part):
    """The letter by which a difusor commits itself, in its order; `clause` is the one that it meets."""

    source: Sentence
    title: Sentence
    dated: Blanked
    present: Sentence
    area: Sentence
    opening: Sentence
    statements: Annotated[tuple[Blanked, ...], Field(min_length=1)]
    sending: Sentence
    clause: ClauseId


class Perimeter(Part):
    """The clauses whose ports (`expect`) an outlet's perimeter admits from trusted addresses, and from anywhere.

    Where the call has none, the ports are those on which the project's servers listen.
    """

    trusted: ClauseId | None = None
    anywhere: ClauseId | None = None


class Papers(Part):
    """All of it."""

    letter: Letter
    addresses: Perimeter = Perimeter()


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its blanks filled in; what stands in a value is not looked at again."""
    return BLANK.sub(lambda found: values[found[1]], text)


def load(call: str) -> Papers:
    """Return the texts of a call, the institute's own or else the project's; SpecError says what is wrong with them."""
    path = home_or_project(f"spec/papers/{call}.yml")
    if not os.path.lexists(path):
        raise SpecError(
            f"la convocatoria «{call}» no tiene los textos de su carta; copie {MODEL} a {path} y escriba los suyos"
        )
    found = _load(path)
    if wrong := _faults(found, clauses.load(call)):
        raise SpecError("\n".join(f"{path}: {each}" for each in wrong))
    return found


def _faults(texts: Papers, call: clauses.Spec) -> list[str]:
    """Return a sentence for each clause that the texts name and the call lacks, or that says no ports."""
    wrong = []
    if texts.letter.clause not in call.ids:
        wrong.append(f"letter: clause: la convocatoria no tiene {texts.letter.clause}; escriba la que cumple la carta")
    for name, clause in texts.addresses:
        if clause and clause not in call.ids:
            wrong.append(f"addresses: {name}: la convocatoria no tiene {clause}; quítela")
        elif clause and "ports" not in call[clause].expect:
            wrong.append(f"addresses: {name}: {clause} no dice puertos (ports); escriba la que los dice, o quítela")
    return wrong


@cache
def _load(path: Path) -> Papers:
    try:
        return Papers.model_validate(reading.read(path))
    except reading.ReadingError as error:
        raise SpecError(str(error)) from None
    except ValidationError as error:
        lines = [": ".join([str(path), *map(str, each["loc"]), sentence(each)]) for each in error.errors()]
        raise SpecError("\n".join(lines)) from error
