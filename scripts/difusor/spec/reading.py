"""Reads YAML, which its parser in C does ten times as fast as the one in Python that PyYAML takes by itself.

Of what people write by hand, what YAML would take silently, and could not mean, is refused (`read`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from corte.format import files
from corte.format.errors import why
from difusor.project import EMPTY, ZEROS, UnusableError, cut, padded
from difusor.spec import causes, signs

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of safe values whose parser is in C, where PyYAML was built with it."""


class ReadingError(UnusableError):
    """A file cannot be read as YAML; the message is a Spanish sentence with the file and, where known, the line."""


_NO_NAME = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary")


class _Loader(LOADER):  # type: ignore[misc, valid-type]  # which one it is, is known when it runs
    """Reads YAML; refuses a key that is there twice, of which YAML would take the last, and one that is no name."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag in _NO_NAME:
                raise _Faulty(key, "antes de «:» va un nombre; un texto que empieza con { o con [ va entre comillas")
            if key.value in seen:
                raise _Faulty(key, f"{key.value} ya está en el renglón {seen[key.value]}; deje uno solo")
            seen[str(key.value)] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]  # the stubs' gap

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError):
            said = f"«{node.value}» no es una fecha ni un número que exista; corríjalo, o póngalo entre comillas"
            raise _Faulty(node, said) from None


class _Faulty(Exception):
    """A part of YAML cannot have been meant as it would be read (`args`: line, Spanish clause)."""

    def __init__(self, part: yaml.Node | yaml.Event, said: str) -> None:
        """Take the line of the part, which a parser always gives."""
        super().__init__(part.start_mark.line + 1 if part.start_mark else 1, said)


def values(text: str | bytes) -> Any:
    """Return what a text says, as `yaml.safe_load` does."""
    return yaml.load(text, LOADER)


def read(path: Path) -> Any:
    """Return what a YAML file says; ReadingError says why it cannot be read."""
    try:
        text = files.text(path)
        if wrong := ZEROS if "\0" in text else EMPTY if not text.strip() else "":
            raise ReadingError(wrong.format(path))
        _refuse(text)
        return yaml.load(text, _Loader)
    except UnicodeDecodeError:
        raise ReadingError(f"{path} no está en UTF-8; guárdelo con esa codificación") from None
    except OSError as error:
        raise ReadingError(f"no se puede leer {path}: {why(error)}") from None
    except yaml.YAMLError as error:
        if sign := signs.in_yaml(text, error):
            raise ReadingError(f"{path}, renglón {sign[0]}, columna {sign[1]}: {sign[2]}") from None
        mark = getattr(error, "problem_mark", None)
        where = f": línea {mark.line + 1}, columna {mark.column + 1}" if mark else ""
        raise ReadingError(f"{path} no es YAML{where}: {causes.cause(error)}") from None
    except _Faulty as fault:
        line, said = fault.args
        raise ReadingError(f"{path}, renglón {line}: {said}") from None


def _refuse(text: str) -> None:
    """Raise MarkedYAMLError at the first alias: what it stands for may grow without end.

    _Faulty at a number with zeros before it, and at a text that a # cuts.
    """
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="undefined alias", problem_mark=event.start_mark)  # type: ignore[arg-type]  # the C parser has a class of marks of its own
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and (said := _misreading(event, text)):
            raise _Faulty(event, said)


def _misreading(event: yaml.ScalarEvent, text: str) -> str:
    return padded(event.value) or cut(text, event.end_mark.index if event.end_mark else len(text))
