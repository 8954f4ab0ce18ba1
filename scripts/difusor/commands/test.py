"""`difusor test`: everything that proves it, side by side where hosts are independent."""

from __future__ import annotations

from typing import Annotated

import typer

from difusor.lab.images import ensure_archives
from difusor.proof import changed as changes
from difusor.proof import closing, durations, failures
from difusor.proof.cores import Cores
from difusor.proof.schedule import run_all
from difusor.proof.suites import MACHINE, Suite, releases, usual
from difusor.terminal import complain, sentences


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
    suites = _reached(names or []) if changed else _named(names or usual())
    with sentences():
        ensure_archives()
    with Cores() as cores:
        runs = run_all(suites)
    if lasting:
        durations.say(runs, cores.samples)
    failures.say(runs)
    closing.say(runs)
    raise typer.Exit(1 if any(run.failure for run in runs) else 0)


def _named(names: list[str]) -> list[Suite]:
    known = [*usual(), MACHINE]
    if unknown := [name for name in names if name not in known]:
        complain(f"No existe la prueba {', '.join(unknown)}. Las que hay: {', '.join(known)}.")
        raise typer.Exit(2)
    leader = next((name for name in names if name in releases()), None)
    return [Suite(name, leads=name == leader or name not in releases()) for name in names]


def _reached(revisions: list[str]) -> list[Suite]:
    if len(revisions) > 1:
        complain("--changed compara con una sola revisión")
        raise typer.Exit(2)
    try:
        revision, files = changes.changed_files(*revisions)
    except changes.RevisionError as error:
        complain(error)
        raise typer.Exit(2) from error
    plan = changes.plan(files)
    changes.say(revision, plan)
    return plan.suites()
