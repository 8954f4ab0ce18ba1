"""`difusor countdown`: what of each difusor is red or green a day and an hour before the opening."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer
from rich.table import Table

from difusor.commands._options import name_server
from difusor.countdown.checks import TITLES, Moment
from difusor.project import build
from difusor.terminal import complain, console, json_text, printable, results, table
from difusor.terminal.arguments import AskBecomePass, Authority, Json, MaybeDifusores, elections

if TYPE_CHECKING:
    from difusor.countdown.run import Row

MARKS = {"good": "[green]✓[/]", "warn": "[yellow]![/]", "bad": "[bold red]✗[/]"}
STATES = {"good": "[green]listo[/]", "warn": "[yellow]con aviso[/]", "bad": "[bold red]rojo[/]"}
URGENCY = ("bad", "warn", "good")


At = Annotated[
    Moment | None,
    typer.Option(
        case_sensitive=False, show_default="según cuánto falte", help="Un día antes de la apertura, o una hora."
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        metavar="CARPETA", exists=True, file_okay=False, resolve_path=True, show_default="build/registro",
        help="Dónde están los registros de difusor freeze.",
    ),
]  # fmt: skip
Dns = Annotated[
    list[str] | None,
    typer.Option(
        "--dns", parser=name_server, metavar="DIRECCIÓN", show_default="los de cada dominio",
        help="Servidor de nombres al que se pregunta, con :puerto si no es el 53; puede repetirse.",
    ),
]  # fmt: skip
Seconds = Annotated[
    float, typer.Option(metavar="SEGUNDOS", min=1, help="Los que puede durar todo; lo que no respondió, es rojo.")
]


def run(
    inventory: MaybeDifusores = None,
    election: Annotated[
        str | None,
        typer.Option(
            metavar="ELECCIÓN", autocompletion=elections, help="Todos los difusores de esta; si hay una sola, esa."
        ),
    ] = None,
    at: At = None,
    against: Against = None,
    dns: Dns = None,
    ca: Authority = None,
    seconds: Seconds = 60,
    as_json: Json = False,
    ask_become_pass: AskBecomePass = False,
) -> None:
    """Revisa a todos los difusores antes de la noche: rojo o verde, y qué se hace con lo rojo. No cambia nada.

    Termina con 1 si algo está en rojo; con avisos solos, con 0.
    """
    from corte.format import instants
    from difusor.countdown import subjects
    from difusor.countdown.outside import Looks
    from difusor.countdown.run import Options, rows
    from difusor.project import UnusableError
    from difusor.servers import sudo

    if inventory and election:
        raise click.UsageError("Dé -i o --election, no ambas.")
    try:
        chosen = inventory or subjects.of_election(election)
        sudo.ask(ask_become_pass)
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    now = instants.now()
    with console.status(f"Se mira a {len(chosen)} difusores, en {seconds:.0f} s a lo más"):
        options = Options(against or build() / "registro", Looks(tuple(dns or ()), ca), at, seconds)
        found = rows(subjects.read_all(chosen), options, now)
    found.sort(key=lambda row: (URGENCY.index(row.state), row.difusor))
    if as_json:
        typer.echo(json_text({"made": instants.write(now), "difusores": [_document(row) for row in found]}))
    else:
        results.print(_table(found))
        results.print(_closing(found, now), soft_wrap=True)
    raise typer.Exit(int(any(row.state == "bad" for row in found)))


def _document(row: Row) -> dict[str, Any]:
    return {
        "difusor": row.difusor,
        "state": row.state,
        "moment": row.moment,
        "opens": row.opens.isoformat() if row.opens else None,
        "revoked": row.revoked,
        "checks": [
            {"key": each.key, "state": each.state, "found": each.found, "remedy": each.remedy} for each in row.checks
        ],
    }


def _table(found: list[Row]) -> Table:
    """Return one line for a difusor that is ready; for another one what is wrong with it, and what to do."""
    columns = table("Difusor", "", "Revisado", "Qué pasa, y qué se hace")
    columns.columns[2].no_wrap = True
    for row in found:
        marks = "".join(MARKS[each.state] for each in row.checks)
        wrong = [each for each in row.checks if each.state != "good"]
        told = "\n".join(
            f"{MARKS[each.state]} {TITLES[each.key]}: {printable(each.found, row.zone)}\n"
            f"  [dim]→[/] {printable(each.remedy, row.zone)}"
            for each in wrong
        )
        state = "[dim]fuera[/]" if row.revoked else STATES[row.state]
        columns.add_row(printable(row.difusor), state, marks, told or printable(row.revoked, row.zone))
    return columns


def _closing(found: list[Row], now: datetime) -> str:
    """Return the last lines: in which order the marks stand, how many and who are red, how long until the opening."""
    most = max((row.checks for row in found), key=len, default=())
    order = ", ".join(TITLES[each.key] for each in most) if len(most) > 1 else ""
    counts = {state: sum(row.state == state and not row.revoked for row in found) for state in URGENCY}
    opens = min((row.opens for row in found if row.opens), default=None)
    told = f"Listos: {counts['good']}; con aviso: {counts['warn']}; en rojo: {counts['bad']}"
    if red := [printable(row.difusor) for row in found if row.state == "bad" and not row.revoked]:
        told += f" ({', '.join(red)})"
    return (f"[dim]Revisado: {order}.[/]\n" if order else "") + f"{told}; {_left(opens, now)}."


def _left(opens: datetime | None, now: datetime) -> str:
    if opens is None:
        return "sin hora de apertura"
    minutes = int((opens - now).total_seconds() // 60)
    if minutes < 0:
        return "la hora de apertura ya pasó"
    return f"faltan {minutes // 60} h {minutes % 60:02} min para la apertura"
