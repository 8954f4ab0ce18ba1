"""Which figures of an office's page citizens would see wrong, or would wait for; docs/es/datos.md says their form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

_COUNTS = (
    "actas_esperadas", "actas_capturadas", "actas_contabilizadas", "actas_no_contabilizadas", "lista_nominal", "votos",
)  # fmt: skip
_SHARES = ("actas_capturadas_porcentaje", "participacion")
"""The totals that the page shows: counts and percentages."""
_DIGITS = re.compile(r"[0-9]+(?:\.0+)?")
"""A count as text; pandas writes a column with an empty cell as 7.0, which the page shows as 7."""
_SHARE = re.compile(r"[0-9]{1,3}\.[0-9]{4}")
MAX_PLACES = 1000
"""How many places of an office are looked at."""


def number(said: object) -> float | None:
    """Return what a JSON value is worth as a number; None when it is none."""
    with suppress(ValueError, OverflowError):
        return float(said) if isinstance(said, (int, float, str)) else None
    return None


def wrong(page: Mapping[str, Any]) -> list[str]:
    """Return a Spanish clause for the first count of an office's page that is none, and for the first percentage.

    A percentage may be null, where nothing was counted yet.
    """
    found: dict[bool, str] = {}
    for where, name, value, is_share in _figures(page):
        if is_share not in found and not (_is_share(value) if is_share else _is_count(value)):
            said = f"dice en «{name}» {json.dumps(value, ensure_ascii=False)}" if value is not ... else ""
            must = 'con cuatro decimales y hasta 100, como "5.0000"' if is_share else "solo con cifras"
            found[is_share] = f"{said or f'no dice «{name}»'}{where}: la página lo mostraría mal; debe decirlo {must}"
    return list(found.values())


def differing(office: Mapping[str, Any], page: Mapping[str, Any]) -> str:
    """Return the first total of an office's page that is not what the head says of the office, "" when all are.

    The page takes an office's page with another total for one of another corte: for 15 s it reads both files again.
    """
    known, totals = (each if isinstance(each, dict) else {} for each in (office.get("totales"), page.get("totales")))
    for name, total in totals.items():
        one, other = (0.0 if said is None else number(said) for said in (total, known.get(name, "")))
        if one is not None and other is not None and abs(one - other) > 0:
            return str(name)
    return ""


def _figures(page: Mapping[str, Any]) -> Iterator[tuple[str, str, object, bool]]:
    """Yield (where, name, value, whether it is a percentage) of each figure; a value that is not there is `...`."""
    places = page.get("territorios")
    for place in [page, *(places[:MAX_PLACES] if isinstance(places, list) else [])]:
        if not isinstance(place, dict):
            continue
        where = "" if place is page else f", de «{place.get('nombre')}»"
        totals = place.get("totales")
        for name in (*_COUNTS, *_SHARES):
            value = totals.get(name, ...) if isinstance(totals, dict) else ...
            yield where, f"totales.{name}", value, name in _SHARES
        for kind in ("candidaturas", "columnas"):
            results = place.get(kind)
            for result in results if isinstance(results, list) else []:
                for name in ("votos", "porcentaje") if isinstance(result, dict) else ():
                    yield where, f"{kind}.{name}", result.get(name, ...), name == "porcentaje"


def _is_count(value: object) -> bool:
    if isinstance(value, (int, float)):
        return not isinstance(value, bool) and value >= 0 and value == value // 1
    return isinstance(value, str) and bool(_DIGITS.fullmatch(value))


def _is_share(value: object) -> bool:
    if value is None:
        return True
    text = str(value) if isinstance(value, (float, str)) else ""
    return bool(_SHARE.fullmatch(text)) and float(text) <= 100
