"""Judges the files of inventories before their variables are read: what Ansible would skip, or report in English.

Ansible passes over an inventory that it cannot find or read with a warning, and then runs on nothing; here each such
mistake is a Spanish sentence that names the file and what to do.
"""

from __future__ import annotations

import codecs
import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

import yaml

from corte.format import files
from corte.format.signature import UTF16
from difusor.inventory import folders, groups
from difusor.inventory.folders import EXTENSIONS, VARIABLES
from difusor.inventory.vaults import HEADER, opening
from difusor.project import EMPTY, ROOT, ZEROS, cut, padded

GROUP = "difusores"
REVOCATIONS, REVOKED = "revocations.yml", "difusor_revocations"
"""The file with an inventory's record of revocations, and the variable in it; without one nobody is revoked."""
UNREAD = "_difusor_unread"
"""The variable in which the plugin inventory_files keeps the path of an inventory that it could not read."""
SECRET = re.compile(r"vault_\w+|difusor_rsync_secret")
"""The variables whose values must be encrypted wherever they are written out."""
LINK = re.compile(r"(?:[\w.-]*/)+[\w.-]+\.ya?ml")
"""What is in the file that became of a link to another."""
INTEGER, TEXT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:str"
SHORT = 5
"""A number such as 08 or 0190, which YAML takes for text, has fewer characters."""
Open = Callable[[Path], str]


def refusal(sentences: Iterable[str]) -> str:
    """Return the text that refuses a run for these reasons, a line each."""
    lines = "\n".join(f"- {sentence}{'' if sentence.endswith('?') else '.'}" for sentence in sentences)
    return f"El inventario no se puede usar y nada se tocó en ningún servidor. Corrija:\n{lines}"


def file_faults(sources: Iterable[Path], opened: Open | None = None) -> list[str]:
    """Return a sentence for each thing that keeps the files of these inventories from being read; empty when nothing.

    `opened` returns the text of a vault; without it, vaults are not looked into.
    """
    return [sentence for source in sources for sentence in _of_source(source, opened)]


def election_faults(path: Path) -> list[str]:
    """Return a sentence for each thing that keeps the file of an election from being read as it was meant."""
    return [*_of_file(path, None), *_same_id(path)]


def _of_source(source: Path, opened: Open | None) -> list[str]:
    if unreadable := folders.faults(source):
        return unreadable
    own = [path for path in folders.own_files(source) if path.suffix in folders.SUFFIXES]  # not INI
    found = [fault for path in own for fault in inventory_faults(path, opened)]
    variables = [fault for path in folders.variable_files(source) for fault in _of_file(path, opened)]
    ids = [fault for path in own if path.name == "election.yml" for fault in _same_id(path.resolve())]
    return [*found, *ids, *variables]


def inventory_faults(path: Path, opened: Open | None = None) -> list[str]:
    """Return a sentence for each thing that keeps a YAML file, which can be read, from being an inventory."""
    return list(_of_file(path, opened, is_inventory=True))


def may_name_plugin(path: Path) -> bool:
    """Tell whether a file may name the plugin of Ansible's that reads it: the word is in it, or it is encrypted."""
    try:
        raw = files.small(path)
    except OSError:
        return False
    return b"plugin" in raw or raw.startswith(HEADER)


def _same_id(path: Path) -> Iterator[str]:
    """Yield a sentence when another election of the folder has this one's id: servers would take one for the other."""
    if own := election_id(path):
        for other in sorted(path.parent.glob("[!.]*.yml")):
            if other != path and election_id(other) == own:
                yield f"{path} y {other} tienen el mismo election_id, «{own}»; dele otro a la que sea copia"


def election_id(path: Path) -> str:
    """Return the id that a file gives to an election; empty when it gives none, or one that depends on an inventory."""
    try:
        found = re.search(r"""(?m)^\s+election_id:\s*["']?([^\s"'{#]+)""", files.text(path))
    except (OSError, UnicodeDecodeError):
        return ""
    return found[1] if found else ""


def _of_file(path: Path, opened: Open | None, *, is_inventory: bool = False) -> Iterator[str]:
    try:
        raw = files.small(path)
        vaulted = raw.startswith(HEADER)
        if vaulted and opened is None:
            return
        if raw.startswith(codecs.BOM_UTF8 + HEADER):
            yield f"{path} es una bóveda y empieza con una marca que no se ve (BOM); guárdela en UTF-8 sin ella"
            return
        if not vaulted and b"\0" in raw and not raw.startswith(UTF16):
            yield ZEROS.format(path)
            return
        text = opened(path) if vaulted and opened else raw.decode("utf-8-sig")
    except OSError as error:
        yield folders.unread(path, error)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        yield f"{path}, renglón {line}: no está en UTF-8; guárdelo con esa codificación"
    else:
        yield from _of_text(path, text, True, is_inventory) if vaulted else _of_plain(path, text, is_inventory)


@lru_cache(maxsize=64)  # whoever reads an inventory judges its files before, and two of Ansible's plugins do again
def _of_plain(path: Path, text: str, is_inventory: bool) -> tuple[str, ...]:
    return tuple(_of_text(path, text, False, is_inventory))


def _of_text(path: Path, text: str, vaulted: bool, is_inventory: bool) -> Iterator[str]:
    try:
        documents = list(yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        from difusor.spec import causes, signs  # with what judges calls, which no sound file needs

        if sign := signs.in_yaml(text, error):
            yield f"{path}, renglón {sign[0]}, columna {sign[1]}: {sign[2]}"
        else:
            yield f"{path}{_where(error)}: no es YAML válido: {causes.cause(error)}"
    else:
        yield from _of_content(path, documents, text, vaulted=vaulted, is_inventory=is_inventory)


def _of_content(
    path: Path, documents: list[yaml.Node], text: str, *, vaulted: bool, is_inventory: bool
) -> Iterator[str]:
    is_empty = not documents or documents[0].tag == "tag:yaml.org,2002:null"
    if path.name == REVOCATIONS and not is_inventory and (is_empty or not _says(documents[0], REVOKED)):
        # As a full disk leaves it: whoever was off the list would be on it again, and no message would say so.
        yield f"{path} está vacío o incompleto, y dice si el difusor está fuera de la lista; recupérelo de su copia"
        return
    if is_empty:
        if is_inventory:
            yield f"{path} está vacío; inventories/ejemplo muestra lo que lleva"
        elif not text.strip() and any(part in VARIABLES for part in path.parts):
            yield f"{EMPTY.format(path)}, o bórrelo si nada decía"
        return
    if len(documents) == 1 and isinstance(documents[0], yaml.ScalarNode) and LINK.fullmatch(documents[0].value):
        link = documents[0].value
        yield (
            f"{path} es un archivo que dice «{link}», y debe ser un enlace a él: así lo dejan git y otros programas "
            f"donde no hay enlaces; hágalo en un disco que los tenga: ln -sfn {link} {path}"
        )
        return
    if len(documents) > 1 or not isinstance(documents[0], yaml.MappingNode):
        yield f"{path}: debe ser un solo documento de renglones «nombre: valor»; inventories/ejemplo muestra cómo"
        return
    if path.name != REVOCATIONS and not is_inventory and _says(documents[0], REVOKED, something=True):
        yield f"{path} dice {REVOKED}, que publish no lee ahí: páselo tal cual a {REVOCATIONS}, en la misma carpeta"
        return
    yield from _repeated(path, documents[0])
    yield from _meaningless(path, documents[0])
    yield from _misread(path, documents[0], text, vaulted)
    of_variables = any(part in VARIABLES for part in path.parts)
    if is_inventory:
        yield from groups.faults(path, documents[0])
    elif of_variables:  # an election's file that is read alone is none, and has groups
        yield from groups.of_variables(path, documents[0])
    if of_variables and not vaulted:
        yield from _bare(path, documents[0])


def _says(document: yaml.Node, name: str, *, something: bool = False) -> bool:
    """Tell whether a document is a mapping with a key of this name; with `something`, of more than an empty list."""
    return isinstance(document, yaml.MappingNode) and any(
        key.value == name and not (something and (value.value == [] or value.tag.endswith(":null")))
        for key, value in document.value
    )


def _repeated(path: Path, root: yaml.Node) -> Iterator[str]:
    """Yield a sentence for each key that is there twice in one group, because only its last value would count."""
    waiting, judged = [root], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode) or id(node) in judged:
            continue
        judged.add(id(node))
        waiting += [part for entry in node.value for part in (entry if isinstance(entry, tuple) else [entry])]
        if isinstance(node, yaml.MappingNode):
            yield from _twice(path, node)


@cache
def _of_the_project() -> tuple[str, ...]:
    """Return how the names of variables begin that this project, or Ansible, reads."""
    return ("ansible_", "difusor_", "election_", *(f"{role.name}_" for role in (ROOT / "roles").iterdir()))


def _misread(path: Path, root: yaml.Node, text: str, is_secret: bool) -> Iterator[str]:
    """Yield a sentence for each value of our variables that YAML reads as another one than was meant.

    Numbers with zeros before them are octal to it: those of others may be modes of files, which are meant so, and a
    longer one that is no octal number is a telephone's. A text ends before a #.
    """
    waiting, judged = [(root, False)], set()
    while waiting:
        node, ours = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            if ours and not node.style and (said := _misreading(node, text, is_secret)):
                yield f"{path}, renglón {node.start_mark.line + 1}: {said}"
        elif id(node) not in judged:
            judged.add(id(node))
            for entry in node.value:
                key, value = entry if isinstance(entry, tuple) else (None, entry)
                named = isinstance(key, yaml.ScalarNode) and key.value.startswith(_of_the_project())
                waiting.append((value, ours or named))


def _misreading(node: yaml.ScalarNode, text: str, is_secret: bool) -> str:
    is_text = node.tag == TEXT or not node.value
    number = node.tag == INTEGER or (is_text and len(node.value) < SHORT)
    wrong = padded(node.value) if number and not is_secret else ""
    return wrong or (cut(text, node.end_mark.index, is_secret) if is_text else "")


class _Constructor(yaml.constructor.SafeConstructor):
    """Makes values of YAML with the tags that Ansible knows."""


for tag in ("!vault", "!vault-encrypted"):
    _Constructor.add_constructor(tag, _Constructor.construct_scalar)  # type: ignore[type-var]  # no loader
_Constructor.add_constructor("!unsafe", lambda constructor, node: None)


def _meaningless(path: Path, root: yaml.MappingNode) -> Iterator[str]:
    """Yield a sentence for each entry that is well-formed YAML of which no value can be made, such as a 13th month."""
    for key, value in root.value:
        place = f"{path}, renglón {key.start_mark.line + 1}"
        if key.tag != "tag:yaml.org,2002:str" and key.tag != "tag:yaml.org,2002:merge":
            yield f"{place}: el nombre de una variable o de un grupo es un texto; póngalo entre comillas"
            continue
        try:
            _Constructor().construct_document(yaml.MappingNode(root.tag, [(key, value)]))
        except yaml.YAMLError as error:
            from difusor.spec import causes  # as above

            yield f"{path}{_where(error)}: no se entiende el valor de {key.value}: {causes.cause(error)}"
        except (ValueError, TypeError, OverflowError):
            yield (
                f"{place}: no se entiende el valor de {key.value}; una fecha o un número que no existen van entre "
                "comillas, o se corrigen"
            )


def _twice(path: Path, mapping: yaml.MappingNode) -> Iterator[str]:
    seen: dict[str, int] = {}
    for key, _ in mapping.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            yield f"{path}, renglón {line}: {key.value} ya está en el renglón {seen[key.value]}; deje uno solo"
        seen.setdefault(str(key.value), line)


def _bare(path: Path, mapping: yaml.MappingNode) -> Iterator[str]:
    """Yield a sentence when a file holds a secret in clear text; `!vault` values and references to others are none."""
    secret = path.stem == "vault" or any(
        SECRET.fullmatch(str(key.value)) and value.tag.startswith("tag:yaml.org,2002:") and "{{" not in str(value.value)
        for key, value in mapping.value
    )
    if secret and path.stem == "vault":
        yield f"{path} no está cifrado y contiene secretos; cífrelo: ansible-vault encrypt {opening(path)} {path}"
    elif secret:
        vault = path.with_name("vault.yml")
        yield f"{path} contiene un secreto sin cifrar; páselo a {vault}: ansible-vault edit {opening(path)} {vault}"


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return f", carácter {getattr(error, 'position', 0) + 1}"
    return f", renglón {mark.line + 1}, columna {mark.column + 1}"


def group_faults(sources: Iterable[Path], groups: Mapping[str, Collection[str]]) -> list[str]:
    """Return a sentence for each variable folder without its group or host, and one when no server is in `difusores`.

    `groups` maps the names of all groups that Ansible found in the sources to the names of their hosts.
    """
    hosts = {host for members in groups.values() for host in members}
    known = {"group_vars": {*groups, "all", "ungrouped"}, "host_vars": hosts}
    given = list(sources)
    sentences = [
        f"«{name}» es un servidor y también un grupo: --limit {name} sería para todo el grupo; dele otro nombre a "
        "uno de los dos"
        for name in sorted(hosts & {*groups})
    ]
    for source in given:
        folder = source if source.is_dir() else source.parent
        for name in VARIABLES:
            entries = (folder / name).iterdir() if (folder / name).is_dir() else ()
            for path in sorted(entries):
                kept = not path.name.startswith(".") and (path.is_dir() or path.suffix in EXTENSIONS)
                if kept and path.stem not in known[name] and path.name not in known[name]:
                    sentences.append(_astray(path, sorted(known[name] - {"all", "ungrouped", GROUP})))
    if not groups.get(GROUP) and not sentences:
        names = " ni ".join(map(str, given)) or "el inventario"
        sentences.append(f"{names} no tiene servidores en el grupo {GROUP}; agréguelos en su hosts.yml")
    return sentences


def _astray(path: Path, there: list[str]) -> str:
    what = "ningún grupo" if path.parent.name == "group_vars" else "ningún servidor"
    return (
        f"{path}: {what} de hosts.yml se llama {path.stem}, y nadie leería sus variables; "
        f"use el mismo nombre en los dos (en hosts.yml hay: {', '.join(there) or 'ninguno'})"
    )


def limit_faults(limit: str, groups: Mapping[str, Collection[str]]) -> list[str]:
    """Return a sentence for each name of an Ansible --limit that is no host or group (a pattern: that matches none).

    So it is when all that it admits is outside the group `difusores`, such as a vantage point: Ansible would run
    nowhere, and call that a success.
    """
    names = {*groups, *(host for members in groups.values() for host in members), "all", "localhost"}
    meant = {*groups.get(GROUP, ())}
    reached = {"all", *meant, *(name for name, members in groups.items() if meant & {*members})}
    parts = [part.strip() for part in re.split(r"[,;]|:(?![^\[]*\])", limit) if part.strip("!& ")]
    plain = {part: part.lstrip("!&") for part in parts if part.lstrip("!&")[0] not in "~@"}
    found = {part: fnmatch.filter(names, re.sub(r"\[[\d:-]*\]$", "", each)) for part, each in plain.items()}
    told = {plain[part]: "no es ningún servidor ni grupo del inventario" for part in plain if not found[part]}
    admitted = [part for part in parts if part[0] not in "!&"]
    if not told and admitted and not any(part not in plain or reached & {*found[part]} for part in admitted):
        told = {plain[part]: f"no es del grupo {GROUP}, y no se haría nada" for part in admitted}
    there = ", ".join(sorted(meant))
    return [f"--limit: «{each}» {fault}; sus servidores son: {there}" for each, fault in told.items()]
