"""`difusor status`: the board of deadlines, from what is recorded on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from difusor.project import from_project
from difusor.terminal import complain, json_text, printable, results, table, warn
from difusor.terminal.arguments import Json, elections

if TYPE_CHECKING:
    from difusor.board.rows import Board

MARKS = {
    "hecho": "[green]✓[/]", "exceptuado": "[green]e[/]", "falta": "[dim]·[/]", "vencido": "[bold red]✗[/]",
    "no cumple": "[bold red]✗[/]",
}  # fmt: skip


def run(
    election: Annotated[
        str | None, typer.Option(metavar="ELECCIÓN", autocompletion=elections, help="Cuál; si hay una sola, esa.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="ARCHIVO", dir_okay=False, resolve_path=True, help="También como página.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Muestra qué falta de cada difusor, para cuándo, quién debe hacerlo y a quién llamar.

    Sale de lo registrado en esta máquina; no consulta ningún servidor. Termina con 1 si algo está vencido o no cumple,
    salvo de quien está fuera de la lista.
    """
    from corte.format import instants
    from difusor.board import page, rows
    from difusor.inventory import load_election
    from difusor.partners import election as files
    from difusor.project import UnusableError, write

    try:
        path = files.file(files.chosen(election))
        board = rows.board(load_election(path), rows.folders_of(path), instants.now(), rows.away(path))
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    if html:
        write(html, page.html(board))
    if as_json:
        typer.echo(json_text(board.model_dump(mode="json")))
    else:
        show(board, html)
    raise typer.Exit(int(any(row.is_behind for row in board.rows)))


def show(board: Board, html: Path | None) -> None:
    """Print the board, and where it is as a page."""
    from difusor.board.page import left
    from difusor.inventory.linked import of_nobody
    from difusor.project import home

    zone = ZoneInfo(board.timezone)
    columns = table("Difusor", "Avance", "Sigue", "Llame a", "Plazo", title=printable(board.name))
    columns.columns[1].no_wrap = True
    for row in board.rows:
        marks = "".join(MARKS[step.state] for step in row.steps)
        follows = f"{row.actor}: {row.action}" if row.action else row.revoked or "nada pendiente"
        until = left(row) if row.action else ""
        columns.add_row(printable(row.name), marks, printable(follows, zone), printable(row.call), until)
    results.print(columns)
    results.print(f"[dim]Avance: {', '.join(title.lower() for title, _ in board.dues)}.[/]", soft_wrap=True)
    results.print("[dim]✓ hecho, e exceptuado, · falta, ✗ vencido o no cumple.[/]")
    for row in board.rows:
        for each in filter(None, (*row.damage, *row.ending, row.away)):
            warn(f"{row.id}: {each}.", zone)
    for name in board.astray:
        warn(f"{name} no está en ningún tablero: {of_nobody(home() / 'inventories' / name)}.")
    if html:
        results.print(f"  {printable(from_project(html))}", soft_wrap=True)
