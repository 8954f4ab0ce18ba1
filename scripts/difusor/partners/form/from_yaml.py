"""Reads a form in YAML: texts only, each key once, without anchors, tags or depth, whatever the file says."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import yaml

from difusor.partners.form.items import SECRET, Received, Remark, keys
from difusor.spec.causes import CAUSES
from difusor.terminal import plain

DEEPEST = 2
MOST_NODES = 400
SHOWN = 60
"""Characters of what YAML does not read, as far as they are told."""
LARGEST = 64 << 10  # bytes; the empty form has four thousand


def read(content: bytes) -> Received:
    """Return what the form says; ValueError, whose text is a Spanish sentence without full stop, when it is none."""
    if len(content) > LARGEST:
        raise ValueError(f"mide más de {LARGEST >> 10} kB; un formato nunca mide tanto. Pídalo otra vez")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("no es texto en UTF-8; guárdelo otra vez con esa codificación, o pida el .xlsx") from None
    try:
        _refuse_tricks(text)
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        raise ValueError(_cause(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ValueError(f"renglón {line}: hay un carácter de control; bórrelo") from None
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("no es el formato: no tiene renglones como «nombre: …»; escríbalo con ./difusor form")
    return _collected(root, text)


def _refuse_tricks(text: str) -> None:
    """Raise ValueError for what no form needs and a hostile one does: before anything is built of it."""
    depth = -1
    for count, event in enumerate(yaml.parse(text, Loader=yaml.BaseLoader)):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError(
                f"renglón {line}: lleva un ancla o alias de YAML («&», «*»); un texto así va entre comillas"
            )
        if getattr(event, "tag", None):
            raise ValueError(f"renglón {line}: lleva una etiqueta de YAML («!»); un texto así va entre comillas")
        if isinstance(event, yaml.DocumentStartEvent) and count > 1:
            raise ValueError(f"renglón {line}: comienza un segundo documento («---»); deje solo un formato")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth >= DEEPEST or count > MOST_NODES:
            raise ValueError(f"renglón {line}: no tiene la forma del formato; cópielo otra vez con ./difusor form")


def _cause(error: yaml.MarkedYAMLError) -> str:
    """Return what is wrong, without the line's text: it may be that of a password."""
    mark = error.problem_mark or error.context_mark
    problem = f"{error.context} {error.problem}"
    cause = next(
        (told for said, told in CAUSES.items() if said in problem), "no es YAML; ponga el texto entre comillas"
    )
    return f"renglón {mark.line + 1 if mark else 1}: {cause}"


def _collected(root: yaml.MappingNode, text: str) -> Received:
    values: dict[str, str] = {}
    places: dict[str, str] = {}
    findings: list[Remark] = []
    for key, place, node in _leaves(root):
        if key in places:
            findings.append(Remark(key, place, "está dos veces; deje una sola"))
        elif key not in keys():
            findings.append(Remark(key, place, _unknown(key)))
        elif isinstance(node, yaml.ScalarNode) and key != SECRET and (lost := _lost(node, text)):
            told = f"tras un espacio y «#» no se lee nada: «{lost}»; ponga el dato entre comillas, o quite eso"
            findings.append(Remark(key, place, told))
        elif isinstance(node, yaml.ScalarNode):
            values[key] = "" if node.style is None and node.value in ("~", "null") else node.value
        elif key != SECRET:
            findings.append(Remark(key, place, "debe ser un texto, y es una lista o un grupo"))
        else:
            values[key] = "?"  # received, and dropped as any other
        places[key] = place
    for key in keys():
        places.setdefault(key, f"{key} ({keys()[key].number}. {keys()[key].title})")
    return Received(values, places, findings)


def _lost(node: yaml.ScalarNode, text: str) -> str:
    """Return what stands behind a value that has no quotes and is a comment to YAML: «Diario #1» would be «Diario»."""
    if node.style is not None:
        return ""
    behind = text[node.end_mark.index :].partition("\n")[0].strip()
    return plain(behind, SHOWN) if behind.startswith("#") else ""


def _leaves(root: yaml.MappingNode) -> Iterator[tuple[str, str, yaml.Node]]:
    """Yield (key, place, node) of each line; those of a part have its name before theirs."""
    parts = {key.partition(".")[0] for key in keys() if "." in key}
    for name, node in root.value:
        key = _named(name)
        if key in parts and isinstance(node, yaml.MappingNode):
            for inner, value in node.value:
                whole = f"{key}.{_named(inner)}"
                yield whole, _place(whole, inner), value
        elif not (key in parts and isinstance(node, yaml.ScalarNode) and not node.value):
            yield key, _place(key, name), node


def _named(node: yaml.Node) -> str:
    return node.value[:60] if isinstance(node, yaml.ScalarNode) else "?"


def _place(key: str, node: yaml.Node) -> str:
    known: Mapping[str, object] = keys()
    title = f" ({keys()[key].number}. {keys()[key].title})" if key in known else ""
    return f"{key}{title}, renglón {node.start_mark.line + 1}"


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, keys(), n=1)
    return f"no es un dato del formato; {f'¿quiso decir {near[0]}?' if near else 'quítelo'}"
