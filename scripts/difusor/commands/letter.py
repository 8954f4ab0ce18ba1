"""`difusor letter`: write the papers of a difusor's desk as PDF: letter to sign, acknowledgement, trusted addresses."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from difusor.project import from_project
from difusor.terminal import complain, json_text, printable, results, warn
from difusor.terminal.arguments import Difusores, Json, instant

if TYPE_CHECKING:
    from difusor.partners.letters import Kind, Papers


class Paper(StrEnum):
    """What there is to write (letters.KINDS); Typer takes lists of choices only as an enumeration."""

    CARTA = "carta"
    ACUSE = "acuse"
    DIRECCIONES = "direcciones"


def run(
    inventory: Difusores,
    only: Annotated[
        list[Paper] | None,
        typer.Option(help="Solo ese papel; puede repetirse. Sin ella, todos los que ya se pueden hacer."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="CARPETA", file_okay=False, resolve_path=True, show_default="build/papeles",
            help="Dónde se escriben; ahí, cada difusor en su carpeta.",
        ),
    ] = None,
    made: Annotated[
        datetime | None, typer.Option(parser=instant, metavar="INSTANTE", help="La fecha que llevan; si no se da, hoy.")
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Escribe en PDF la carta compromiso (ANEXO 3) para firmar, el acuse del oficio y el aviso de direcciones.

    Termina con 1 si alguno de los que se pidieron con --only aún no se puede hacer.
    """
    from corte.format import instants
    from difusor.partners import letters
    from difusor.partners.filing import filing
    from difusor.project import UnusableError
    from difusor.spec import SpecError

    done, failed = [], False
    for each in inventory:
        folder = output / each.resolve().name if output else letters.folder_of(each)
        try:
            papers = letters.write(
                each,
                cast("tuple[Kind, ...]", tuple(str(kind) for kind in only or Paper)),
                made or instants.now(),
                filing.state(each),
                folder,
            )
        except (UnusableError, SpecError) as problem:
            complain(problem)
            failed = True
            continue
        done.append({"difusor": each.name, "files": list(map(str, papers.written)), "waiting": dict(papers.waiting)})
        failed = failed or bool(only and papers.waiting)
        for kind, reason in papers.waiting.items():
            warn(f"{each.name}, {kind}: {reason}.")
        if not as_json:
            show(papers)
    if as_json:
        typer.echo(json_text(done))
    raise typer.Exit(int(failed))


def show(papers: Papers) -> None:
    """Print the papers that were written."""
    for path in papers.written:
        results.print(f"[green]✓[/] {printable(from_project(path))}", soft_wrap=True)
