"""Whom a verb is for that all difusores of an election need, and who of the same election is left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click
import typer

from difusor.terminal import complain, warn
from difusor.terminal.arguments import elections

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
    """

    inventories: list[Path]
    astray: tuple[str, ...] = ()

    def left_out(self) -> list[str]:
        """Return the names of the other difusores of the same election that are on the list."""
        from difusor.board import rows

        return [folder.name for folder in rows.beside(self.inventories)]


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
        if not (found := rows.folders_of(elections_file.file(name))):
            raise UnusableError(linked.none_of(name))
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    astray = tuple(folder.name for folder in linked.astray())
    if astray:  # one of another election would stop all
        warn(f"no enlazan ninguna elección y {missed}: {', '.join(astray)}; si son de esta, dé cada uno con -i")
    return Chosen(found, astray)
