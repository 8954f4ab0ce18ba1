"""`difusor synthetic`: write cortes of invented data, for demos, rehearsals and tests."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from difusor.terminal import complain, local
from difusor.terminal.arguments import MaybeDifusor, MaybeElection

if TYPE_CHECKING:
    from difusor.synthetic.cortes import CorteSummary


def run(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="CARPETA", file_okay=False, resolve_path=True,
            help="Carpeta del corte; con --all, carpeta de las carpetas 001, 002, …",
        ),
    ],
    inventory: MaybeDifusor = None,
    election: MaybeElection = None,
    seed: Annotated[int, typer.Option(metavar="NÚMERO", help="La misma semilla da los mismos bytes.")] = 1,
    number: Annotated[
        int | None,
        typer.Option(
            metavar="NÚMERO", min=1, help="Qué corte: 1 es el de cero actas. Sin él, el que a esta hora toca."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Todos los cortes de la noche.")] = False,
    images: Annotated[
        int,
        typer.Option(metavar="CASILLAS", min=0, help="De cuántas casillas, las primeras, van imágenes de sus actas."),
    ] = 0,
) -> None:  # fmt: skip
    """Escribe cortes con datos inventados para la elección de un difusor (-i), o para otra (--election).

    El lugar, los cargos, el Instituto, la ventana y el intervalo son los de la elección.
    """
    from difusor.inventory import load_election
    from difusor.project import UnusableError
    from difusor.synthetic.cortes import write_corte, write_night
    from difusor.synthetic.due import due, refuse_official
    from difusor.synthetic.setting import Setting

    source = inventory or election
    if source is None:
        raise click.UsageError("falta decir de qué elección: -i DIFUSOR, o --election ELECCIÓN")
    try:
        found = load_election(source)
        refuse_official(found)
        setting = Setting.of(found).but(images=images)
        if every:
            for summary in write_night(out, setting, seed=seed):
                _tell(summary, setting.catalog.zone)
        else:
            which = due(found) if number is None else number
            _tell(write_corte(out, setting, number=which, seed=seed), setting.catalog.zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem


def _tell(summary: CorteSummary, zone: tzinfo) -> None:
    actas = f"{summary.captured:5,} de {summary.expected:,} actas"
    size = f"{summary.bytes / 1e6:5.1f} MB en {summary.files} archivos, {summary.changed} nuevos"
    typer.echo(f"corte {summary.number:3d}  {local(summary.corte, zone)}  {actas}  {size}")
