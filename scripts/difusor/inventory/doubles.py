"""Finds what a file of an inventory and its copy say both: Ansible takes what one says, and passes over the other.

Synchronising programs, editors and file managers leave such copies, and call them as they like: the name of one is in
that of the other (main.yml, main-DESKTOP-7A2B.yml). Other files may say the same, and Ansible has an order for that.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from corte.format import files
from difusor.inventory import folders, groups
from difusor.inventory.sources import election_id
from difusor.inventory.vaults import HEADER

SHOWN = 3
"""So many of the names that two files share are told."""
COPY = (
    "si uno es copia (las dejan los programas que sincronizan carpetas, los editores y los de archivos), pase al "
    "original lo que le falte y bórrela; si no, dele otro nombre"
)


def faults(source: Path, opened: Callable[[Path], str] | None = None) -> Iterator[str]:
    """Yield a sentence for each file of an inventory source and its copy; each by itself has no faults.

    `opened` returns the text of a vault; without it, vaults are not looked into.
    """
    # The election's file may name a vantage point for all inventories that one of them names too.
    own = [path for path in folders.own_files(source) if path.suffix in folders.SUFFIXES]
    yield from _of_elections(own)
    yield from _of_hosts([path for path in own if path.name != "election.yml"])
    files: dict[tuple[str, str], list[Path]] = defaultdict(list)
    folder = source if source.is_dir() else source.parent
    for path in folders.variable_files(source):
        kind, name, *inside = path.relative_to(folder).parts
        files[kind, name if inside else name.removesuffix(path.suffix)].append(path)
    for together in files.values():
        if len(together) > 1:
            yield from _of_variables({path: root(path, opened) for path in together})


def root(path: Path, opened: Callable[[Path], str] | None = None) -> yaml.MappingNode | None:
    """Return what a YAML file without faults describes; None for an empty one, and for a vault that stays shut."""
    if not is_vault(path):
        text = files.text(path, "utf-8-sig")
    elif opened:
        text = opened(path)
    else:
        return None
    found = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found if isinstance(found, yaml.MappingNode) else None


def is_vault(path: Path) -> bool:
    """Tell whether a whole file is encrypted."""
    return files.small(path).startswith(HEADER)


def _of_elections(paths: list[Path]) -> Iterator[str]:
    """Yield a sentence when two files of groups say which election the inventory is of."""
    if len(found := [path for path in paths if election_id(path)]) > 1:
        yield f"{found[0]} y {found[1]} dicen los dos de qué elección es; deje uno solo; {COPY}"


def _is_copied(one: Path, other: Path) -> bool:
    """Tell whether the name of one file is in that of the other, as in that of a copy."""
    names = one.stem.casefold(), other.stem.casefold()
    return names[0] in names[1] or names[1] in names[0]


def _of_variables(roots: dict[Path, yaml.MappingNode | None]) -> Iterator[str]:
    """Yield a sentence for each file of a group or server, and its copy, that set the same variable."""
    names = {path: [str(key.value) for key, _ in found.value] for path, found in roots.items() if found}
    for one, other in itertools.combinations(names, 2):
        shared = [name for name in names[one] if name in names[other]]
        if shared and _is_copied(one, other):
            more = f" y {len(shared) - SHOWN} más" if len(shared) > SHOWN else ""
            said = f"{', '.join(shared[:SHOWN])}{more}"
            yield f"{one} y {other} dicen los dos {said}, y Ansible tomaría lo de uno solo; déjelo en uno; {COPY}"


def _of_hosts(paths: list[Path]) -> Iterator[str]:
    """Yield a sentence for each file of groups, and its copy, that put the same server or group into the same group."""
    described = {path: dict.fromkeys(groups.members(found)) for path in paths if (found := root(path))}
    for one, other in itertools.combinations(described, 2):
        shared = [each for each in described[one] if each in described[other] and each[0] not in ("all", "ungrouped")]
        if shared and _is_copied(one, other):
            group, member = shared[0]
            yield f"{one} y {other} ponen los dos a {member} en el grupo {group}; déjelo en uno; {COPY}"
