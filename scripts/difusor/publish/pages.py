"""Compares what the page reads of a corte, datos/corte.json and the pages of the offices, with the corte's own files.

docs/es/datos.md describes them. A corte for another application has none, or another form, of which nothing is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from corte.format import content, instants
from corte.format.manifest import Entry
from difusor.project import UnusableError

IDENTITY = "datos/corte.json"
MAX_WARNINGS = 10
_MAX_ENTRIES = 100
"""How many offices, and how many downloads, are looked at."""


def warnings(folder: Path, head: Mapping[str, Any], files: Mapping[str, Entry], captured: dict[str, int]) -> list[str]:
    """Return a Spanish sentence for everything in which the page's files contradict the corte, a few at most.

    `head` is what datos/corte.json says; `files` are those of the corte; `captured` is the count of each table
    (`content.Content`).
    """
    if not _entries(head, "elecciones"):
        return []
    found = (sentence for part in (_of_offices(folder, head, files, captured), _of_downloads(head, files))
             for sentence in part)  # fmt: skip
    return [sentence[: content.MAX_WARNING] for sentence in islice(found, MAX_WARNINGS)]


def _entries(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the entries of a list that have a file; [] when there is no such list."""
    given = document.get(name)
    known = given[:_MAX_ENTRIES] if isinstance(given, list) else []
    return [each for each in known if isinstance(each, dict) and isinstance(each.get("archivo"), str)]


def _of_offices(
    folder: Path, head: Mapping[str, Any], files: Mapping[str, Entry], captured: Mapping[str, int]
) -> Iterator[str]:
    for office in _entries(head, "elecciones"):
        path = office["archivo"]
        if path not in files:
            yield f"{IDENTITY} nombra «{path}», que no está en el corte."
            continue
        page = _page(folder / path) if files[path].size <= content.MAX_JSON_BYTES else {}
        if _differ(page.get("corte"), head.get("corte")):
            yield f"{path} es del corte {page['corte']}, y {IDENTITY} del corte {head['corte']}."
        table = _table(office, head)
        told = captured.get(content.unstamped(table))
        for where, said in ((IDENTITY, _captured(office)), (path, _captured(page))):
            if said is not None and told is not None and said != told:
                yield f"{where} dice {said} actas capturadas de «{office['nombre']}», y {table} dice {told}."


def _of_downloads(head: Mapping[str, Any], files: Mapping[str, Entry]) -> Iterator[str]:
    for each in _entries(head, "descargas"):
        path = each["archivo"]
        if path not in files:
            yield f"{IDENTITY} ofrece «{path}», que no está en el corte."
            continue
        size, digest = each.get("bytes", files[path].size), each.get("sha256", files[path].sha256)
        if size != files[path].size or str(digest).lower() != files[path].sha256:
            yield f"{IDENTITY} dice de {path} un tamaño o un SHA-256 que no son los del archivo."


def document(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, {} when it has something else; OSError or UnusableError when it has no JSON.

    A mark of byte order is no fault: browsers and servers pass over it, too.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        why = f"no es JSON: se interrumpe en el renglón {error.lineno}, columna {error.colno}"
    except UnicodeDecodeError:
        why = "no está en UTF-8"
    except (ValueError, RecursionError):  # a number or a nesting beyond every bound
        why = "no es JSON que se pueda leer"
    else:
        return found if isinstance(found, dict) else {}
    raise UnusableError(f"{path} {why}; pida la carpeta otra vez a quien la hace, o corríjalo")


def _page(path: Path) -> Mapping[str, Any]:
    try:
        return document(path)
    except (OSError, UnusableError):
        return {}


def _differ(one: object, other: object) -> bool:
    """Tell whether two files say different instants; not when one says none."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    try:
        return instants.parse_offset(one) != instants.parse_offset(other)
    except ValueError:
        return one != other


def _table(office: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    """Return the path of the one table whose content is called as the office; "" when that is not sure."""
    name = office.get("nombre")
    found = [each["archivo"] for each in _entries(head, "descargas") if each.get("contenido") == name]
    tables = [path for path in found if path.lower().endswith(".csv")]
    return tables[0] if isinstance(name, str) and len(tables) == 1 else ""


def _captured(document: Mapping[str, Any]) -> int | None:
    totals = document.get("totales")
    said = totals.get("actas_capturadas") if isinstance(totals, dict) else None
    return said if isinstance(said, int) else None
