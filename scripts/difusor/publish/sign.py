"""The verb `difusor sign`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from difusor.corte import instants
from difusor.corte.refusal import Refusal
from difusor.publish import signing
from difusor.publish.terms import Terms, UnusableError

console = Console(stderr=True, highlight=False)


def run(
    tree: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Carpeta del corte.")],
    election: Annotated[Path, typer.Option(exists=True, help="elections/<nombre>.yml, o un inventario que la use.")],
    key: Annotated[
        Path, typer.Option(exists=True, help="Llave de OpenSSH del firmante (o su .pub, si está en el agente).")
    ],
    simulacro: Annotated[bool, typer.Option("--simulacro", help="Firma un simulacro de esa elección.")] = False,
    sequence: Annotated[int | None, typer.Option(min=0, help="Número del corte, si el árbol no lo dice.")] = None,
    corte: Annotated[str | None, typer.Option(help="Instante del corte, con su diferencia con UTC.")] = None,
) -> None:
    """Firma un corte: escribe corte.json y corte.json.sig en su carpeta."""
    try:
        terms = Terms.read(election)
        if simulacro:
            terms = replace(terms, environment="simulacro")
        signed = signing.sign(tree, terms, key, sequence, instants.parse_offset(corte) if corte else None)
        signer = signing.signer(signed, terms)
    except (UnusableError, Refusal, ValueError) as problem:
        console.print(f"[bold red]✗[/] {problem}")
        raise typer.Exit(1) from problem
    document = signed.manifest
    console.print(
        f"[green]✓[/] corte {document.sequence} de {document.election} ({document.environment}), "
        f"{len(document.files)} archivos, {document.total_bytes / 1e6:.1f} MB, firmado por {signer}"
    )
    typer.echo(signed.sha256)
