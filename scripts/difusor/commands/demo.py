"""`difusor demo`: make a compliant server in the local lab, with its page and its dictamen."""

from __future__ import annotations

import typer

from difusor.terminal import results, sentences


def run() -> None:
    """Levanta el laboratorio, instala el servidor, publica un corte sintético y emite el dictamen."""
    from difusor.lab import demo

    with sentences():
        compliant = demo.make()
    _say_where(compliant)
    raise typer.Exit(0 if compliant else 1)


def _say_where(compliant: bool) -> None:
    from difusor.lab import demo, night

    verdict = (
        "El servidor cumple el ANEXO 1, con las exenciones que muestra el dictamen."
        if compliant
        else "El servidor no cumple todo el ANEXO 1: vea el dictamen."
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
