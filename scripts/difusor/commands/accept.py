"""`difusor accept`: try the project on a real server, from bare and back to bare, and pack everything that was seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from difusor.project import from_project
from difusor.terminal import StepFailed, complain, printable, results
from difusor.terminal.arguments import AskBecomePass, Authority, Difusor

if TYPE_CHECKING:
    from difusor.acceptance.archive import Archive
    from difusor.acceptance.run import Result


def run(
    inventory: Difusor,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="LLAVE", exists=True, resolve_path=True,
            help="Llave con que se firma el corte de ensayo: de un firmante de la elección.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="SERVIDOR", help="El nombre del servidor, donde no hay terminal que lo pida.")
    ] = None,
    ca: Authority = None,
    keep: Annotated[bool, typer.Option("--keep", help="Deja el servidor instalado, sin devolverlo.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Sigue con la última que se interrumpió.")] = False,
    ask_become_pass: AskBecomePass = False,
) -> None:  # fmt: skip
    """Prueba el proyecto en un servidor sin instalar: lo instala, mide, reinicia, actualiza, lo devuelve y compara.

    Deja un archivo sin secretos con todo lo visto. Termina con 1 si un paso falló o no se verificó; con 2 si no pudo
    comenzar o se interrumpió.
    """
    from difusor.acceptance import begin, refusals
    from difusor.acceptance.case import Case, LostError
    from difusor.acceptance.run import BrokenOffError
    from difusor.project import UnusableError
    from difusor.servers import sudo

    if not resume and key is None:
        raise click.UsageError("¿Con qué llave se firma el corte de ensayo? Dela con --key.")
    try:
        sudo.ask(ask_become_pass)
        if resume:
            result, archive = begin.resume(inventory, key, ca, keep)
        else:
            assert key is not None  # refused above
            result, archive = begin.begin(Case(inventory, refusals.only_server(inventory), key, ca), name, keep)
    except (UnusableError, LostError, BrokenOffError, StepFailed) as problem:
        complain(problem)
        raise typer.Exit(2) from problem
    except (KeyboardInterrupt, click.Abort) as interrupt:  # later ones are told by begin and run
        complain("usted interrumpió antes de que comenzara; nada se tocó")
        raise typer.Exit(2) from interrupt
    _show(result, archive)
    raise typer.Exit(0 if result.accepted else 1)


def _show(result: Result, archive: Archive) -> None:
    """Print how many steps ended in each way, the first that failed, and the archive with its digest."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in result.counts.items())
    results.print(f"\n[bold {'green' if result.accepted else 'red'}]{counts}[/]")
    if failed := result.first_failure:
        results.print(f"[bold red]Primera falla:[/] {failed.title}: {printable(failed.sentence)}", soft_wrap=True)
    results.print(f"{from_project(archive.path)}\nSHA-256 {archive.sha256}", soft_wrap=True)
