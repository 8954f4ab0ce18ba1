"""`difusor file`: put a signed scan into a difusor's file, or record why the institute goes without one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import click
import typer

from difusor.terminal import complain, json_text, printable, results, warn
from difusor.terminal.arguments import Difusor, Json, absolute, written_instant

if TYPE_CHECKING:
    from difusor.partners.filing.filing import Filed

Paper = Literal["oficio", "carta", "formato", "dictamen", "constancia"]
Required = Literal["oficio", "formato", "logotipo", "carta"]


def _unresolved(text: str) -> Path:
    """Return a path made absolute in which links stay links: a link is not filed."""
    return Path(absolute(text))


Scan = Annotated[
    Path | None,
    typer.Argument(
        parser=_unresolved, metavar="[ARCHIVO]", show_default=False, help="El documento firmado: PDF, PNG o JPEG."
    ),
]


def run(
    inventory: Difusor,
    path: Scan = None,
    paper: Annotated[Paper | None, typer.Option("--as", help="Qué documento es.")] = None,
    folio: Annotated[str, typer.Option(metavar="FOLIO", help="El número con que se recibió o se emitió.")] = "",
    received: Annotated[
        datetime | None,
        typer.Option(
            parser=written_instant, metavar="INSTANTE",
            help="Cuándo llegó; si no se da, ahora, o el oficio cuando dice su inscripción.",
        ),
    ] = None,
    signed_by: Annotated[
        str, typer.Option(metavar="NOMBRE", help="Quién lo firma; si no se da, el responsable legal.")
    ] = "",
    clause: Annotated[
        str, typer.Option(metavar="CLÁUSULA", help="Qué acredita una constancia, como HW-05 o RED-06.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Sustituye o corrige el que ya está, que se conserva y deja de contar.")
    ] = False,
    without: Annotated[
        Required | None, typer.Option(help="En vez de archivar: el documento sin el que el Instituto sigue adelante.")
    ] = None,
    reason: Annotated[str, typer.Option(metavar="RAZÓN", help="Por qué, y quién lo decidió; queda registrado.")] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Guarda en el expediente de un difusor un documento firmado y digitalizado, con su SHA-256 y su folio.

    En una elección oficial nada se instala sin oficio, formato, logotipo y carta. Con --without y --reason queda
    registrado sin cuál se sigue adelante, por qué, quién lo registró y cuándo.
    """
    from difusor.partners.facts import FactError
    from difusor.partners.filing import filing
    from difusor.partners.filing.filing import Filing
    from difusor.project import UnusableError
    from difusor.spec import SpecError

    if (
        (path is None) is not bool(without)
        or bool(without) is not bool(reason)
        or (path is None) is not (paper is None)
    ):
        raise click.UsageError("dé ARCHIVO con --as y --folio, o bien --without con --reason")
    try:
        if without:
            excused = filing.excuse(inventory, without, reason)
            answer = {"difusor": inventory.name, **excused.model_dump(mode="json")}
            told = f"{inventory.name}: se sigue adelante sin {without}; quedó registrado por {excused.by}"
        else:
            assert path is not None and paper is not None
            filed = filing.file(inventory, path, Filing(paper, folio, clause, signed_by, received, replace))
            answer, told = filed.model_dump(), _told(filed)
    except (UnusableError, FactError, SpecError) as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    if as_json:
        typer.echo(json_text(answer))
    else:
        _confirm(told)


def show(filed: Filed) -> None:
    """Print what became of a scan."""
    _confirm(_told(filed))


def _confirm(told: str) -> None:
    results.print(f"[green]✓[/] {printable(told)}", soft_wrap=True)


def _told(filed: Filed) -> str:
    for note in filed.notes:
        warn(f"{note}.")
    end = f"; el anterior se conserva en {filed.replaced}" if filed.replaced else ""
    return f"{filed.difusor}, {filed.paper}: {filed.outcome} en {filed.file}, SHA-256 {filed.sha256}{end}"
