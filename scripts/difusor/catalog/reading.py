"""Reads a place's catalogue: the institute's own when its home has one of that name, else the project's."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from difusor.catalog.model import Catalog
from difusor.project import UnusableError, home_or_project, yaml_names
from difusor.spec import reading
from difusor.spec.faults import sentence


class CatalogError(UnusableError):
    """A catalogue cannot be used; the message is Spanish, a line for each fault, and names the file and the key."""


def names() -> list[str]:
    """Return the names of all places that have a catalogue, the institute's own among them."""
    return sorted(yaml_names("catalogs"))


def file(place: str) -> Path:
    """Return the file of a place's catalogue, which may not exist."""
    return home_or_project(f"catalogs/{place}.yml")


def load(place: str) -> Catalog:
    """Return a place's catalogue; CatalogError says why it cannot be used."""
    if place not in names():
        raise CatalogError(f"no hay catálogo de «{place}» (catalogs/{place}.yml); los que hay: {', '.join(names())}")
    return _load(file(place))


@cache
def _load(path: Path) -> Catalog:
    try:
        raw = reading.read(path)
    except reading.ReadingError as error:
        raise CatalogError(str(error)) from None
    try:
        # By way of JSON, because only there lists are taken for tuples while texts are not taken for numbers.
        return Catalog.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        faults = [f"{path}: {_place(detail['loc'], raw)}{sentence(detail)}" for detail in error.errors()]
        raise CatalogError("\n".join(faults)) from None


def _place(loc: tuple[int | str, ...], raw: Any) -> str:
    """Return the keys that lead to a fault; an entry of a list is counted from 1, and called by its name or key."""
    words, value = "", raw
    for part in loc:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
        if isinstance(part, int):
            called = value.get("name", value.get("key")) if isinstance(value, dict) else None
            words += f"[{part + 1}]" + (f" («{' '.join(str(called).split())}»)" if called else "")
        else:
            words += f".{part}" if words else part
    return f"{words}: " if words else ""
