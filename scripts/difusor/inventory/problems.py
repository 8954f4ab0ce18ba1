"""Checks the values of an inventory: a Spanish sentence for each with which a server cannot be set up."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from difusor.inventory.model import NAMES, Election, Partner, variable_names
from difusor.inventory.parts import PARTS
from difusor.inventory.placeholders import unfinished
from difusor.inventory.values import Read
from difusor.spec.faults import sentence

# ansible_host is checked too: an example value left there would send the run to an address that nobody has.
JUDGED = NAMES | {"ansible_host"}
NOBODY_TRUSTED = (
    "la lista de direcciones confiables está vacía y nadie podría entrar al servidor; "
    "agregue la suya aquí o en election_trusted_addresses"
)


def problems(variables: Mapping[str, Any], read: Read | None = None) -> list[str]:
    """Return every reason why these variables cannot set up a server, a Spanish sentence each; empty when they can.

    `variables` maps names to rendered values, or to the exception that rendering raised, and may hold other names too;
    `read` returns the bytes of a file of the controller (default: as it is on disk) and raises OSError.
    """
    values = {name: variables[name] for name in variables if name in JUDGED}
    found = {name: sentence for name, value in values.items() if (sentence := unfinished(value))}
    told = set(found)
    for model in (Election, Partner):
        finished = {name: value for name, value in values.items() if name in variable_names(model) - told}
        try:
            model.model_validate(finished, context={"read": read} if read else {})
        except ValidationError as error:
            found |= {place: sentence for place, name, sentence in _details(error) if name not in told}
    if values.get("election_trusted_addresses") == [] and not values.get("difusor_trusted_addresses"):
        found.setdefault("difusor_trusted_addresses", NOBODY_TRUSTED)
    return [_whole(place, sentence) for place, sentence in found.items()]


def sentences(error: ValidationError) -> list[str]:
    """Return the errors of a model's validation as Spanish sentences."""
    return [_whole(place, sentence) for place, _, sentence in _details(error)]


def _details(error: ValidationError) -> Iterator[tuple[str, str | int, str]]:
    """Yield (place, variable, sentence without its full stop) for each problem."""
    for detail in error.errors(include_url=False):
        yield _place(detail["loc"]), detail["loc"][0], _sentence(detail)


def _whole(place: str, sentence: str) -> str:
    return f"{place}: {sentence}{'' if sentence.endswith('?') else '.'}"


def _place(loc: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _sentence(detail: ErrorDetails) -> str:
    kind, name = detail["type"], str(detail["loc"][-1])
    if kind == "missing":
        file = "elections/<elección>.yml" if name.startswith("election_") else "group_vars/<difusor>/main.yml"
        return f"falta; agréguela en {file} (inventories/ejemplo la explica)" if name in NAMES else "falta; agréguela"
    if kind == "extra_forbidden":
        fields = {field for model in PARTS for field in model.model_fields}
        near = difflib.get_close_matches(name, fields, n=1)
        return f"no existe; {f'¿quiso decir {near[0]}?' if near else 'quítela'}"
    return sentence(detail)
