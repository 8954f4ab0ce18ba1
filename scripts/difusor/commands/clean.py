"""`difusor clean`: remove everything of the lab from this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from difusor.terminal import console, sentences


def run(
    images: Annotated[bool, typer.Option("--images", help="Quita también las imágenes construidas.")] = False,
) -> None:
    """Quita contenedores, volúmenes, redes y procesos del laboratorio, y la demostración del escritorio."""
    from difusor.lab.removal import remove

    with sentences():
        for what in remove(images):
            console.print(f"  {what}")
    console.print("[green]✓[/] No queda nada del laboratorio.")
