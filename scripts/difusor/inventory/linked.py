"""Tells which election of the home an inventory links; of one that links none nobody can say whose it is: it is astray.

A copy of an election's file does not change with it, and a home that was copied without its links is full of them.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from difusor.inventory import folders
from difusor.inventory.sources import election_id
from difusor.project import given, home, inventories

NAME = "election.yml"
UNLINKED = "su election.yml falta, es una copia o no lleva a ninguna elección"
_COPIED = "pase a su elección lo que solo diga la copia, si lo es, y enlácela"


def election_file(folder: Path) -> Path | None:
    """Return the file of the home's elections to which an inventory's election.yml leads, links resolved; else None.

    None too for a copy of that file: the copy does not change with the election, and nobody can say whose it is.
    """
    found = _real(folder / NAME)
    return found if any(found == _real(each) for each in _elections()) else None


def election_of(folder: Path) -> str:
    """Return the name of an inventory's election; empty when its link does not lead to one of the home."""
    if (found := election_file(folder)) is None:
        return ""
    linked = Path(os.readlink(folder / NAME)).stem
    names = [each.stem for each in _elections() if _real(each) == found]
    return linked if linked in names else names[0]


def is_of(folder: Path, election: str) -> bool:
    """Tell whether an inventory is of the election of this name."""
    return election_file(folder) == _real(home() / f"elections/{election}.yml")


def astray() -> list[Path]:
    """Return the home's inventories of which nobody can say to which election they belong."""
    return [folder for folder in inventories() if election_file(folder) is None]


def is_astray(source: Path) -> bool:
    """Tell whether an inventory, given by its folder or a file in it, is one of `astray`.

    One from elsewhere is none: it says its election by itself.
    """
    folder = _folder(source)
    return _real(folder.parent) == _real(home() / "inventories") and election_file(folder) is None


def remedy(source: Path, election: str = "ELECCIÓN") -> str:
    """Return what gives an inventory the link to its election; the command works in any folder, and replaces a copy."""
    return f"{_COPIED}: {linking(source, election)}"


def linking(source: Path, election: str) -> str:
    """Return the command that links an inventory to an election of the home; it works in any folder."""
    return _linking(shlex.quote(str(_folder(source))), election)


def linking_any(election: str) -> str:
    """Return the command that links any difusor's inventory of the home, DIFUSOR, to an election of it."""
    return _linking(f"{shlex.quote(str(home()))}/inventories/DIFUSOR", election)


def back(source: Path, election: str) -> str:
    """Return the commands that give a difusor back to an election once its rehearsal is over."""
    return f"{linking(source, election)}; ./difusor apply -i {given(source)}"


def of_rehearsal(source: Path, election: str) -> str:
    """Return what is wrong with an inventory whose difusor enrolled in an election, and which links a rehearsal."""
    told = f"se inscribió en {election}, y su {NAME} enlaza un simulacro ({election_of(source)})"
    return f"{told}; si ya terminó: {back(source, election)}"


def of_nobody(source: Path) -> str:
    """Return what is wrong with an inventory of which nobody can say to which election it belongs."""
    return f"{UNLINKED}; {remedy(source)}"


def none_of(election: str) -> str:
    """Return, as a sentence, that no inventory links an election, and what is wrong with those that link none."""
    told = f"ningún inventario es de {election}"
    if not (found := astray()):
        return f"{told}; diga cuáles con -i"
    names = ", ".join(folder.name for folder in found)
    told += f", y de estos no se sabe de cuál son: {names}"
    return f"{told}. De cada uno, {UNLINKED}; {_COPIED}: {linking_any(election)}"


def copies(sources: Iterable[Path]) -> list[str]:
    """Return a sentence for each of these inventories whose election is one of the home's by its id, but not by a link.

    Whoever changes that election means these servers too, and they would get what the inventory's own file says.
    """
    of_home = {found: path for path in _elections() if (found := election_id(path))}
    told: dict[str, None] = {}
    for source in sources:
        own = _folder(source) / NAME
        is_read = any(each.name == NAME for each in folders.own_files(source))
        if is_read and is_astray(source) and (meant := of_home.get(election_id(own))):
            sentence = (
                f"{own} no es un enlace a {meant} y tiene su mismo election_id: lo que se cambie ahí no llegaría a los "
                "servidores (al copiar una carpeta sin sus enlaces quedan copias); pase ahí lo que solo diga la copia, "
                f"y enlácela: ln -sfn ../../elections/{meant.name} {own}"
            )
            told[sentence] = None
    return list(told)


def _linking(folder: str, election: str) -> str:
    return f"ln -sfn ../../elections/{election}.yml {folder}/{NAME}"


def _folder(source: Path) -> Path:
    return Path(os.path.abspath(source if source.is_dir() else source.parent))


def _elections() -> list[Path]:
    return [path for path in sorted((home() / "elections").glob("[!.]*.yml")) if path.is_file()]


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
