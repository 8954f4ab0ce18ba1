"""`difusor verify`: check a corte's files against its manifest, and the manifest against its signature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difusor.terminal import complain, console, printable
from difusor.terminal.arguments import Corte


def run(
    tree: Corte,
    election: Annotated[
        Path | None,
        typer.Option(
            metavar="ELECCIÓN", exists=True, resolve_path=True,
            help="Elección o inventario: comprueba también quién firmó.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Comprueba un corte firmado: cada byte contra el manifiesto, y el manifiesto contra su firma."""
    from corte.format import instants
    from corte.format.refusal import Refusal
    from difusor.inventory import load_election
    from difusor.project import UnusableError
    from difusor.publish import signing, standing

    try:
        signed, fingerprint = signing.verify(tree)
        signer = signing.signer(signed, load_election(election)) if election else f"la llave {fingerprint}"
    except (UnusableError, Refusal) as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    document = signed.manifest
    console.print(
        f"[green]✓[/] corte {document.sequence} de {document.election} ({document.environment}), "
        f"{instants.write(document.corte)}, {len(document.files)} archivos íntegros, firmado por {signer}"
    )
    for word in document.orders:
        console.print(f"  orden: {word}")
    for clause in standing.sentences(document.stands):
        console.print(f"  en pie: {clause}")
    warnings, checked = signing.plausible(signed)
    for told in checked:
        console.print(f"  {printable(told)}")
    for warning in warnings:
        console.print(f"[yellow]![/] {printable(warning)}")
    typer.echo(signed.sha256)
