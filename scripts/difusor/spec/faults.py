"""Spanish sentences for pydantic's validation errors, which exist in English only."""

from __future__ import annotations

from pydantic_core import ErrorDetails

SENTENCES = {
    "bool_type": "debe ser true o false, sin comillas",
    "string_type": "debe ser un texto",
    "int_type": "debe ser un número entero, sin comillas",
    "list_type": "debe ser una lista",
    "tuple_type": "debe ser una lista",
    "dict_type": "debe ser un conjunto de claves y valores",
    "model_type": "debe ser un conjunto de claves y valores",
    "string_too_short": "está vacía; escriba su valor",
    "too_short": "está vacía; agregue al menos un elemento",
    "string_pattern_mismatch": "no tiene la forma requerida",
    "missing": "falta",
    "extra_forbidden": "no existe; quítela",
    "json_invalid": "no es JSON",
}
"""Ends of sentences by pydantic's error type; each follows the name of a key."""


def sentence(detail: ErrorDetails) -> str:
    """Return one error of pydantic in Spanish, without its place; in pydantic's English when its type is not listed."""
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "literal_error":
        return f"debe ser {detail['ctx']['expected'].replace(' or ', ' o ')}; dice «{detail['input']}»"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"«{detail['input']}» está fuera de los límites"
    return SENTENCES.get(kind, detail["msg"])
