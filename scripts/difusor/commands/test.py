"""`difusor test`: run every suite that proves the project, several at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click
import typer

from difusor.terminal import sentences

if TYPE_CHECKING:
    from difusor.proof.suites import Suite


def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PRUEBA...|REV]",
            help="unit o una versión (bookworm…); sin nombres, todas ellas. vm, solo si se pide. "
            "Con --changed, la revisión con la que se compara.",
            show_default=False,
        ),
    ] = None,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Solo lo que alcanza el cambio desde REV (origin/main, o HEAD donde no la haya), también lo que aún "
            "no está en git: unit y, en una versión, las pruebas de servidor de lo que cambió.",
        ),
    ] = False,
    lasting: Annotated[
        bool,
        typer.Option(
            "--durations", help="Al final, qué tardó cada fase, las pruebas más lentas y cuándo sobraron núcleos."
        ),
    ] = False,
) -> None:
    """Prueba el proyecto: reglas de la casa, unidades y un servidor completo por versión.

    vm es el servidor completo con núcleo propio, en una máquina virtual: arranque, AppArmor, auditoría, cortes de
    corriente. Sin KVM se emula, y entonces dura más que todas las otras juntas.
    """
    from difusor.lab.images import ensure_archives
    from difusor.proof import closing, durations, failures
    from difusor.proof.cores import Cores
    from difusor.proof.schedule import run_all

    suites = _reached(names or []) if changed else _named(names or [])
    with sentences():
        ensure_archives()
    with Cores() as cores:
        runs = run_all(suites)
    if lasting:
        durations.say(runs, cores.samples)
    failures.say(runs)
    closing.say(runs)
    raise typer.Exit(1 if any(run.failure for run in runs) else 0)


def _reached(revisions: list[str]) -> list[Suite]:
    from difusor.proof import changed

    if len(revisions) > 1:
        raise click.UsageError("--changed compara con una sola revisión.")
    try:
        revision, files = changed.changed_files(*revisions)
    except changed.RevisionError as error:
        raise click.UsageError(str(error)) from error
    plan = changed.plan(files)
    changed.say(revision, plan)
    return plan.suites()


def _named(names: list[str]) -> list[Suite]:
    from difusor.proof import suites

    try:
        return suites.named(names or suites.usual())
    except suites.UnknownSuiteError as error:
        raise click.UsageError(str(error)) from error
