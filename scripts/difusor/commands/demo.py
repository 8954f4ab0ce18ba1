"""`difusor demo`: make a compliant server in the local lab, with its page and its dictamen."""

from __future__ import annotations

from typing import Annotated

import typer

from difusor.terminal import results, sentences


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
) -> None:  # fmt: skip
    """Levanta el laboratorio, instala el servidor, publica un corte sintético y emite el dictamen."""
    from difusor.lab import demo

    with sentences():
        compliant = demo.make(election)
    _say_where(compliant)
    raise typer.Exit(0 if compliant else 1)


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
  Dictamen   file://{demo.DICTAMEN}
  Servidor   {night.release(demo.LAB)} (HOST_SUITE elige otra versión al crearlo)
  Terminar   ./difusor clean
""",
        soft_wrap=True,
    )
