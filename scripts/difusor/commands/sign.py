"""The verb `difusor sign`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from corte.format import instants
from corte.format.manifest import Window
from corte.format.refusal import Refusal
from difusor.publish import signing
from difusor.publish.terms import Terms, UnusableError
from difusor.terminal import console, foreign


def run(
    tree: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Carpeta del corte.")],
    election: Annotated[Path, typer.Option(exists=True, help="elections/<nombre>.yml, o un inventario que la use.")],
    key: Annotated[
        Path, typer.Option(exists=True, help="Llave de OpenSSH del firmante (o su .pub, si está en el agente).")
    ],
    simulacro: Annotated[bool, typer.Option("--simulacro", help="Firma un simulacro de esa elección.")] = False,
    sequence: Annotated[int | None, typer.Option(min=0, help="Número del corte, si el árbol no lo dice.")] = None,
    corte: Annotated[str | None, typer.Option(help="Instante del corte, con su diferencia con UTC.")] = None,
    close: Annotated[str | None, typer.Option(help="Ordena otro cierre: instante con su diferencia con UTC.")] = None,
    retain: Annotated[str | None, typer.Option(help="Ordena hasta cuándo queda a la vista lo publicado.")] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Ordena dejar a la vista lo que ya está.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Termina esa pausa: se muestra el último corte.")] = False,
    rectification: Annotated[bool, typer.Option("--rectification", help="Admite cuentas que bajan.")] = False,
    clock_override: Annotated[
        bool, typer.Option("--clock-override", help="Ordena abrir aunque el reloj del servidor no esté sincronizado.")
    ] = False,
) -> None:
    """Firma un corte, con órdenes si hacen falta: escribe corte.json y corte.json.sig en su carpeta."""
    orders = {"hold": hold, "resume": resume, "rectification": rectification, "clock-override": clock_override}
    try:
        terms = Terms.read(election)
        if simulacro:
            terms = replace(terms, environment="simulacro")
        terms = replace(terms, window=_window(terms.window, close, retain))
        signed = signing.sign(
            tree,
            terms,
            key,
            sequence,
            instants.parse_offset(corte) if corte else None,
            [word for word, given in orders.items() if given],
        )
        signer = signing.signer(signed, terms)
    except (UnusableError, Refusal, ValueError) as problem:
        console.print(f"[bold red]✗[/] {foreign(problem)}")
        raise typer.Exit(1) from problem
    document = signed.manifest
    console.print(
        f"[green]✓[/] corte {document.sequence} de {document.election} ({document.environment}), "
        f"{len(document.files)} archivos, {document.total_bytes / 1e6:.1f} MB, firmado por {signer}"
    )
    for word in document.orders:
        console.print(f"  orden: {word}")
    if close or retain:
        console.print(
            f"  cierra {instants.write(terms.window.closes)}, a la vista hasta "
            f"{instants.write(terms.window.retain_until)}; escríbalo en la elección: manda el último corte firmado"
        )
    for warning in signing.warnings(signed):
        console.print(f"[yellow]![/] {foreign(warning)}")
    typer.echo(signed.sha256)


def _window(window: Window, close: str | None, retain: str | None) -> Window:
    """Return the election's window with what is ordered; what is retained is never less than until the close."""
    closes = instants.parse_offset(close) if close else window.closes
    return Window(window.opens, closes, instants.parse_offset(retain) if retain else max(window.retain_until, closes))
