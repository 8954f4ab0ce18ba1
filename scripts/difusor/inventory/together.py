"""Judges inventories that one run names together: Ansible mixes them, and takes the last one's where two differ.

An election's variables are of the group `all`, so the servers of one inventory would get the election of another.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from difusor.inventory import folders, groups
from difusor.inventory.sources import GROUP, election_id
from difusor.inventory.vaults import HEADER


def faults(sources: Iterable[Path]) -> list[str]:
    """Return a sentence for each thing that keeps these inventories, whose files can be read, from one run."""
    files: dict[Path, list[Path]] = {}
    for source in sources:  # one that is named twice, or by several of its files, is one inventory
        folder = source if source.is_dir() else source.parent
        files.setdefault(folder.resolve(), []).extend(folders.own_files(source))
    if len(files) < 2:
        return []
    return [*_elections(files.values()), *_names(files.values())]


def _elections(inventories: Iterable[list[Path]]) -> Iterator[str]:
    """Yield a sentence when these inventories, by their files, are not all of one election."""
    of_elections = ([path for path in files if _is_election(path)] for files in inventories)
    different = {tuple(path.read_bytes() for path in sorted({*paths})): paths[0] for paths in of_elections if paths}
    if len(different) > 1:
        first, second, *_ = different.values()
        ids = [f"«{each}»" for each in (election_id(first), election_id(second)) if each]
        named = f" ({' y '.join(ids)})" if len({*ids}) > 1 else ""
        yield (
            f"{first} y {second} no dicen la misma elección{named}, y todos los servidores recibirían la de uno solo; "
            "haga una corrida para cada elección"
        )


def _is_election(path: Path) -> bool:
    return path.name == "election.yml" or bool(election_id(path))


def _names(inventories: Iterable[list[Path]]) -> Iterator[str]:
    """Yield a sentence for each server, or group of them, that two of these inventories, by their files, describe."""
    members = [(files[0].parent, _members(files)) for files in inventories]
    for (one, names), (other, others) in itertools.combinations(members, 2):
        for name in sorted(names & others):
            yield (
                f"«{name}» está en {one} y en {other}, y uno tomaría las variables del otro; haga una corrida para "
                "cada uno, o dele otro nombre en uno de los dos (en hosts.yml y en group_vars)"
            )


def _members(files: Iterable[Path]) -> set[str]:
    """Return the names of the servers in the group `difusores`, and of the groups in it."""
    described = [each for path in files if path.suffix in folders.SUFFIXES for each in _described(path)]
    found = {GROUP}
    while more := {name for group, name in described if group in found} - found:
        found |= more
    return found - {GROUP}


def _described(path: Path) -> Iterator[tuple[str, str]]:
    raw = path.read_bytes()
    if not raw.startswith(HEADER):
        root = yaml.compose(raw.decode("utf-8-sig"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if isinstance(root, yaml.MappingNode):
            yield from groups.members(root)
