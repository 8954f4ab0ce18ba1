"""Reads YAML, which its parser in C does ten times as fast as the one in Python that PyYAML takes by itself.

Of what people write by hand, what YAML would take silently, and could not mean, is refused (`read`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from corte.format.errors import why
from difusor.project import UnusableError

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of safe values whose parser is in C, where PyYAML was built with it."""


class ReadingError(UnusableError):
    """A file cannot be read as YAML; the message is a Spanish sentence with the file and, where known, the line."""


class _Loader(LOADER):  # type: ignore[misc, valid-type]  # which one it is, is known when it runs
    """Reads YAML; refuses a key that is there twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise _Repeated(line, str(key.value), seen[key.value])
            seen[str(key.value)] = line
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]  # the stubs' gap


class _Repeated(Exception):
    """A key (`args`: line, key, earlier line) is there twice."""


def values(text: str | bytes) -> Any:
    """Return what a text says, as `yaml.safe_load` does."""
    return yaml.load(text, LOADER)


def read(path: Path) -> Any:
    """Return what a YAML file says; ReadingError says why it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_aliases(text)
        return yaml.load(text, _Loader)
    except UnicodeDecodeError:
        raise ReadingError(f"{path} no está en UTF-8; guárdelo con esa codificación") from None
    except OSError as error:
        raise ReadingError(f"no se puede leer {path}: {why(error)}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f": línea {mark.line + 1}, columna {mark.column + 1}" if mark else ""
        raise ReadingError(f"{path} no es YAML{where}") from None
    except _Repeated as twice:
        line, key, before = twice.args
        raise ReadingError(f"{path}, renglón {line}: {key} ya está en el renglón {before}; deje uno solo") from None


def _refuse_aliases(text: str) -> None:
    """Raise MarkedYAMLError at the first alias: what it stands for may grow without end."""
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem_mark=event.start_mark)  # type: ignore[arg-type]  # the C parser has a class of marks of its own
