"""`difusor demo`: make a compliant server in the local lab, with its page and its dictamen."""

from __future__ import annotations

import shlex
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from difusor.project import from_project
from difusor.terminal import complain, printable, results, sentences

if TYPE_CHECKING:
    from difusor.lab.desk.step import Step

INVENTED = "ribera-2027"
"""The election that lends the desk its place, institute and call, unless another is named: all of it is invented."""


def _shipped(text: str) -> str:
    from difusor.lab import night

    if text not in (there := night.elections()):
        raise typer.BadParameter(f"el proyecto no tiene la elección «{text}»; las que tiene: {', '.join(there)}.")
    return text


def run(
    election: Annotated[
        str | None,
        typer.Option(
            metavar="ELECCIÓN", parser=_shipped, show_default=False,
            help="La del proyecto (elections/) cuyo lugar, cargos e Instituto muestra.",
        ),
    ] = None,
    desk: Annotated[
        bool,
        typer.Option(
            "--desk", help="El escritorio, sin servidor: doce formatos inventados, sus papeles, el tablero y la lista."
        ),
    ] = False,
) -> None:  # fmt: skip
    """Levanta el laboratorio, instala el servidor, publica un corte sintético y emite el dictamen.

    Con --desk no hay laboratorio: muestra lo que ve quien inscribe difusores, y termina con 1 si alguno queda inscrito
    y no debía, o al revés.
    """
    from difusor.lab import demo

    if desk:
        raise typer.Exit(_desk(election or INVENTED))
    with sentences():
        compliant = demo.make(election)
    _say_where(compliant)
    raise typer.Exit(0 if compliant else 1)


def _desk(like: str) -> int:
    """Show the desk's steps as they are done; return 1 when anything is not as it has to be, else 0."""
    from difusor.lab.desk import FOLDER, story
    from difusor.partners.facts import FactError
    from difusor.project import UnusableError

    wrong, told = 0, from_project(FOLDER)
    results.print(f"Todo es inventado y queda en {told}; para repetir ahí un comando: export DIFUSOR_HOME={told}")
    try:
        for number, step in enumerate(story.run(FOLDER, like), 1):
            wrong += _show(number, step)
    except (UnusableError, FactError) as problem:
        complain(problem)
        return 1
    results.print()
    for what, path in story.RESULTS.items():
        results.print(f"  {what:<10} {(FOLDER / path).as_uri()}", soft_wrap=True)
    if wrong:
        complain(f"Pasos que no terminaron como debían: {wrong}.")
    return int(bool(wrong))


def _show(number: int, step: Step) -> bool:
    """Show one step as its verb does; return whether it is not as it has to be."""
    results.print(f"\n[bold]{number}. {printable(step.title)}[/]", soft_wrap=True)
    if step.words:
        results.print(f"[cyan]./difusor {printable(shlex.join(step.words))}[/]", soft_wrap=True)
    if step.refused:
        complain(step.refused)
    if step.shown:
        import_module(f"difusor.commands.{step.words[0]}").show(*step.shown)
    for line in step.told:
        results.print(f"  {printable(line)}", soft_wrap=True)
    if step.wrong:
        complain(f"Así no debía terminar: {step.wrong}")
    return bool(step.wrong)


def _say_where(compliant: bool) -> None:
    from difusor.lab import demo, night

    verdict = (
        "El servidor cumple la convocatoria, con las exenciones que muestra el dictamen."
        if compliant
        else "El servidor no cumple toda la convocatoria: vea el dictamen."
    )
    results.print(
        f"""
[bold]{verdict}[/]

  Página     https://{night.address(demo.LAB)}/   (certificado del laboratorio: {night.authority(demo.LAB)})
  Dictamen   {demo.DICTAMEN.as_uri()}
  Servidor   {night.release(demo.LAB)} (HOST_SUITE elige otra versión al crearlo)
  Terminar   ./difusor clean
""",
        soft_wrap=True,
    )
