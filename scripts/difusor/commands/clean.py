"""`difusor clean`: remove everything of the lab from this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from difusor.terminal import console, sentences


def run(
    images: Annotated[bool, typer.Option("--images", help="Quita también las imágenes construidas.")] = False,
    everybodys: Annotated[
        bool, typer.Option("--all", help="Quita también los laboratorios de otras carpetas del proyecto.")
    ] = False,
) -> None:
    """Quita contenedores, volúmenes, redes y procesos del laboratorio, y la demostración del escritorio."""
    from difusor.lab.removal import others, remove

    with sentences():
        left = {} if everybodys else others()
        for what in remove(images, left):
            console.print(f"  {what}")
    for lab, folder in left.items():
        console.print(f"  queda «{lab}», que es de {folder}: retírelo ahí, o aquí con --all")
    console.print(f"[green]✓[/] No queda nada {'más ' if left else ''}del laboratorio.")
