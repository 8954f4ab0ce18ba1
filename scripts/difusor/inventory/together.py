"""Judges inventories that one run names together: Ansible mixes them, and takes the last one's where two differ.

An election's variables are of the group `all`, so the servers of one inventory would get the election of another, and
so it is with whatever else one inventory says of a group that both have.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import yaml

from corte.format.files import small
from difusor.inventory import doubles, folders, groups
from difusor.inventory.addresses import shortest
from difusor.inventory.sources import GROUP, election_id
from difusor.inventory.vaults import HEADER

SHARED = ("all", GROUP)
"""The groups that the servers of all inventories are in."""

ADDRESS, PORT, CONNECTION = "ansible_host", "ansible_port", "ansible_connection"
USER = "ansible_user"
OTHERS = {ADDRESS: "ansible_ssh_host", PORT: "ansible_ssh_port", USER: "ansible_ssh_user"}
"""Older names of the same."""
OPTIONS = (
    "ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_executable",
    "ansible_paramiko_proxy_command",
)  # fmt: skip
WAY = (ADDRESS, PORT, CONNECTION, USER, *OTHERS.values(), *OPTIONS)
"""The variables that say where a server is: behind an address there may be several, at other ports or by jump hosts."""
GATEWAY = frozenset("@%+:")
"""Signs in a user name that say to which of the servers behind a gateway a login leads, as in user%server."""
SSH = ("", "ssh", "smart", "paramiko", "paramiko_ssh")

type Said = dict[tuple[str, str], tuple[str, Path]]
"""The value of each variable of a group, and the file that says it; a whole vault stands for its variables."""


def faults(sources: Iterable[Path]) -> list[str]:
    """Return a sentence for each thing that keeps these inventories, whose files can be read, from one run."""
    files: dict[Path, list[Path]] = {}
    for source in sources:  # one that is named twice, or by several of its files, is one inventory
        folder = source if source.is_dir() else source.parent
        files.setdefault(folder.resolve(), []).extend(folders.own_files(source))
    if len(files) < 2:
        return []
    judges = (_elections, _names, _servers, _shared)
    return [sentence for judge in judges for sentence in judge(files.values())]


def servers(sources: Iterable[Path]) -> set[tuple[str, str]]:
    """Return (name, address) of each server of these inventories' folders, as far as their files say it plainly.

    Ansible is not asked, so it takes no time. Of files in which anything is wrong nothing is known.
    """
    found: set[tuple[str, str]] = set()
    for folder in sources:
        with suppress(Exception):  # nobody has looked at these files, and whoever asks has a corte to deliver
            if files := folders.own_files(folder):
                found |= {(name, way[0]) for name, way in _ways(files)}
    return found


def _elections(inventories: Iterable[list[Path]]) -> Iterator[str]:
    """Yield a sentence when these inventories, by their files, are not all of one election."""
    of_elections = ([path for path in files if _is_election(path)] for files in inventories)
    different = {tuple(small(path) for path in sorted({*paths})): paths[0] for paths in of_elections if paths}
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


def _servers(inventories: Iterable[list[Path]]) -> Iterator[str]:
    """Yield a sentence for each server that two of these inventories, by their files, call by different names.

    As when one was made anew for an outlet and the old one stayed: both would set the server up, at the same time.
    """
    found: dict[tuple[str, ...], tuple[str, Path]] = {}
    for own in inventories:
        folder = own[0].parent
        for name, way in _ways(own):
            other, where = found.setdefault(way, (name, folder))
            if where != folder and other != name:
                yield (
                    f"«{other}» de {where} y «{name}» de {folder} son el mismo servidor (ansible_host: {way[0]}, "
                    f"puerto {way[1]}), y los dos lo cambiarían a la vez; corrija esa dirección en hosts.yml o, si uno "
                    "de los dos inventarios ya no vale, corra solo el otro y saque aquel de inventories/"
                )


def _ways(files: list[Path]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (name, where it is) of each server in the group `difusores` of an inventory, by its files.

    Nothing is known of one of which its files say it in several ways, or by an expression.
    """
    roots = [doubles.root(path) for path in files if path.suffix in folders.SUFFIXES and not _is_election(path)]
    described = [each for root in roots if root for each in groups.members(root)]
    said = _said_of_ways(files[0].parent, [root for root in roots if root])
    for name in sorted(_within(described) - {group for group, _ in described}):
        around = {"all"}
        while more := {group for group, member in described if member in {name, *around}} - around:
            around |= more
        values = [said[name, each] or set().union(*(said[group, each] for group in around)) for each in WAY]
        if all(len(each) <= 1 for each in values):
            yield from _plain(name, dict(zip(WAY, ["".join(each) for each in values], strict=True)))


def _plain(name: str, said: dict[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name and where it is, unless somebody else than ssh knows that."""
    address = shortest(said[ADDRESS] or said[OTHERS[ADDRESS]] or name)
    if said[CONNECTION] in SSH and not {"{", "["} & set("".join([address, *said.values()])):
        user = said[USER] or said[OTHERS[USER]]
        behind = user if GATEWAY & set(user) else ""
        yield name, (address, said[PORT] or said[OTHERS[PORT]] or "22", behind, *(said[each] for each in OPTIONS))


def _said_of_ways(folder: Path, roots: Iterable[yaml.MappingNode]) -> dict[tuple[str, str], set[str]]:
    """Return what an inventory says of each server or group and each variable of WAY."""
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    given = [each for root in roots for each in (*groups.variables(root), *groups.servers(root))]
    for path in folders.variable_files(folder):
        if b"ansible_" in small(path) and (root := doubles.root(path)):
            _, name, *inside = path.relative_to(folder).parts
            given.append((name if inside or path.suffix not in folders.SUFFIXES else path.stem, root))
    for whose, variables in given:
        for name, value in variables.value:
            if name.value in WAY:
                is_text = isinstance(value, yaml.ScalarNode) and value.tag.startswith("tag:yaml.org,2002:")
                said[whose, str(name.value)].add(str(value.value) if is_text else "{{")
    return said


def _shared(inventories: Iterable[list[Path]]) -> Iterator[str]:
    """Yield a sentence for each of these inventories, by their files, whose variables the servers of others would get.

    What all of them say alike does no harm. An inventory without servers is there for those of the others.
    """
    said = [(files[0].parent, _of_all(files)) for files in inventories if _members(files)]
    for folder, own in said:
        others = [(other, values) for other, values in said if other != folder]
        for key, (content, path) in own.items():
            if lacking := next((other for other, values in others if values.get(key, ("",))[0] != content), None):
                hidden = " (cifradas, y solo una copia del mismo texto cifrado cuenta como igual)" * _is_hidden(content)
                yield (
                    f"{path} da variables a todos los servidores de la corrida, también a los de {lacking}{hidden}; "
                    "páselas a group_vars, con el nombre de su difusor, o haga una corrida para cada uno"
                )
                break


def _of_all(own: list[Path]) -> Said:
    """Return what an inventory, by its files, says of SHARED groups in the end; but not its election."""
    found: Said = {}
    for path in own:
        root = doubles.root(path) if path.suffix in folders.SUFFIXES and not _is_election(path) else None
        said = groups.variables(root) if root else ()
        for group, values in said:
            found |= _values(group, values, path) if group in SHARED else {}
    folder = own[0].parent
    for path in folders.variable_files(folder):
        kind, group = path.relative_to(folder).parts[:2]
        if kind != "group_vars" or (name := Path(group).stem) not in SHARED:
            continue
        if doubles.is_vault(path):
            text = small(path).decode()
            found[name, text] = text, path
        elif root := doubles.root(path):
            found |= _values(name, root, path)
    return found


def _values(group: str, variables: yaml.Node, path: Path) -> Said:
    """Return what a file says of a group, however it is written: in whatever order, with whatever quotes."""
    return {(group, str(name.value)): (yaml.serialize(value, canonical=True), path) for name, value in variables.value}


def _is_hidden(content: str) -> bool:
    """Tell whether a vault, or a value that is one, says something: the same text is another one in each of them."""
    return HEADER.decode() in content


def _members(own: Iterable[Path]) -> set[str]:
    """Return the names of the servers in the group `difusores`, and of the groups in it."""
    return _within([each for path in own if path.suffix in folders.SUFFIXES for each in _described(path)])


def _within(described: Collection[tuple[str, str]]) -> set[str]:
    """Return who is in the group `difusores`, or in a group in it, by these pairs of group and member."""
    found = {GROUP}
    while more := {name for group, name in described if group in found} - found:
        found |= more
    return found - {GROUP}


def _described(path: Path) -> Iterator[tuple[str, str]]:
    if root := doubles.root(path):
        yield from groups.members(root)
