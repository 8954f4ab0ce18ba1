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
from difusor.terminal import complain, console, json_text, local, printable, results, table
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
    """Revisa a todos los difusores, y esta máquina, antes de la noche: rojo o verde, y qué se hace. No cambia nada.

    Termina con 1 si algo está en rojo; con avisos solos, con 0.
    """
    from corte.format import instants
    from difusor.countdown import here, subjects
    from difusor.countdown.outside import Looks
    from difusor.countdown.run import HERE, Options, Row, rows
    from difusor.countdown.subjects import Subject
    from difusor.project import UnusableError
    from difusor.servers import sudo

    if inventory and election:
        raise click.UsageError("Dé -i o --election, no ambas.")
    try:
        chosen = inventory or subjects.of_election(election)
        away = [] if inventory else subjects.rehearsing(election)
        sudo.ask(ask_become_pass)
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    now = instants.now()
    with console.status(f"Se mira a {len(chosen)} difusores, en {seconds:.0f} s a lo más"):
        options = Options(against or build() / "registro", Looks(tuple(dns or ()), ca), at, seconds)
        read = [*subjects.read_all(chosen), *away]
        found = rows(read, options, now)
    own = Row(HERE, at, None, tuple(here.judge(each.host.election for each in read if isinstance(each, Subject))))
    found.sort(key=lambda row: (URGENCY.index(row.state), row.difusor))
    if as_json:
        told = {"made": instants.write(now), "here": _document(own), "difusores": [_document(row) for row in found]}
        typer.echo(json_text(told))
    else:
        results.print(_table([own, *found]))
        results.print(_closing(own, found, now), soft_wrap=True)
    raise typer.Exit(int(any(row.state == "bad" for row in (own, *found))))


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


def _closing(own: Row, found: list[Row], now: datetime) -> str:
    """Return the last lines: the order of the marks, how many and who are red, when it opens, and in how long."""
    most = max((row.checks for row in found), key=len, default=())
    order = ", ".join(TITLES[each.key] for each in most) if len(most) > 1 else ""
    counts = {state: sum(row.state == state and not row.revoked for row in found) for state in URGENCY}
    told = f"Listos: {counts['good']}; con aviso: {counts['warn']}; en rojo: {counts['bad']}"
    if red := [printable(row.difusor) for row in found if row.state == "bad" and not row.revoked]:
        told += f" ({', '.join(red)})"
    if own.state == "bad":  # its row is the first, and has left the screen above many others
        told += f"; y también {own.difusor}"
    return (f"[dim]Revisado: {order}.[/]\n" if order else "") + f"{told}; {_left(found, now)}."


def _left(found: list[Row], now: datetime) -> str:
    """Return when the first of them opens and closes, by the clocks of the place, and how long it is until then."""
    known = ((row.opens, row.closes, row.zone) for row in found if row.opens and row.closes and row.zone)
    opens, closes, zone = min(known, key=lambda each: each[:2], default=(None, None, None))
    if not (opens and closes and zone):
        return "sin hora de apertura"
    minutes = int((opens - now).total_seconds() // 60)
    left = f"faltan {minutes // 60} h {minutes % 60:02} min para la apertura"
    left = "la hora de apertura ya pasó" if minutes < 0 else left
    return f"{left}: abre {local(opens, zone)} y cierra {local(closes, zone)}"
