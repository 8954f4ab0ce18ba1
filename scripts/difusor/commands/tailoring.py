"""`difusor tailoring`: write the deviations as SCAP tailoring, with which OpenSCAP skips the explained rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difusor.project import build
from difusor.terminal import complain, results


def run(
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="CARPETA", resolve_path=True, show_default="build/tailoring", help="Carpeta en la que se escriben."
        ),
    ] = None,
) -> None:
    """Escribe las reglas que deliberadamente no se aplican como tailoring de SCAP, uno por guía.

    Un auditor lo carga con «oscap xccdf eval --tailoring-file»: cada regla exceptuada sale como notselected, y su
    razón está en el archivo.
    """
    from difusor.spec import SpecError
    from difusor.spec.tailoring import write_all

    try:
        for guide, path in write_all(output or build() / "tailoring"):
            results.print(f"[green]✓[/] {path} [dim]({', '.join(guide.profiles)})[/]", soft_wrap=True)
    except SpecError as error:
        complain(error)
        raise typer.Exit(1) from error
