"""The verb `difusor publish`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from corte.format.refusal import Refusal
from difusor.publish import signing, target
from difusor.publish.deliver import Options, Outcome, deliver_all
from difusor.publish.signing import Signed
from difusor.publish.target import Target
from difusor.publish.terms import UnusableError
from difusor.terminal import console, foreign

WORDS = {
    "shown": "[green]publicado[/]",
    "held": "[yellow]verificado y en espera[/]",
    "refused": "[red]rechazado[/]",
    "failed": "[red]no entregado[/]",
    "silent": "[red]sin respuesta[/]",
}


def run(
    tree: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Carpeta del corte.")],
    inventory: Annotated[list[Path], typer.Option("--inventory", "-i", help="inventories/<difusor>; puede repetirse.")],
    key: Annotated[Path | None, typer.Option(help="Llave con que se firma, si el corte no está firmado.")] = None,
    bandwidth: Annotated[int | None, typer.Option(min=1, help="Límite de envío a cada difusor, en KiB/s.")] = None,
    ca: Annotated[
        Path | None, typer.Option(exists=True, help="Autoridad de los certificados, si no es pública.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Segundos que se espera la respuesta de cada difusor.")] = 60,
    minutes: Annotated[float, typer.Option(min=0, help="Minutos que puede durar el envío a cada difusor.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="El resultado en JSON, por la salida estándar.")] = False,
) -> None:
    """Firma un corte si hace falta, lo envía a los difusores y espera a que cada uno diga qué muestra."""
    try:
        targets, outcomes = _read(inventory)
        signed = _signed(tree, targets, key)
    except (UnusableError, Refusal) as problem:
        console.print(f"[bold red]✗[/] {foreign(problem)}")
        raise typer.Exit(1) from problem
    console.print(f"Corte {signed.manifest.sequence} de {signed.manifest.election}, manifiesto {signed.sha256[:16]}…")
    if targets:
        options = Options(bandwidth, ca, wait, minutes * 60)
        outcomes += deliver_all(signed, targets, options, lambda done: console.print(f"  {_line(done)}"))
    if as_json:
        document = {
            "sequence": signed.manifest.sequence,
            "manifest_sha256": signed.sha256,
            "difusores": [asdict(outcome) for outcome in outcomes],
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        console.print(_table(outcomes))
    raise typer.Exit(0 if all(outcome.good for outcome in outcomes) else 1)


def _read(inventories: list[Path]) -> tuple[list[Target], list[Outcome]]:
    """Return every server, and an outcome for each inventory that cannot be used: no partner stops the others."""
    targets: list[Target] = []
    failed: list[Outcome] = []
    for inventory in inventories:
        try:
            targets += target.read(inventory)
        except UnusableError as error:
            failed.append(Outcome(inventory.name, "failed", str(error), 0, 0.0))
    return targets, failed


def _signed(tree: Path, targets: list[Target], key: Path | None) -> Signed:
    """Return the signed tree; given a key, sign it first unless it is signed as these difusores expect."""
    if signing.is_signed(tree):
        try:
            signed, _ = signing.verify(tree)
            if key is None or (targets and signing.fits(signed, targets[0].terms)):
                return signed
        except Refusal:
            if key is None:
                raise
    if key is None:
        raise UnusableError("el corte no está firmado; indique --key o use «difusor sign»")
    if not targets:
        raise UnusableError("no hay inventario que diga de qué elección es el corte")
    if ordered := signing.ordered(tree, targets[0].terms):
        raise UnusableError(f"esa firma ya no vale y llevaba órdenes ({ordered}): repítalas con «difusor sign»")
    return signing.sign(tree, targets[0].terms, key)


def _line(outcome: Outcome) -> str:
    return f"{outcome.difusor}: {WORDS[outcome.result]} [dim]({outcome.seconds:.1f} s)[/]"


def _table(outcomes: list[Outcome]) -> Table:
    table = Table("Difusor", "Resultado", "Detalle", "Enviado", "Tiempo")
    for outcome in outcomes:
        sent, seconds = f"{outcome.sent_bytes / 1e6:.2f} MB", f"{outcome.seconds:.1f} s"
        table.add_row(outcome.difusor, WORDS[outcome.result], foreign(outcome.detail), sent, seconds)
    return table
