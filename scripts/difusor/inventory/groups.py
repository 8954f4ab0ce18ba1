"""Judges the groups that a YAML inventory describes: what Ansible would skip with a warning, or refuse in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from difusor.inventory import logins

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""The name of a variable."""
PARTS = ("hosts", "children", "vars")
PATTERN = re.compile(r"[^\s\[\]]+|([^\s\[\]]*\[(\d*:\d+|[a-z]:[a-z]|[A-Z]:[A-Z])(:\d+)?\][^\s\[\]]*)+")
"""A server's name, or several at once: web[1:3]."""
STR, NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"


def faults(path: Path, root: yaml.MappingNode) -> Iterator[str]:
    """Yield a sentence for each thing in a file of groups, well-formed YAML, that is no group, host or variables.

    A file with `plugin` has no groups: it is the configuration of one of Ansible's inventory plugins.
    """
    if any(key.value == "plugin" for key, _ in root.value):
        return
    found = [fault for key, value in root.value for fault in _of_group(path, key, value, ())]
    yield from found or _of_two_kinds(path, root)


def members(root: yaml.MappingNode) -> Iterator[tuple[str, str]]:
    """Yield (group, member) for each server, and each group, that a file of groups without faults puts into a group."""
    for name, parts in _groups(root):
        for part in (parts[kind] for kind in ("hosts", "children") if kind in parts):
            yield from ((name, str(member.value)) for member, _ in part.value)


def servers(root: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    """Yield (server, its variables) for each server that a file of groups without faults gives variables to."""
    for _, parts in _groups(root):
        hosts = parts["hosts"].value if "hosts" in parts else ()
        yield from ((str(name.value), values) for name, values in hosts if values.tag != NULL)


def variables(root: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    """Yield (group, its variables) for each group that a file of groups without faults gives variables to."""
    yield from ((name, parts["vars"]) for name, parts in _groups(root) if "vars" in parts)


def _groups(root: yaml.MappingNode) -> Iterator[tuple[str, dict[str, yaml.Node]]]:
    """Yield (name, parts that say anything) of each group, wherever in a file of groups without faults it is."""
    waiting: list[yaml.Node] = [] if any(key.value == "plugin" for key, _ in root.value) else [root]
    while waiting:
        for name, group in waiting.pop().value:
            parts = {} if group.tag == NULL else {key.value: part for key, part in group.value if part.tag != NULL}
            yield str(name.value), parts
            waiting += [parts["children"]] if "children" in parts else []


def _of_two_kinds(path: Path, root: yaml.MappingNode) -> Iterator[str]:
    """Yield a sentence for each server with the name of a group; the structure is that of groups."""
    groups, hosts, waiting = set(), [], [root]
    while waiting:
        for name, group in waiting.pop().value:
            groups.add(name.value)
            parts = {} if group.tag == NULL else {key.value: part for key, part in group.value if part.tag != NULL}
            hosts += [each for each, _ in parts["hosts"].value] if "hosts" in parts else []
            waiting += [parts["children"]] if "children" in parts else []
    for host in hosts:
        if host.value in groups:
            yield f"{_place(path, host)}: el servidor {host.value} se llama como un grupo; póngale otro nombre"


def _place(path: Path, node: yaml.Node) -> str:
    return f"{path}, renglón {node.start_mark.line + 1}"


def _of_group(path: Path, name: yaml.Node, group: yaml.Node, around: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with a group and those in it; `around` are the names of the groups that it is in."""
    if name.tag != STR:
        yield f"{_place(path, name)}: el nombre de un grupo es un texto; póngalo entre comillas"
    elif name.value in around:
        yield f"{_place(path, name)}: el grupo {name.value} está dentro de sí mismo; quítelo de ahí"
    elif group.tag == NULL:
        return
    elif not isinstance(group, yaml.MappingNode):
        yield f"{_place(path, name)}: bajo el grupo {name.value} va hosts:, children: o vars:, cada uno en su renglón"
    else:
        for key, part in group.value:
            yield from _of_part(path, key, part, (*around, str(name.value)))


def _of_part(path: Path, key: yaml.Node, part: yaml.Node, around: tuple[str, ...]) -> Iterator[str]:
    if key.value not in PARTS:
        yield f"{_place(path, key)}: en el grupo {around[-1]} no va «{key.value}», sino hosts, children o vars"
    elif part.tag == NULL:
        return
    elif not isinstance(part, yaml.MappingNode):
        yield f"{_place(path, key)}: bajo {key.value} van renglones «nombre:», sin guion, como en inventories/ejemplo"
    elif key.value == "children":
        for name, group in part.value:
            yield from _of_group(path, name, group, around)
    elif key.value == "vars":
        yield from of_variables(path, part)
    elif key.value == "hosts":
        for name, values in part.value:
            yield from _of_host(path, name, values)


def _of_host(path: Path, name: yaml.Node, values: yaml.Node) -> Iterator[str]:
    if name.tag != STR:
        yield f"{_place(path, name)}: el nombre de un servidor es un texto; póngalo entre comillas"
    elif not PATTERN.fullmatch(name.value):
        yield f"{_place(path, name)}: «{name.value}» no es el nombre de un servidor; escriba uno como web1 o web[1:3]"
    elif values.tag != NULL and not isinstance(values, yaml.MappingNode):
        yield f"{_place(path, name)}: bajo {name.value} van renglones como «ansible_host: 203.0.113.10»"
    elif isinstance(values, yaml.MappingNode):
        yield from of_variables(path, values)


def of_variables(path: Path, variables: yaml.MappingNode) -> Iterator[str]:
    """Yield a sentence for each variable that has no name, or with which Ansible could not connect."""
    for name, value in variables.value:
        if name.tag == STR and not NAME.fullmatch(name.value):
            yield f"{_place(path, name)}: {_no_name(str(name.value))}"
        elif fault := logins.fault(str(name.value), value):
            yield f"{_place(path, name)}: {name.value}: {fault}"


def _no_name(said: str) -> str:
    """Return why this is not the name of a variable; with a sign that nobody sees it is another one than it seems."""
    from difusor.spec import signs  # with what judges calls, which no sound file needs

    form = "lleva solo letras sin acento, cifras y _, y no empieza con una cifra"
    return f"«{signs.shown(said)}» no es el nombre de una variable: {signs.in_value(said.replace(' ', '')) or form}"
