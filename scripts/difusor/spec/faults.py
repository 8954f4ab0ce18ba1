"""Spanish sentences for pydantic's validation errors, which exist in English only."""

from __future__ import annotations

from datetime import date

from pydantic_core import ErrorDetails

from difusor.spec import signs

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
    "int_parsing": "debe ser un número entero",
    "bool_parsing": "debe ser true o false",
    "bytes_type": "debe ser un texto",
    "finite_number": "debe ser un número",
    "float_type": "debe ser un número",
    "string_too_long": "es demasiado larga",
    "too_long": "tiene demasiados elementos",
    "date_from_datetime_parsing": "debe ser una fecha, como 2024-06-30",
    "date_parsing": "debe ser una fecha, como 2024-06-30",
    "date_type": "debe ser una fecha, como 2024-06-30",
    "datetime_from_date_parsing": "debe ser un instante, como 2024-06-02T20:00:00-06:00",
    "datetime_parsing": "debe ser un instante, como 2024-06-02T20:00:00-06:00",
    "datetime_type": "debe ser un instante, como 2024-06-02T20:00:00-06:00",
    "timezone_aware": "le falta la diferencia con UTC, como -06:00",
}
"""Ends of sentences by pydantic's error type; each follows the name of a key."""


def sentence(detail: ErrorDetails) -> str:
    """Return one error of pydantic in Spanish, without its place; a type that is not listed by its name.

    A sign in the value that nobody sees is told too: it may be all that is wrong.
    """
    sign = signs.in_value(detail.get("input"))
    return f"{_plain(detail)}; {sign}" if sign else _plain(detail)


def _plain(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "literal_error":
        return f"debe ser {detail['ctx']['expected'].replace(' or ', ' o ')}; dice «{detail['input']}»"
    if kind == "string_type" and isinstance(detail["input"], (bool, int, float, date)):
        return f"{SENTENCES[kind]}; póngalo entre comillas, o YAML lo toma por un número, una fecha, o un sí o no"
    if kind in ("greater_than", "greater_than_equal", "less_than_equal"):
        return f"«{detail['input']}» está fuera de los límites"
    return SENTENCES.get(kind, f"no es un valor que se admita ({kind})")
