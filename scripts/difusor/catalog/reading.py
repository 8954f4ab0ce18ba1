"""Reads a place's catalogue: the institute's own when its home has one of that name, else the project's."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from difusor.catalog.model import Catalog
from difusor.project import ROOT, UnusableError, home, own
from difusor.spec.clauses import unreadable
from difusor.spec.faults import sentence


class CatalogError(UnusableError):
    """A catalogue cannot be used; the message is Spanish, a line for each fault, and names the file and the key."""


class _Loader(yaml.SafeLoader):
    """Reads YAML; refuses aliases, which may grow, and a key that is there twice, of which YAML would take the last."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs' gap
            raise yaml.MarkedYAMLError(problem_mark=alias.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise _Repeated(line, str(key.value), seen[key.value])
            seen[str(key.value)] = line
        return super().construct_mapping(node, deep)


class _Repeated(Exception):
    """A key (`args`: line, key, earlier line) is there twice."""


def names() -> list[str]:
    """Return the names of all places that have a catalogue, the institute's own among them."""
    folders = {home() / "catalogs", ROOT / "catalogs"}
    return sorted({path.stem for folder in folders for path in folder.glob("[!.]*.yml")})


def file(place: str) -> Path:
    """Return the file of a place's catalogue, which may not exist."""
    return own(f"catalogs/{place}.yml")


def load(place: str) -> Catalog:
    """Return a place's catalogue; CatalogError says why it cannot be used."""
    if place not in names():
        raise CatalogError(f"no hay catálogo de «{place}» (catalogs/{place}.yml); los que hay: {', '.join(names())}")
    return _load(file(place))


@cache
def _load(path: Path) -> Catalog:
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except UnicodeDecodeError:
        raise CatalogError(f"{path} no está en UTF-8; guárdelo con esa codificación") from None
    except (OSError, yaml.YAMLError) as error:
        raise CatalogError(unreadable(path, error)) from None
    except _Repeated as twice:
        line, key, before = twice.args
        raise CatalogError(f"{path}, renglón {line}: {key} ya está en el renglón {before}; deje uno solo") from None
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
            words += f"[{part + 1}]" + (f" («{called}»)" if called else "")
        else:
            words += f".{part}" if words else part
    return f"{words}: " if words else ""
