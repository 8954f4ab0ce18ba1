"""Says in Spanish what PyYAML, in either of its parsers, found wrong with a text, and what to do about it."""

from __future__ import annotations

import yaml

CAUSES: dict[str, str] = {
    "could not find expected ':'": "falta un «:», o un texto quedó partido en dos renglones; escríbalo en uno solo",
    "cannot start any token": "hay un tabulador o un signo que YAML no admite ahí; use espacios, o comillas",
    "found a tab": "hay un tabulador o un signo que YAML no admite ahí; use espacios, o comillas",
    "mapping values are not allowed": "hay un «:» de más, o la sangría no es la de los renglones vecinos",
    "did not find expected": "la sangría, una coma o un corchete no corresponden con los renglones vecinos",
    "expected <block end>": "la sangría no es la de los renglones vecinos",
    "expected ',' or": "falta una coma o cerrar un corchete",
    "unexpected end of stream": "unas comillas no se cierran",
    "undefined alias": "un texto que comienza con «*» va entre comillas",
    "undefined tag": "un texto que comienza con «!» va entre comillas",
    "could not determine a constructor": "un texto que comienza con «!» va entre comillas",
    "for merging": "lo que sigue a «<<:» debe ser un conjunto de claves y valores",
    "unhashable key": (
        "una lista o un conjunto no puede ser el nombre de otro valor; use un texto, y si es una expresión, como "
        "{{ otra_variable }}, póngala entre comillas"
    ),
    "failed to convert base64": "lo que sigue a «!!binary» no está en base64",
    "failed to decode base64": "lo que sigue a «!!binary» no está en base64",
    "expected a scalar node": "lo que sigue a esa etiqueta debe ser un texto",
    "unknown escape character": "tras «\\» sigue un signo que no se admite; use comillas sencillas",
    "special characters are not allowed": "hay un carácter de control; bórrelo",
    "control characters are not allowed": "hay un carácter de control; bórrelo",
}
"""What is wrong and what to do, by what the parsers say of the usual mistakes; the first that fits."""


def cause(error: yaml.YAMLError) -> str:
    """Return the cause, without the line's text, which may be that of a secret."""
    said = f"{getattr(error, 'problem', '')} {getattr(error, 'reason', '')}"
    return next((cause for words, cause in CAUSES.items() if words in said), "corrija ese renglón")
