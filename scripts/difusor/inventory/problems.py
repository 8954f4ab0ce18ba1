"""Judge the values of an inventory: a Spanish sentence for each that cannot provision a server."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from difusor.inventory.model import NAMES, Inventory
from difusor.inventory.parts import Strict
from difusor.inventory.placeholders import unfinished
from difusor.inventory.values import Read

# An example left in place would send the run to nobody's address.
JUDGED = NAMES | {"ansible_host"}
# pydantic's own error types, in the operator's language.
SENTENCES = {
    "bool_type": "debe ser true o false, sin comillas",
    "string_type": "debe ser un texto",
    "int_type": "debe ser un número entero, sin comillas",
    "list_type": "debe ser una lista",
    "model_type": "debe ser un conjunto de claves y valores",
    "string_too_short": "está vacía; escriba su valor",
    "too_short": "está vacía; agregue al menos un elemento",
}


def problems(variables: Mapping[str, Any], read: Read | None = None) -> list[str]:
    """Return every reason why these variables cannot provision a server, a Spanish sentence each; empty when they can.

    `variables` maps names to rendered values, or to the exception that rendering raised, and may hold other names too;
    `read` returns the bytes of a file of the controller (default: as it is on disk) and raises OSError.
    """
    values = {name: variables[name] for name in variables if name in JUDGED}
    sentences = {name: sentence for name, value in values.items() if (sentence := unfinished(value))}
    told = set(sentences)
    finished = {name: value for name, value in values.items() if name in NAMES - told}
    try:
        Inventory.model_validate(finished, context={"read": read})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["loc"][0] not in told:
                sentences[_place(detail["loc"])] = _sentence(detail)
    return [f"{place}: {sentence}{'' if sentence.endswith('?') else '.'}" for place, sentence in sentences.items()]


def _place(loc: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _sentence(detail: ErrorDetails) -> str:
    kind, name = detail["type"], str(detail["loc"][-1])
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "missing":
        file = "elections/<elección>.yml" if name.startswith("election_") else "group_vars/<difusor>/main.yml"
        return f"falta; agréguela en {file} (inventories/ejemplo la explica)" if name in NAMES else "falta; agréguela"
    if kind == "extra_forbidden":
        fields = {field for model in Strict.__subclasses__() for field in model.model_fields}
        near = difflib.get_close_matches(name, fields, n=1)
        return f"no existe; {f'¿quiso decir {near[0]}?' if near else 'quítela'}"
    if kind == "literal_error":
        return f"debe ser {detail['ctx']['expected'].replace(' or ', ' o ')}; dice «{detail['input']}»"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"«{detail['input']}» está fuera de los límites"
    return SENTENCES.get(kind, detail["msg"])
