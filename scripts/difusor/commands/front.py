"""`difusor front`: print the lines by which the outlet's own web server passes a folder of its site to the PREP's."""

from __future__ import annotations

import typer

from difusor.terminal import complain
from difusor.terminal.arguments import Difusor


def run(inventory: Difusor) -> None:
    """Escribe los renglones para el nginx o el Apache del difusor, si su vínculo es una carpeta de otro sitio suyo."""
    from difusor.inventory import load
    from difusor.partners.front import lines
    from difusor.project import UnusableError

    try:
        typer.echo(lines(load(inventory)), nl=False)
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
