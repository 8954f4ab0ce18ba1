"""`difusor synthetic`: write cortes of invented data, for demos, rehearsals and tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from difusor.terminal import complain
from difusor.terminal.arguments import MaybeDifusor, instant

if TYPE_CHECKING:
    from difusor.synthetic.cortes import CorteSummary

DURATION = timedelta(hours=24)
MORELOS_2024 = datetime(2024, 6, 3, 2, tzinfo=UTC)
"""When the results of Morelos opened in 2024, once its polls had closed."""


def run(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="CARPETA", file_okay=False, resolve_path=True,
            help="Carpeta del corte; con --all, carpeta de las carpetas 001, 002, …",
        ),
    ],
    inventory: MaybeDifusor = None,
    seed: Annotated[int, typer.Option(metavar="NÚMERO", help="La misma semilla da los mismos bytes.")] = 1,
    number: Annotated[int, typer.Option(metavar="NÚMERO", help="Qué corte: 1 es el de cero actas.")] = 25,
    every: Annotated[bool, typer.Option("--all", help="Todos los cortes de la noche.")] = False,
    opens: Annotated[
        datetime | None,
        typer.Option(
            parser=instant, metavar="INSTANTE", show_default=f"{MORELOS_2024:%Y-%m-%dT%H:%M:%SZ}",
            help="Instante de apertura, con su diferencia con UTC.",
        ),
    ] = None,
    closes: Annotated[
        datetime | None,
        typer.Option(
            parser=instant, metavar="INSTANTE", help="Instante de cierre; sin él, 24 horas después de la apertura."
        ),
    ] = None,
    total: Annotated[int, typer.Option(metavar="NÚMERO", help="Cuántos cortes tiene la noche.")] = 145,
    environment: Annotated[str, typer.Option(metavar="AMBIENTE", help="official o simulacro.")] = "simulacro",
) -> None:  # fmt: skip
    """Escribe cortes con datos sintéticos del tamaño de Morelos.

    Con -i escribe el corte que a esta hora le toca al simulacro de ese difusor: su ventana, su intervalo y su número.
    """
    from difusor.synthetic.cortes import write_corte, write_night

    if inventory:
        opens, closes, number, total = _due(inventory)
    start = opens or MORELOS_2024
    end = closes or start + DURATION
    try:
        if every:
            for summary in write_night(out, opens=start, closes=end, seed=seed, environment=environment, total=total):
                _tell(summary)
        else:
            _tell(
                write_corte(
                    out, opens=start, closes=end, number=number, seed=seed, environment=environment, total=total
                )
            )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _due(inventory: Path) -> tuple[datetime, datetime, int, int]:
    """Return the window of an inventory's rehearsal, the number of the corte that is due, and how many there are."""
    from difusor.inventory import load_election
    from difusor.project import UnusableError
    from difusor.synthetic.due import due

    try:
        election = load_election(inventory)
        return election.window.opens, election.window.closes, *due(election)
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem


def _tell(summary: CorteSummary) -> None:
    actas = f"{summary.captured:5,} de {summary.expected:,} actas"
    size = f"{summary.bytes / 1e6:5.1f} MB en {summary.files} archivos, {summary.changed} nuevos"
    typer.echo(f"corte {summary.number:3d}  {summary.corte:%Y-%m-%dT%H:%M:%SZ}  {actas}  {size}")
