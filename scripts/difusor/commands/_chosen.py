"""Whom a verb is for that all difusores of an election need, and who of the same election is left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click
import typer

from difusor.terminal import complain, warn
from difusor.terminal.arguments import MaybeDifusores, elections

OfElection = Annotated[
    str | None,
    typer.Option(
        "--election", metavar="ELECCIÓN", autocompletion=elections, help="En vez de -i: todos los difusores de esta."
    ),
]


@dataclass(frozen=True)
class Chosen:
    """The inventories that are meant.

    `astray`: the names of those that may be meant too, for all that anybody can say: they link no election.
    `rehearsing`: the names of those that are meant, and kept away by a link to a rehearsal.
    """

    inventories: list[Path]
    astray: tuple[str, ...] = ()
    rehearsing: tuple[str, ...] = ()

    def left_out(self) -> list[str]:
        """Return the names of the other difusores of the same election that are on the list."""
        from difusor.board import rows

        return [folder.name for folder in rows.beside(self.inventories)]

    def tell_left_out(self, missed: str) -> None:
        """Print who they are, if there are any; `missed` says what they miss."""
        if names := self.left_out():
            told = f"son de la misma elección y {missed}: {', '.join(names)}"
            warn(f"{told}; si también es para ellos, repita con --election en vez de -i")


def chosen(inventory: list[Path] | None, election: str | None, missed: str) -> Chosen:
    """Return the inventories that are given, or all that link an election's file; the verb ends where there are none.

    `missed` says what those miss that link no election, as «no se les envía».
    """
    from difusor.board import rows
    from difusor.inventory import linked
    from difusor.partners import election as elections_file
    from difusor.project import UnusableError

    if bool(inventory) == bool(election):
        raise click.UsageError("Dé -i o --election, no ambas ni ninguna.")
    if inventory:
        return Chosen(inventory)
    try:
        name = elections_file.chosen(election)
        away = rows.rehearsing(elections_file.file(name))
        if away:
            links = ", ".join(f"{folder.name} ({linked.election_of(folder)})" for folder in away)
            told = f"se inscribieron en esta elección, enlazan un simulacro y {missed}: {links}"
            warn(f"{told}; cómo enlazarlos de vuelta lo dice ./difusor status --election {name}")
        if not (found := rows.folders_of(elections_file.file(name))):
            raise UnusableError(linked.none_of(name))
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    astray = tuple(folder.name for folder in linked.astray())
    if astray:  # one of another election would stop all
        warn(f"no enlazan ninguna elección y {missed}: {', '.join(astray)}; si son de esta, dé cada uno con -i")
    return Chosen(found, astray, tuple(folder.name for folder in away))


def for_lists(inventory: MaybeDifusores = None, election: OfElection = None) -> list[Path]:
    """Return the inventories for a verb that installs lists of an election, and tell whom it does not touch.

    With --election whoever is off the list is not touched: that server lets nobody in any more, and one that cannot be
    reached may stop the run for all.
    """
    from difusor.board import rows

    missed = "esta corrida no los toca"
    given = chosen(inventory, election, missed)
    if inventory:
        given.tell_left_out(missed)
        return given.inventories
    off = [folder for folder in given.inventories if rows.is_off(folder)]
    if off:
        warn(f"están fuera de la lista y {missed}: {', '.join(folder.name for folder in off)}")
    if len(off) == len(given.inventories):
        complain(f"no queda ningún difusor de {election}; si debe ser para uno de ellos, délo con -i")
        raise typer.Exit(1)
    return [folder for folder in given.inventories if folder not in off]
